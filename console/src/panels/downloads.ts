import { newQueryId } from '../api/session';
import { messageOf, postSql, whyCutShort } from '../api/sql';
import { h } from '../ui/dom';

const formats = [
  { format: 'csv', name: 'CSV', ending: 'csv' },
  { format: 'json', name: 'JSON', ending: 'json' },
  { format: 'ndjson', name: 'NDJSON', ending: 'ndjson' },
  { format: 'arrow', name: 'Arrow', ending: 'arrows' },
  { format: 'parquet', name: 'Parquet', ending: 'parquet' },
];

/**
 * The query is asked again in the format that is wanted, so that a file has every row, and the
 * server's own writing of each value. Parquet is made here, of the Arrow answer.
 */
export class Downloads {
  readonly element = h('div', { class: 'downloads' });
  private readonly menu = h('select', { 'aria-label': 'Download the result' });

  constructor(
    private readonly sql: () => string,
    private readonly say: (text: string, failed: boolean) => void,
  ) {
    this.menu.append(h('option', { value: '' }, 'Download …'));
    for (const { format, name } of formats) this.menu.append(h('option', { value: format }, name));
    this.menu.addEventListener('change', () => {
      const chosen = formats.find(({ format }) => format === this.menu.value);
      this.menu.value = '';
      if (chosen !== undefined) void this.download(chosen.format, chosen.name, chosen.ending);
    });
    this.element.append(this.menu);
    this.enable(false);
  }

  enable(on: boolean): void {
    this.menu.disabled = !on;
  }

  private async download(format: string, name: string, ending: string): Promise<void> {
    this.enable(false);
    this.say(`Downloading ${name} …`, false);
    try {
      save(await this.bytes(format), `result.${ending}`);
      this.say(`${name} is downloaded`, false);
    } catch (error) {
      this.say(`Download: ${messageOf(error)}`, true);
    } finally {
      this.enable(true);
    }
  }

  private async bytes(format: string): Promise<Blob> {
    const wanted = format === 'parquet' ? 'arrow' : format;
    const id = newQueryId('console-');
    const response = await postSql(wanted, { sql: this.sql() }, id);
    if (format === 'parquet') {
      // Only who wants Parquet loads what writes it.
      const { parquetOf } = await import('../data/parquet');
      return parquetOf(response);
    }
    try {
      return await response.blob();
    } catch (error) {
      throw await whyCutShort(id, error);
    }
  }
}

function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  h('a', { href: url, download: name }).click();
  // The browser takes the bytes after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
