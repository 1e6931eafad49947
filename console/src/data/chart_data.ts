import type { ResultColumn, ResultTable } from './result_table';
import { numberOf, valueText } from './values';

export type ChartKind = 'bar' | 'line' | 'scatter';

/** The kind of the chart and its columns, by index. An `x` of -1 is the row number. */
export interface ChartChoice {
  kind: ChartKind;
  x: number;
  y: number[];
}

export interface ChartData {
  xs: number[];
  ys: (number | null)[][];
  labels: string[] | null; // The texts of xs that are not numbers.
  isTime: boolean;
  shownRows: number;
}

const rowsMax: Record<ChartKind, number> = { bar: 60, line: 200_000, scatter: 200_000 };
const seriesMax = 8;
const lookedAtMax = 200;

export function numericColumns(columns: ResultColumn[]): number[] {
  return columns.flatMap((column, index) => (column.kind === 'number' ? [index] : []));
}

/** Suggests a chart from the types of the columns. Returns null without a column of numbers. */
export function suggestChart(table: ResultTable): ChartChoice | null {
  const { columns } = table;
  const numbers = numericColumns(columns);
  if (numbers.length === 0 || table.rowCount === 0) return null;
  // The first columns of a query usually identify the row.
  const about = columns.findIndex(({ kind }) => kind === 'time' || kind === 'text' || kind === 'boolean');
  if (about >= 0 && columns[about].kind === 'time') {
    return { kind: 'line', x: about, y: numbers.slice(0, seriesMax) };
  }
  if (about >= 0) return { kind: 'bar', x: about, y: numbers.slice(0, 1) };
  if (numbers.length === 1) {
    return { kind: table.rowCount <= rowsMax.bar ? 'bar' : 'line', x: -1, y: numbers };
  }
  const [x, ...others] = numbers;
  if (ascends(table, x)) return { kind: 'line', x, y: others.slice(0, seriesMax) };
  return { kind: 'scatter', x, y: others.slice(0, 1) };
}

/** Checks the first rows, and a sample of all: values may ascend only at the beginning. */
function ascends(table: ResultTable, column: number): boolean {
  const step = Math.max(1, Math.floor(table.rowCount / lookedAtMax));
  let before = -Infinity;
  for (let row = 0; row < table.rowCount; row += row < lookedAtMax ? 1 : step) {
    const value = numberOf(table.value(row, column), 'number');
    if (!(value > before)) return false;
    before = value;
  }
  return true;
}

export function chartData(table: ResultTable, choice: ChartChoice): ChartData {
  const shownRows = Math.min(table.rowCount, rowsMax[choice.kind]);
  const kind = choice.x < 0 ? 'number' : table.columns[choice.x].kind;
  const isAxis = choice.kind !== 'bar' && (kind === 'number' || kind === 'time');
  const xs: number[] = [];
  const labels: string[] = [];
  const rows: number[] = [];
  for (let row = 0; row < shownRows; ++row) {
    const value = choice.x < 0 ? row + 1 : table.value(row, choice.x);
    const at = isAxis ? numberOf(value, kind) : row;
    if (!Number.isFinite(at)) continue;
    if (!isAxis) labels.push(valueText(value));
    xs.push(at);
    rows.push(row);
  }
  // uPlot requires ascending x.
  const order = xs.map((_, i) => i);
  if (isAxis) order.sort((a, b) => xs[a] - xs[b]);
  return {
    xs: order.map((i) => xs[i]),
    ys: choice.y.map((column) =>
      order.map((i) => {
        const y = numberOf(table.value(rows[i], column), 'number');
        return Number.isFinite(y) ? y : null;
      }),
    ),
    labels: isAxis ? null : labels,
    isTime: isAxis && kind === 'time',
    shownRows,
  };
}
