import { ApiError, request } from './session';

/** A query in the response of GET /queries. */
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

/** Returns null if the server does not know the query, or has dropped it from its history. */
export async function findQuery(id: string): Promise<QueryInfo | null> {
  try {
    const response = await request(`/queries/${encodeURIComponent(id)}`);
    return (await response.json()) as QueryInfo;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

/** Cancels a query of the token `user`, or of the own token. No error if the query has ended. */
export async function cancelQuery(id: string, user?: string): Promise<void> {
  const ofUser = user === undefined ? '' : `?user=${encodeURIComponent(user)}`;
  try {
    await request(`/queries/${encodeURIComponent(id)}${ofUser}`, { method: 'DELETE' });
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
    throw error;
  }
}
