import { cancelQuery, findQuery } from '../api/queries';
import { newQueryId } from '../api/session';
import { messageOf, postSql, whyCutShort } from '../api/sql';
import { h } from '../ui/dom';
import { formatBytes, formatRows } from '../ui/format';
import { Menu } from '../ui/menu';
import './downloads.css';

interface Format {
  format: string;
  name: string;
  ending: string;
}

const formats: Format[] = [
  { format: 'csv', name: 'CSV', ending: 'csv' },
  { format: 'json', name: 'JSON', ending: 'json' },
  { format: 'ndjson', name: 'NDJSON', ending: 'ndjson' },
  { format: 'arrow', name: 'Arrow', ending: 'arrows' },
  { format: 'parquet', name: 'Parquet', ending: 'parquet' },
];
const tellEveryMs = 250;

/**
 * Downloads a result. The query runs again in the chosen format, so that the file has all rows, in
 * the server's format for each value. Parquet is made in the browser from the Arrow response.
 */
export class Downloads {
  readonly element: HTMLElement;
  /** The progress and result of the download; hidden if there is none. */
  readonly line = h('div', { class: 'download-line', hidden: true });
  private readonly menu = new Menu(
    'Download',
    formats.map((format) => ({ name: format.name, choose: () => void this.download(format) })),
  );
  private readonly text = h('span', { role: 'status' });
  private readonly count = h('span'); // Not announced by screen readers.
  private readonly cancel = h('button', { type: 'button', class: 'danger' }, 'Cancel the download');
  private readonly close = h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close' }, '×');
  private enabled = false;
  private busy = false;

  constructor(private readonly sql: () => string) {
    this.element = this.menu.element;
    this.line.append(this.text, this.count, this.cancel, this.close);
    this.close.addEventListener('click', () => (this.line.hidden = true));
    this.enable(false);
  }

  enable(on: boolean): void {
    this.enabled = on;
    this.menu.enable(on && !this.busy);
  }

  /** Hides the line of a finished download, because it belongs to an earlier query. */
  forget(): void {
    if (!this.busy) this.line.hidden = true;
  }

  private setBusy(busy: boolean): void {
    this.busy = busy;
    this.menu.enable(this.enabled && !busy);
    this.line.hidden = false;
    this.cancel.hidden = !busy;
    this.close.hidden = busy;
  }

  private say(text: string, failed = false): void {
    this.text.textContent = text;
    this.count.textContent = '';
    this.text.classList.toggle('failed', failed);
  }

  private async download({ format, name, ending }: Format): Promise<void> {
    const id = newQueryId('console-');
    const abort = new AbortController();
    this.cancel.onclick = () => {
      abort.abort();
      void cancelQuery(id).catch(() => undefined);
    };
    this.setBusy(true);
    this.say(`Downloading ${name} …`);
    try {
      const file = await this.fileOf(format, id, abort.signal);
      // Asks whether a limit cut off rows. Only JSON has that in the body, and a page cannot read
      // trailers.
      const info = await findQuery(id).catch(() => null);
      save(file, `result.${ending}`);
      const rows = info === null ? '' : `${formatRows(info.rows)}, `;
      const limit = info?.truncated ? ' — there are more: the limit of the server is reached' : '';
      this.say(`${name}: ${rows}${formatBytes(file.size)}${limit}`);
      this.text.classList.toggle('warns', info?.truncated === true);
    } catch (error) {
      if (abort.signal.aborted) this.say(`${name}: cancelled`);
      else this.say(`${name}: ${messageOf(error)}`, true);
    } finally {
      this.setBusy(false);
    }
  }

  private async fileOf(format: string, id: string, signal: AbortSignal): Promise<Blob> {
    const wanted = format === 'parquet' ? 'arrow' : format;
    const response = await postSql(wanted, { sql: this.sql() }, id, signal);
    const counted = new Response(
      response.body?.pipeThrough(
        counting((bytes) => {
          if (!signal.aborted) this.count.textContent = formatBytes(bytes);
        }),
      ),
    );
    try {
      if (format !== 'parquet') return await counted.blob();
      // The Parquet writer is loaded only when it is needed.
      const { parquetOf } = await import('../data/parquet');
      return await parquetOf(counted);
    } catch (error) {
      // After a complete response, the error is the writer's.
      if (signal.aborted || !(await wasCutShort(id))) throw error;
      throw await whyCutShort(id, error);
    }
  }
}

async function wasCutShort(id: string): Promise<boolean> {
  const info = await findQuery(id);
  return info?.state !== 'succeeded';
}

/** Reports the number of bytes that have passed, from time to time. */
function counting(tell: (bytes: number) => void): TransformStream<Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  let told = performance.now();
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (performance.now() - told >= tellEveryMs) {
        told = performance.now();
        tell(bytes);
      }
      controller.enqueue(chunk);
    },
  });
}

function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  h('a', { href: url, download: name }).click();
  // The browser reads the bytes only after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
