import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import {
  chartData,
  numericColumns,
  suggestChart,
  type ChartChoice,
  type ChartData,
  type ChartKind,
} from '../data/chart_data';
import type { ResultTable } from '../data/result_table';
import { h, oncePerFrame } from '../ui/dom';
import { formatCount, formatMark, formatRows } from '../ui/format';
import { colour, onThemeChange } from '../ui/theme';
import './chart.css';

const kinds: { kind: ChartKind; name: string }[] = [
  { kind: 'bar', name: 'Bars' },
  { kind: 'line', name: 'Lines' },
  { kind: 'scatter', name: 'Points' },
];
const legendHeight = 36;
const yAxisSpace = 24; // Tick lines and the space around the texts.
const digitWidth = 7.5;
const markWidth = 92; // The width of a text below the bars; see shorten().
// Formats of times, in place of uPlot's American ones. Each has its smallest step in seconds, the
// text, and additions for a new year, month, day, hour, minute or second (1: on a line of its own).
const timeMarks: uPlot.Axis.Values = [
  [3600 * 24 * 365, '{YYYY}', null, null, null, null, null, null, 1],
  [3600 * 24 * 28, '{YYYY}-{MM}', null, null, null, null, null, null, 1],
  [3600 * 24, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{MM}-{DD}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, '\n{MM}-{DD}', null, null, null, 1],
  [
    0.001,
    '{ss}.{fff}',
    '\n{YYYY}-{MM}-{DD} {HH}:{mm}',
    null,
    '\n{MM}-{DD} {HH}:{mm}',
    null,
    '\n{HH}:{mm}',
    null,
    1,
  ],
];

/** A chart of the result: suggested by its types, changed by the controls above it. */
export class ChartPanel {
  readonly element = h('div', { class: 'chart' });
  private readonly controls = h('div', { class: 'chart-controls' });
  private readonly canvas = h('div', { class: 'chart-canvas', role: 'img' });
  private readonly note = h('p', { class: 'muted note' });
  private table: ResultTable | null = null;
  private choice: ChartChoice | null = null;
  private plot: uPlot | null = null;
  private chosen: { choice: ChartChoice; of: string } | null = null; // By the user.
  private waits = false;
  private stale = true;
  private shown = false;

  constructor() {
    this.element.append(this.controls, this.canvas, this.note);
    const redraw = oncePerFrame(() => this.draw());
    onThemeChange(redraw);
    new ResizeObserver(redraw).observe(this.canvas);
    this.setTable(null);
  }

  setTable(table: ResultTable | null): void {
    this.table = table;
    this.waits = false;
    this.stale = true;
    if (this.shown) this.show();
  }

  /** Shows no chart until the rows of another query have arrived. */
  wait(): void {
    this.setTable(null);
    this.waits = true;
    if (this.shown) this.draw();
  }

  show(): void {
    this.shown = true;
    if (!this.stale) return;
    this.stale = false;
    this.choice = this.table === null ? null : (this.choiceBefore(this.table) ?? suggestChart(this.table));
    this.drawControls();
    this.draw();
  }

  /** The user's choice, if the result has the same columns. */
  private choiceBefore(table: ResultTable): ChartChoice | null {
    const { chosen } = this;
    return chosen !== null && table.rowCount > 0 && chosen.of === columnsOf(table) ? chosen.choice : null;
  }

  hide(): void {
    this.shown = false;
  }

  private drawControls(): void {
    const { table, choice } = this;
    this.controls.hidden = choice === null;
    if (table === null || choice === null) return;
    const keep = () => (this.chosen = { choice, of: columnsOf(table) });
    const change = () => {
      choice.kind = kind.value as ChartKind;
      choice.x = Number(x.value);
      if (choice.kind === 'bar') choice.y = choice.y.slice(0, 1);
      keep();
      const focused = document.activeElement?.id;
      this.drawControls();
      // The controls are new elements, so the focus moves to the one that replaces the changed one.
      if (focused === kind.id || focused === x.id) document.getElementById(focused)?.focus();
      this.draw();
    };
    const kind = h('select', { id: 'chart-kind', onchange: change });
    for (const { kind: value, name } of kinds) {
      kind.append(h('option', { value, selected: value === choice.kind }, name));
    }
    const x = h('select', { id: 'chart-x', onchange: change });
    x.append(h('option', { value: -1, selected: choice.x === -1 }, 'row number'));
    table.columns.forEach((column, index) => {
      if (column.kind === 'nested' || column.kind === 'binary') return;
      x.append(h('option', { value: index, selected: index === choice.x }, column.name));
    });
    const ys = numericColumns(table.columns).map((index) => {
      const box = h('input', {
        // Bars show one column, because the bars of several columns would not fit side by side.
        type: choice.kind === 'bar' ? 'radio' : 'checkbox',
        name: 'chart-y',
        checked: choice.y.includes(index),
        onchange: () => {
          if (choice.kind === 'bar') choice.y = [index];
          else if (box.checked) choice.y = [...choice.y, index].sort((a, b) => a - b);
          else choice.y = choice.y.filter((other) => other !== index);
          keep();
          this.draw();
        },
      });
      return h('label', {}, box, table.columns[index].name);
    });
    this.controls.replaceChildren(
      h('label', { for: 'chart-kind' }, 'Draw'),
      kind,
      h('label', { for: 'chart-x' }, 'over'),
      x,
      h('fieldset', {}, h('legend', { class: 'visually-hidden' }, 'Columns that are drawn'), ...ys),
    );
  }

  private draw(): void {
    this.plot?.destroy();
    this.plot = null;
    const { table, choice, canvas } = this;
    if (table === null || choice === null) {
      canvas.hidden = true;
      this.note.textContent = this.waits
        ? 'Drawn when all rows are here …'
        : table === null
          ? 'Results with a column of numbers can be drawn here.'
          : 'This result has no column of numbers to draw.';
      return;
    }
    canvas.hidden = false;
    if (!this.shown || canvas.clientHeight === 0) return;
    const data = chartData(table, choice);
    const names = choice.y.map((index) => table.columns[index].name);
    const over = choice.x < 0 ? 'row number' : table.columns[choice.x].name;
    canvas.setAttribute(
      'aria-label',
      `Chart of ${names.join(', ')} over ${over}; its values are in the result`,
    );
    this.note.textContent =
      data.shownRows < table.rowCount
        ? `The first ${formatCount(data.shownRows)} of ${formatRows(table.rowCount)}`
        : '';
    const size = { width: canvas.clientWidth, height: canvas.clientHeight - legendHeight };
    const options = optionsOf(choice, data, over, names);
    this.plot = new uPlot({ ...size, ...options }, [data.xs, ...data.ys], canvas);
  }
}

function columnsOf(table: ResultTable): string {
  return JSON.stringify(table.columns.map(({ name, type }) => [name, type]));
}

function optionsOf(
  choice: ChartChoice,
  data: ChartData,
  over: string,
  names: string[],
): Omit<uPlot.Options, 'width' | 'height'> {
  const grid = { stroke: colour('--line'), width: 1 };
  const axis = { stroke: colour('--muted'), grid, ticks: grid, font: '12px system-ui, sans-serif' };
  const { labels } = data;
  const labelOf = (at: number) => labels?.[at] ?? '';
  const xAxis: uPlot.Axis = { ...axis, ...(data.isTime ? { values: timeMarks } : {}) };
  if (labels !== null) {
    // One label for each value, if they fit.
    xAxis.splits = (plot) => {
      const room = Math.max(1, Math.floor(plot.bbox.width / devicePixelRatio / markWidth));
      const step = Math.ceil(labels.length / room);
      return data.xs.filter((at) => at % step === 0);
    };
    xAxis.values = (_, splits) => splits.map((at) => shorten(labelOf(at)));
    xAxis.grid = { show: false };
  }
  const yAxis: uPlot.Axis = {
    ...axis,
    values: (_, splits) => marksOf(splits),
    size: (_, marks) => yAxisSpace + Math.max(3, ...(marks ?? []).map((mark) => mark.length)) * digitWidth,
  };
  const xSeries: uPlot.Series = { label: over };
  if (labels !== null) xSeries.value = (_, at) => labelOf(at);
  if (data.isTime) xSeries.value = '{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}';
  return {
    // Tarn shows all times in UTC.
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: {
      x: { time: data.isTime, range: labels === null ? undefined : [-0.6, data.xs.length - 0.4] },
      y:
        choice.kind === 'bar'
          ? { range: (_, low, high) => [Math.min(0, low * 1.05), Math.max(0, high * 1.05)] }
          : {},
    },
    axes: [xAxis, yAxis],
    legend: { live: true },
    series: [xSeries, ...names.map((label, index) => seriesOf(choice.kind, label, index))],
  };
}

/** Short labels, unless two of them would be equal. */
function marksOf(values: number[]): string[] {
  const short = values.map(formatMark);
  return new Set(short).size === short.length ? short : values.map(formatCount);
}

function seriesOf(kind: ChartKind, label: string, index: number): uPlot.Series {
  const stroke = colour(`--series-${(index % 8) + 1}`);
  if (kind === 'bar') {
    return {
      label,
      stroke,
      fill: stroke,
      paths: uPlot.paths.bars!({ size: [0.7, 80] }),
      points: { show: false },
    };
  }
  if (kind === 'scatter') {
    return { label, stroke, paths: () => null, points: { show: true, size: 5, fill: stroke, space: 0 } };
  }
  return { label, stroke, width: 1.5, spanGaps: false };
}

function shorten(text: string): string {
  return text.length > 12 ? `${text.slice(0, 11)}…` : text;
}
