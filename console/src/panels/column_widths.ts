import type { ResultTable } from '../data/result_table';
import { cellText, cellTextMax } from './cell_text';

const sampledRows = 100;
const widthMin = 60;
const widthMax = 420;

/** How wide the columns of a grid are, and where they begin. */
export class ColumnWidths {
  widths: number[] = [];
  lefts: number[] = []; // Of each column, and at the end the width of all.
  private byHand = false;

  /** Those that the values of a table need. */
  measure(table: ResultTable): void {
    this.widths = table.columns.map((_, index) => Math.min(widthMax, widthOf(table, index)));
    this.byHand = false;
    this.place();
  }

  /** The same, unless somebody has set one. */
  measureAgain(table: ResultTable): void {
    if (!this.byHand) this.measure(table);
  }

  /** As wide as its values need it, whatever that is. */
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
  // Rows from all over: the last of a million numbers are longer than the first.
  const step = Math.max(1, Math.floor((table.rowCount - 1) / (sampledRows - 1)));
  const column = table.columns[index];
  // Names are bold.
  let longest = Math.max(column.name.length * 1.1, Math.min(column.type.length * 0.8, 20));
  for (let row = 0; row < table.rowCount; row += step) {
    longest = Math.max(longest, cellText(table.value(row, index, cellTextMax + 1)).length);
  }
  return Math.round(Math.max(widthMin, longest * 8 + 24));
}
