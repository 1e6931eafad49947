import { openArrow } from '../data/arrow_stream';
import { ResultTable } from '../data/result_table';
import { findQuery, type QueryInfo } from './queries';
import { request } from './session';

// A tab of a browser holds a few of these, and is ended when it asks for more memory.
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

/** Runs a query; rows are in the table as they arrive, batch by batch. */
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
  // The stream has no place for "truncated", and a page cannot read trailers.
  return { table, info: await findQuery(id).catch(() => null) };
}

/** An answer that has begun is cut off when its query fails: only the server can tell why. */
export async function whyCutShort(id: string, error: unknown): Promise<Error> {
  const info = await findQuery(id);
  return new Error(info?.error ?? `The answer was cut short: ${messageOf(error)}`, { cause: error });
}

export function messageOf(error: unknown): string {
  // The server says first what the error is about, which is clear here.
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^query: /, '');
}
