import { listDatasets, loadColumns, loadRowCount, type Dataset } from '../api/catalog';
import { messageOf } from '../api/sql';
import { quoteName } from '../data/names';
import { h } from '../ui/dom';
import { formatBytes, formatRows } from '../ui/format';
import './datasets.css';

// Users search a longer list instead of scrolling through it.
const shownMax = 300;

interface DatasetsOptions {
  onLoaded: (datasets: Dataset[]) => void;
  onInsert: (text: string) => void;
  onLook: (sql: string) => void;
}

/** The list of datasets and their columns. Row counts are requested when a dataset is visible. */
export class DatasetsPanel {
  readonly element = h('nav', { class: 'side', 'aria-label': 'Datasets' });
  private readonly list = h('ul', { class: 'dataset-list' });
  private readonly filter = h('input', {
    type: 'search',
    placeholder: 'Find a dataset or column',
    'aria-label': 'Find a dataset or column',
  });
  private readonly note = h('p', { class: 'muted note', role: 'status' });
  private datasets: Dataset[] = [];
  private readonly open = new Set<string>(); // Names. Datasets stay open when the list is redrawn.
  /** True if the list could not be read. */
  failed = false;
  // One count at a time, to leave query slots for the users' queries.
  private counting: Promise<void> = Promise.resolve();
  private readonly seen = new IntersectionObserver((entries) => this.onSeen(entries));
  private readonly counters = new WeakMap<Element, () => void>();

  constructor(private readonly options: DatasetsOptions) {
    const datasets = h('div', { class: 'datasets' });
    this.element.append(datasets);
    datasets.append(
      h(
        'div',
        { class: 'datasets-head' },
        h('h2', {}, 'Datasets'),
        h('button', { type: 'button', class: 'quiet', onclick: () => void this.load() }, 'Refresh'),
      ),
      this.filter,
      this.note,
      this.list,
    );
    this.filter.addEventListener('input', () => this.draw());
    this.list.addEventListener('keydown', (event) => this.onKey(event));
  }

  async load(): Promise<void> {
    this.note.textContent = 'Loading …';
    this.failed = false;
    try {
      this.datasets = await listDatasets();
      this.draw();
      this.options.onLoaded(this.datasets);
    } catch (error) {
      this.failed = true;
      this.note.textContent = `Cannot read the list of datasets: ${messageOf(error)}`;
    }
  }

  private draw(): void {
    this.seen.disconnect();
    const wanted = this.filter.value.trim().toLowerCase();
    const has = (name: string) => name.toLowerCase().includes(wanted);
    const byName = this.datasets.filter(({ name }) => has(name));
    const byColumn = this.datasets.filter(
      ({ name, columns }) => !has(name) && columns?.some((column) => has(column.name)),
    );
    const found = [...byName, ...byColumn];
    this.list.replaceChildren(...found.slice(0, shownMax).map((dataset) => this.drawDataset(dataset)));
    this.filter.hidden = this.datasets.length < 8;
    this.note.textContent = '';
    if (this.datasets.length === 0) this.note.textContent = 'There are no datasets yet.';
    else if (found.length === 0) this.note.textContent = 'No dataset or column has this text in its name.';
    else if (found.length > shownMax) {
      this.note.textContent = `The first ${shownMax} of ${found.length}: type a part of the name.`;
    }
  }

  private drawDataset(dataset: Dataset): HTMLElement {
    const meta = h('span', { class: 'meta' }, metaOf(dataset));
    const isOpen = this.open.has(dataset.name);
    const columns = h('ul', { class: 'columns', hidden: !isOpen });
    const toggle = h(
      'button',
      { type: 'button', class: 'dataset', 'aria-expanded': String(isOpen) },
      h('span', { class: 'name' }, dataset.name),
      meta,
    );
    const look = h(
      'button',
      {
        type: 'button',
        class: 'quiet look',
        'aria-label': `Show rows of ${dataset.name}`,
        title: 'Show rows',
        onclick: () => this.options.onLook(`FROM ${quoteName(dataset.name)} LIMIT 1000`),
      },
      'Rows',
    );
    toggle.addEventListener('click', () => {
      const open = toggle.getAttribute('aria-expanded') !== 'true';
      toggle.setAttribute('aria-expanded', String(open));
      columns.hidden = !open;
      if (open) this.open.add(dataset.name);
      else this.open.delete(dataset.name);
      if (open) void this.drawColumns(dataset, columns);
    });
    if (isOpen) void this.drawColumns(dataset, columns);
    const item = h('li', {}, h('div', { class: 'dataset-line' }, toggle, look), columns);
    if (dataset.rowCount === undefined) {
      this.counters.set(item, () => this.count(dataset, meta));
      this.seen.observe(item);
    }
    return item;
  }

  private async drawColumns(dataset: Dataset, list: HTMLElement): Promise<void> {
    try {
      const known = dataset.columns !== undefined;
      const columns = await loadColumns(dataset);
      if (!known) this.options.onLoaded(this.datasets);
      list.replaceChildren(
        ...columns.map(({ name, type }) =>
          h(
            'li',
            {},
            h(
              'button',
              {
                type: 'button',
                class: 'column',
                title: `Insert ${name}  ${type}`,
                onclick: () => this.options.onInsert(quoteName(name)),
              },
              h('span', { class: 'name' }, name),
              h('span', { class: 'type' }, type),
            ),
          ),
        ),
      );
    } catch (error) {
      list.replaceChildren(h('li', { class: 'muted' }, messageOf(error)));
    }
  }

  private onSeen(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      this.seen.unobserve(entry.target);
      this.counters.get(entry.target)?.();
    }
  }

  private count(dataset: Dataset, meta: HTMLElement): void {
    this.counting = this.counting.then(async () => {
      try {
        await loadRowCount(dataset);
        meta.textContent = metaOf(dataset);
      } catch {
        // A query of the dataset shows the error.
      }
    });
  }

  /** Moves between the entries with the up and down arrows, in addition to Tab. */
  private onKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const buttons = [...this.list.querySelectorAll<HTMLButtonElement>('.dataset, .column')].filter(
      (button) => button.offsetParent !== null,
    );
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
    event.preventDefault();
  }
}

function metaOf(dataset: Dataset): string {
  const parts = [];
  if (dataset.rowCount !== undefined) parts.push(formatRows(dataset.rowCount));
  if (dataset.bytes !== undefined) parts.push(formatBytes(dataset.bytes));
  return parts.join(' · ');
}
