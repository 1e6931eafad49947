import type { ResultTable } from '../data/result_table';
import { cellText, cellTextMax } from './cell_text';

const sampledRows = 100;
const widthMin = 60;
const widthMax = 420;

/** The widths and positions of the columns of a grid. */
export class ColumnWidths {
  widths: number[] = [];
  lefts: number[] = []; // One for each column, then the total width.
  private byHand = false;

  /** Fits all columns to their values, up to a maximum. */
  measure(table: ResultTable): void {
    this.widths = table.columns.map((_, index) => Math.min(widthMax, widthOf(table, index)));
    this.byHand = false;
    this.place();
  }

  /** The same, unless the user has set a width. */
  measureAgain(table: ResultTable): void {
    if (!this.byHand) this.measure(table);
  }

  /** Fits a column to its values, without a maximum. */
  fit(table: ResultTable, column: number): void {
    this.set(column, widthOf(table, column));
  }

  set(column: number, width: number): void {
    this.byHand = true;
    this.widths[column] = Math.max(widthMin, width);
    this.place();
  }

  private place(): void {
    this.lefts = [0];
    for (const width of this.widths) this.lefts.push(this.lefts[this.lefts.length - 1] + width);
  }
}

function widthOf(table: ResultTable, index: number): number {
  // Samples all rows, because the last of a million numbers may be longer than the first.
  const step = Math.max(1, Math.floor((table.rowCount - 1) / (sampledRows - 1)));
  const column = table.columns[index];
  // Names are bold, and therefore wider.
  let longest = Math.max(column.name.length * 1.1, Math.min(column.type.length * 0.8, 20));
  for (let row = 0; row < table.rowCount; row += step) {
    longest = Math.max(longest, cellText(table.value(row, index, cellTextMax + 1)).length);
  }
  return Math.round(Math.max(widthMin, longest * 8 + 24));
}
