import { rowsOf } from '../api/session';
import { h } from '../ui/dom';
import { formatMs, formatRows } from '../ui/format';
import './plan.css';

/** An operator in the JSON of EXPLAIN (ANALYZE, FORMAT JSON). Times are in seconds. */
interface Operator {
  operator_name: string;
  operator_timing: number;
  operator_cardinality: number;
  extra_info: Record<string, string | string[]>;
  children: Operator[];
}

interface Profile {
  latency: number;
  /** Missing if nothing ran, because the plan has the answer, as often for count(*). */
  children?: Operator[];
}

/** An operator in the JSON of EXPLAIN (FORMAT JSON). */
interface PlannedOperator {
  name: string;
  extra_info: Record<string, string | string[]>;
  children: PlannedOperator[];
}

const detailMax = 160;
// The beginning of a text that is removed before EXPLAIN: spaces and comments, which DuckDB ignores
// when it counts the lines of an explained statement, and an EXPLAIN of the user.
const space = String.raw`(?:\s|--.*\n|/\*[^]*?\*/)*`;
const options = String.raw`(?:analyze\b|\((?=[^()]*\b(?:analyze|format)\b)[^()]*\))`;
const before = new RegExp(`^${space}(?:explain\\b${space}(?:${options}${space})?)?`, 'i');

/** The plan of a query as a tree of its operators: rows flow from the right end to the left. */
export class PlanPanel {
  readonly element = h('div', { class: 'plan' });

  constructor() {
    this.say('Plan (Ctrl-Shift-Enter) runs the query and shows the time of each operator.');
  }

  async explain(sql: string, task: { id: string; signal: AbortSignal }): Promise<void> {
    this.say('Running …');
    const text = sql.slice(explainedFrom(sql)).replace(/;\s*$/, '');
    const [[, json]] = await rowsOf(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, task);
    const { latency, children } = JSON.parse(String(json)) as Profile;
    if (children !== undefined) {
      this.draw(latency, children);
      return;
    }
    const [[, planned]] = await rowsOf(`EXPLAIN (FORMAT JSON) ${text}`, { signal: task.signal });
    this.drawPlanned(JSON.parse(String(planned)) as PlannedOperator[]);
  }

  say(text: string): void {
    this.element.replaceChildren(h('p', { class: 'muted note' }, text));
  }

  fail(message: string): void {
    this.element.replaceChildren(h('pre', { class: 'problem', role: 'alert', tabindex: 0 }, message));
  }

  private drawPlanned(roots: PlannedOperator[]): void {
    this.element.replaceChildren(
      h('p', { class: 'note' }, 'The query was answered while it was planned, so no operator has a time.'),
      h('ul', { class: 'tree', 'aria-label': 'Operators of the plan' }, ...roots.map(drawPlannedOperator)),
    );
  }

  private draw(latency: number, operators: Operator[]): void {
    // The outermost operator is that of EXPLAIN ANALYZE.
    const roots = operators.flatMap((root) =>
      root.operator_name === 'EXPLAIN_ANALYZE' ? root.children : [root],
    );
    const slowest = Math.max(1e-9, ...roots.flatMap(timesOf));
    const total = roots.flatMap(timesOf).reduce((sum, time) => sum + time, 0);
    this.element.replaceChildren(
      h(
        'p',
        { class: 'note' },
        `${formatMs(latency * 1000)} in all; ${formatMs(total * 1000)} of processor time, ` +
          `most of it in: ${titleOf(nameOfSlowest(roots))}`,
      ),
      h(
        'ul',
        { class: 'tree', 'aria-label': 'Operators of the plan' },
        ...roots.map((root) => drawOperator(root, slowest, total)),
      ),
    );
  }
}

/** The position of the explained statement. DuckDB's errors count lines from there. */
export function explainedFrom(sql: string): number {
  return before.exec(sql)?.[0].length ?? 0;
}

function nameOfSlowest(operators: Operator[]): string {
  const all = (list: Operator[]): Operator[] => list.flatMap((each) => [each, ...all(each.children)]);
  const slower = (a: Operator, b: Operator) => (b.operator_timing > a.operator_timing ? b : a);
  return all(operators).reduce(slower).operator_name;
}

function timesOf(operator: Operator): number[] {
  return [operator.operator_timing, ...operator.children.flatMap(timesOf)];
}

function drawOperator(operator: Operator, slowest: number, total: number): HTMLElement {
  const share = total > 0 ? operator.operator_timing / total : 0;
  const heat = Math.min(4, Math.ceil((operator.operator_timing / slowest) * 4));
  const bar = h('span', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.width = `${Math.round(share * 100)}%`;
  const rows = formatRows(operator.operator_cardinality);
  const box = h(
    'div',
    { class: `operator heat-${heat}` },
    h('strong', {}, titleOf(operator.operator_name)),
    h(
      'span',
      { class: 'time' },
      `${formatMs(operator.operator_timing * 1000)} · ${Math.round(share * 100)} %`,
    ),
    bar,
    h('span', { class: 'rows' }, rows),
    drawDetails(operator.extra_info),
  );
  const children = operator.children.map((child) => drawOperator(child, slowest, total));
  return h('li', {}, box, children.length > 0 && h('ul', {}, ...children));
}

function drawPlannedOperator(operator: PlannedOperator): HTMLElement {
  const box = h(
    'div',
    { class: 'operator' },
    h('strong', {}, titleOf(operator.name)),
    drawDetails(operator.extra_info),
  );
  const children = operator.children.map(drawPlannedOperator);
  return h('li', {}, box, children.length > 0 && h('ul', {}, ...children));
}

function titleOf(name: string): string {
  const words = name.trim().toLowerCase().replaceAll('_', ' ');
  return words[0]?.toUpperCase() + words.slice(1);
}

function drawDetails(info: Operator['extra_info']): HTMLElement | null {
  const parts = Object.entries(info)
    .map(([key, value]) => [key, Array.isArray(value) ? value.join(', ') : String(value)])
    // The names of files on the server are not a part of the plan.
    .filter(([key, value]) => value !== '' && !key.startsWith('Filename') && key !== 'Function');
  if (parts.length === 0) return null;
  return h(
    'details',
    {},
    h('summary', {}, 'Details'),
    h(
      'dl',
      {},
      ...parts.map(([key, value]) =>
        h(
          'div',
          {},
          h('dt', {}, key),
          h('dd', { title: value }, value.length > detailMax ? `${value.slice(0, detailMax)}…` : value),
        ),
      ),
    ),
  );
}
