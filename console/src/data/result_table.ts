import type { Data, Field, RecordBatch } from 'apache-arrow/Arrow.dom';
import { kindOf, readValue, type Kind, type Value } from './values';

export interface ResultColumn {
  name: string;
  type: string; // DuckDB's name for it.
  kind: Kind;
}

/**
 * The rows of a result, in the Arrow batches of the response. A value is decoded when it is shown,
 * so that a million rows take no more memory than their bytes.
 */
export class ResultTable {
  readonly columns: ResultColumn[];
  private readonly batches: Data[][] = [];
  private readonly starts: number[] = []; // The first row of each batch.
  private count = 0;

  constructor(fields: Field[]) {
    this.columns = fields.map((field) => {
      const type = field.metadata.get('tarn.type') ?? String(field.type);
      return { name: field.name, type, kind: kindOf(field.type, type) };
    });
  }

  get rowCount(): number {
    return this.count;
  }

  add(batch: RecordBatch): void {
    if (batch.numRows === 0) return;
    this.starts.push(this.count);
    this.batches.push(batch.data.children);
    this.count += batch.numRows;
  }

  /** `most`: see readValue(). */
  value(row: number, column: number, most?: number): Value {
    const batch = this.batchOf(row);
    return readValue(this.batches[batch][column], row - this.starts[batch], most);
  }

  private batchOf(row: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
