import { cancelQuery, listQueries, type QueryInfo } from '../api/queries';
import { ApiError, ownPrefix } from '../api/session';
import { messageOf } from '../api/sql';
import { h } from '../ui/dom';
import { formatCount, formatMs } from '../ui/format';
import './queries.css';

const everyMs = 1000;
const shownMax = 100;

/** The key of a line. The id is not enough: another query can have it, even of the same token. */
function keyOf(query: QueryInfo): string {
  return JSON.stringify([query.user, query.id, query.submitted_at]);
}

/** The running, queued and ended queries of the server. Read every second while it is visible. */
export class QueriesPanel {
  readonly element = h('div', { class: 'queries' });
  private readonly body = h('tbody');
  private readonly note = h('p', { class: 'muted note', role: 'status' });
  private readonly table = h(
    'table',
    {},
    h('caption', { class: 'visually-hidden' }, 'Queries of the server'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...['State', 'Query', 'Started'].map((name) => h('th', { scope: 'col' }, name)),
        ...['Time', 'Rows'].map((name) => h('th', { scope: 'col', class: 'number' }, name)),
        h('td'),
      ),
    ),
    this.body,
  );
  private timer = 0;
  private loading = false;
  private readonly lines = new Map<string, { shown: string; line: HTMLElement }>();

  constructor(private readonly onChoose: (sql: string) => void) {
    this.element.append(this.note, this.table);
  }

  show(): void {
    void this.load();
    this.timer = window.setInterval(() => void this.load(), everyMs);
  }

  hide(): void {
    clearInterval(this.timer);
  }

  private async load(): Promise<void> {
    if (this.loading || document.hidden) return;
    this.loading = true;
    try {
      const queries = await listQueries();
      this.draw(queries.filter((query) => !query.id.startsWith(ownPrefix)).slice(0, shownMax));
    } catch (error) {
      this.note.textContent = messageOf(error);
      // The user has not signed in. Without this, the dialog would open again every second.
      if (error instanceof ApiError && error.status === 401) this.hide();
    } finally {
      this.loading = false;
    }
  }

  private draw(queries: QueryInfo[]): void {
    this.note.textContent = queries.length === 0 ? 'There are no queries yet.' : '';
    this.table.hidden = queries.length === 0;
    // An unchanged line keeps its element, so that its button keeps the focus.
    const lines = queries.map((query) => {
      const shown = JSON.stringify(query);
      const known = this.lines.get(keyOf(query));
      if (known?.shown === shown) return known.line;
      const line = this.drawQuery(query);
      const focused = known?.line.querySelector(':focus')?.className;
      this.lines.set(keyOf(query), { shown, line });
      if (focused !== undefined) {
        requestAnimationFrame(() => line.querySelector<HTMLElement>(`.${focused.split(' ')[0]}`)?.focus());
      }
      return line;
    });
    const keys = new Set(queries.map(keyOf));
    for (const key of this.lines.keys()) {
      if (!keys.has(key)) this.lines.delete(key);
    }
    const same =
      lines.length === this.body.children.length && lines.every((line, i) => line === this.body.children[i]);
    if (!same) this.body.replaceChildren(...lines);
  }

  private drawQuery(query: QueryInfo): HTMLElement {
    const live = query.state === 'queued' || query.state === 'running';
    const percent = query.progress_percent;
    const progress = h('progress', { max: 100, 'aria-label': 'Progress', value: percent || undefined });
    const cancel = h(
      'button',
      {
        type: 'button',
        class: 'cancel danger',
        'aria-label': `Cancel the query ${query.sql.slice(0, 60)}`,
        onclick: () => void this.cancel(query, cancel),
      },
      'Cancel',
    );
    return h(
      'tr',
      { 'data-query': query.id },
      h('td', {}, h('span', { class: `state ${query.state}` }, query.state), live && progress),
      h(
        'td',
        {},
        h(
          'button',
          {
            type: 'button',
            class: 'query-text quiet',
            title: query.sql,
            onclick: () => this.onChoose(query.sql),
          },
          h('code', {}, query.sql),
        ),
        query.error !== undefined && h('div', { class: 'failed' }, query.error.split('\n')[0]),
        query.user !== undefined && h('div', { class: 'muted' }, query.user),
      ),
      h(
        'td',
        { class: 'when' },
        new Date(query.submitted_at).toLocaleTimeString(undefined, { hourCycle: 'h23' }),
      ),
      h('td', { class: 'number' }, formatMs(query.queued_ms + query.run_ms)),
      h('td', { class: 'number' }, formatCount(query.rows)),
      h('td', {}, live && cancel),
    );
  }

  private async cancel(query: QueryInfo, button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    try {
      await cancelQuery(query.id, query.user);
      await this.load();
    } catch (error) {
      this.note.textContent = messageOf(error);
      button.disabled = false;
    }
  }
}
