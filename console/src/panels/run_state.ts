import { findQuery, type QueryInfo } from '../api/queries';
import { h } from '../ui/dom';
import { formatMs, formatRows } from '../ui/format';
import './run_state.css';

const lookEveryMs = 500;
const hintMs = 3000;

/** The line above the result: the progress of the query, its result or its error. */
export class RunState {
  readonly element = h('div', { class: 'run-state' });
  private readonly line = h('p', { class: 'note', role: 'status' });
  // Not announced by screen readers, because it changes twice a second.
  private readonly clock = h('p', { class: 'note', hidden: true });
  private readonly hintLine = h('span', { class: 'hint', role: 'status' });
  private readonly problem = h('pre', { class: 'problem', role: 'alert', tabindex: 0, hidden: true });
  private readonly progress = h('progress', {
    max: 100,
    'aria-label': 'Progress of the query',
    hidden: true,
  });
  private timer = 0;
  private hintTimer = 0;

  constructor() {
    const lines = h('div', { class: 'lines' }, this.line, this.clock, this.hintLine);
    this.element.append(this.progress, lines, this.problem);
    this.say('"Rows" beside a dataset shows its rows. Ctrl-Enter runs the query above.');
  }

  say(text: string): void {
    this.line.textContent = text;
  }

  /** Shows a short message about a finished action. It disappears after a while. */
  hint(text: string): void {
    this.hintLine.textContent = text;
    clearTimeout(this.hintTimer);
    this.hintTimer = window.setTimeout(() => (this.hintLine.textContent = ''), hintMs);
  }

  start(id: string): void {
    this.end();
    this.line.classList.remove('warns');
    this.problem.hidden = true;
    this.problem.textContent = '';
    this.progress.hidden = false;
    this.progress.removeAttribute('value');
    const started = performance.now();
    let last: QueryInfo | null = null;
    let asking = false;
    this.say('');
    this.clock.hidden = false;
    this.clock.textContent = 'Running …';
    this.timer = window.setInterval(() => {
      const state = last?.state === 'queued' ? 'Queued' : 'Running';
      const rows = last !== null && last.rows > 0 ? `, ${formatRows(last.rows)}` : '';
      const ms = Math.round((performance.now() - started) / 100) * 100;
      this.clock.textContent = `${state} for ${formatMs(ms)}${rows}`;
      if (asking) return;
      asking = true;
      const timer = this.timer;
      void findQuery(id)
        .then((info) => {
          if (timer !== this.timer) return;
          last = info;
          // 0 can also mean that the progress is unknown.
          if (info?.progress_percent) this.progress.value = info.progress_percent;
        })
        .catch(() => undefined)
        .finally(() => (asking = false));
    }, lookEveryMs);
  }

  /** `ms` is the time until the last row. */
  done(rows: number, rowLimit: number, ms: number, info: QueryInfo | null): void {
    this.end();
    const parts = [formatRows(rows), `in ${formatMs(ms)}`];
    const limit = rows < rowLimit ? 'a limit of the server or of 1 GB' : 'the limit';
    if (info?.truncated) parts.push(`— there are more: ${limit} is reached`);
    if (info?.cached) parts.push('(from the result cache)');
    this.say(parts.join(' '));
    this.line.classList.toggle('warns', info?.truncated === true);
  }

  /** `rows` is the number of rows that arrived before the cancellation. */
  cancelled(rows: number): void {
    this.end();
    this.say(rows > 0 ? `Cancelled after ${formatRows(rows)}` : 'Cancelled');
  }

  fail(message: string): void {
    this.end();
    this.line.classList.remove('warns');
    this.say('');
    this.problem.hidden = false;
    this.problem.textContent = message;
  }

  private end(): void {
    clearInterval(this.timer);
    this.timer = 0;
    this.progress.hidden = true;
    this.clock.hidden = true;
  }
}
