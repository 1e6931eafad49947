import type { ResultTable } from './result_table';
import { valueText } from './values';

/** A part of a result, including both ends. Row -1 is the names. */
export interface Area {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export function cellsOf({ top, bottom, left, right }: Area): number {
  return (bottom - top + 1) * (right - left + 1);
}

/** Text for spreadsheets: tabs between cells, and empty cells for NULL. One cell gives its text. */
export function areaText(table: ResultTable, area: Area): string {
  const text = (row: number, column: number) =>
    row < 0 ? table.columns[column].name : valueText(table.value(row, column));
  if (cellsOf(area) === 1) return text(area.top, area.left);
  const lines: string[] = [];
  for (let row = area.top; row <= area.bottom; ++row) {
    const cells: string[] = [];
    for (let column = area.left; column <= area.right; ++column) {
      const isNull = row >= 0 && table.value(row, column, 0) === null;
      cells.push(isNull ? '' : quoted(text(row, column)));
    }
    lines.push(cells.join('\t'));
  }
  return lines.join('\n');
}

function quoted(text: string): string {
  return /["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
