import { h } from '../ui/dom';
import { formatMs, formatRows } from '../ui/format';
import './history.css';

const key = 'tarn.history';
const entriesMax = 200;

interface HistoryEntry {
  sql: string;
  at: string; // ISO 8601.
  ms: number;
  rows?: number;
  error?: string;
}

/** What was run here, kept in this browser and nowhere else. */
export class HistoryPanel {
  readonly element = h('div', { class: 'history' });
  private entries: HistoryEntry[] = read();

  constructor(private readonly onChoose: (sql: string) => void) {}

  add(entry: HistoryEntry): void {
    // The same text again takes the place of the time before.
    this.entries = [entry, ...this.entries.filter((other) => other.sql !== entry.sql)];
    this.entries.length = Math.min(this.entries.length, entriesMax);
    this.write();
  }

  draw(): void {
    if (this.entries.length === 0) {
      this.element.replaceChildren(
        h('p', { class: 'muted note' }, 'Queries that you run are listed here, in this browser only.'),
      );
      return;
    }
    const clear = () => {
      this.entries = [];
      this.write();
    };
    this.element.replaceChildren(
      h(
        'div',
        { class: 'panel-head' },
        h('span', { class: 'muted' }, 'Kept in this browser only.'),
        h('button', { type: 'button', class: 'quiet', onclick: clear }, 'Clear'),
      ),
      h('ul', {}, ...this.entries.map((entry) => this.drawEntry(entry))),
    );
  }

  private drawEntry(entry: HistoryEntry): HTMLElement {
    const outcome = entry.error !== undefined ? entry.error.split('\n')[0] : formatRows(entry.rows ?? 0);
    return h(
      'li',
      {},
      h(
        'button',
        { type: 'button', class: 'entry', onclick: () => this.onChoose(entry.sql) },
        h('code', {}, entry.sql),
        h(
          'span',
          { class: entry.error === undefined ? 'meta' : 'meta failed' },
          `${new Date(entry.at).toLocaleString(undefined, { hourCycle: 'h23' })} · ${formatMs(entry.ms)} · ${outcome}`,
        ),
      ),
    );
  }

  private write(): void {
    try {
      localStorage.setItem(key, JSON.stringify(this.entries));
    } catch {
      // No room for it: the history ends with this page.
    }
    this.draw();
  }
}

function read(): HistoryEntry[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(stored) ? (stored as HistoryEntry[]) : [];
  } catch {
    return [];
  }
}
