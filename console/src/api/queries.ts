import { ApiError, request } from './session';

/** One query as GET /queries has it. */
export interface QueryInfo {
  id: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  user?: string;
  sql: string;
  format: string;
  submitted_at: string;
  queued_ms: number;
  run_ms: number;
  progress_percent: number | null;
  rows: number;
  bytes: number;
  truncated?: boolean;
  cached?: boolean;
  error?: string;
}

export async function listQueries(): Promise<QueryInfo[]> {
  const response = await request('/queries');
  return ((await response.json()) as { queries: QueryInfo[] }).queries;
}

/** Null where the server does not know it, or not any longer. */
export async function findQuery(id: string): Promise<QueryInfo | null> {
  try {
    const response = await request(`/queries/${encodeURIComponent(id)}`);
    return (await response.json()) as QueryInfo;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

/** Cancels the query of that token, or without one your own. A query that has ended is no error. */
export async function cancelQuery(id: string, user?: string): Promise<void> {
  const ofUser = user === undefined ? '' : `?user=${encodeURIComponent(user)}`;
  try {
    await request(`/queries/${encodeURIComponent(id)}${ofUser}`, { method: 'DELETE' });
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
    throw error;
  }
}
