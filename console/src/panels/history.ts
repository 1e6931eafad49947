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

/** The queries that were run in this browser. Stored only there. */
export class HistoryPanel {
  readonly element = h('div', { class: 'history' });
  private entries: HistoryEntry[] = read();
  private isKept = true; // False: the browser cannot store the history.

  constructor(private readonly onChoose: (sql: string) => void) {
    addEventListener('storage', (event) => {
      if (event.key === key) this.draw();
    });
  }

  add(entry: HistoryEntry): void {
    // Replaces an earlier entry with the same text.
    const others = this.known().filter((other) => other.sql !== entry.sql);
    this.entries = [entry, ...others].slice(0, entriesMax);
    this.write();
  }

  /** All entries, including those that other tabs have added meanwhile. */
  private known(): HistoryEntry[] {
    return this.isKept ? read() : this.entries;
  }

  draw(): void {
    this.entries = this.known();
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
    // A browser stores a few megabytes, so fewer entries are stored if their texts are long.
    let kept = this.entries;
    while (!store(kept) && kept.length > 0) kept = kept.slice(0, Math.floor(kept.length / 2));
    this.isKept = kept.length > 0 || this.entries.length === 0;
    this.draw();
  }
}

function store(entries: HistoryEntry[]): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(entries));
    return true;
  } catch {
    return false;
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
