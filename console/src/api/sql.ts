import { openArrow } from '../data/arrow_stream';
import { ResultTable } from '../data/result_table';
import { findQuery, type QueryInfo } from './queries';
import { request } from './session';

// The memory of a browser tab suffices for a few results of this size. Beyond that, it crashes.
const bytesMax = 1_000_000_000;

interface RunOptions {
  id: string;
  sql: string;
  rowLimit: number;
  signal: AbortSignal;
  onTable: (table: ResultTable) => void;
  onRows: () => void;
}

interface RunResult {
  table: ResultTable;
  info: QueryInfo | null;
}

export function postSql(
  format: string,
  body: { sql: string; row_limit?: number; byte_limit?: number },
  id: string,
  signal?: AbortSignal,
): Promise<Response> {
  return request(`/sql?format=${format}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Query-Id': id },
    body: JSON.stringify(body),
    signal,
  });
}

/** Runs a query, and adds its rows to the table as each batch arrives. */
export async function runQuery(options: RunOptions): Promise<RunResult> {
  const { id } = options;
  const body = { sql: options.sql, row_limit: options.rowLimit, byte_limit: bytesMax };
  const response = await postSql('arrow', body, id, options.signal);
  let table: ResultTable | null = null;
  try {
    const { fields, batches } = await openArrow(response);
    table = new ResultTable(fields);
    options.onTable(table);
    for await (const batch of batches) {
      options.signal.throwIfAborted();
      table.add(batch);
      options.onRows();
    }
  } catch (error) {
    if (options.signal.aborted) throw error;
    throw await whyCutShort(id, error);
  }
  // Only this has "truncated": an Arrow stream cannot carry it, and a page cannot read trailers.
  return { table, info: await findQuery(id).catch(() => null) };
}

/** Asks the server for the error of a query that failed after its response had begun. */
export async function whyCutShort(id: string, error: unknown): Promise<Error> {
  const info = await findQuery(id);
  return new Error(info?.error ?? `The answer was cut short: ${messageOf(error)}`, { cause: error });
}

export function messageOf(error: unknown): string {
  // Removes the prefix of errors of queries, which is obvious here.
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^query: /, '');
}
