/** Who we are to the server, and every request to it. */

const key = 'tarn.token';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Asks the user for a token; null when he does not give one. */
type AskForToken = (why: string) => Promise<string | null>;
let askForToken: AskForToken = () => Promise.resolve(null);
let asking: Promise<string | null> | null = null;

export function onTokenNeeded(ask: AskForToken): void {
  askForToken = ask;
}

/** The token is kept for this tab and as long as it is open. */
export function signedIn(): boolean {
  return sessionStorage.getItem(key) !== null;
}

export function signOut(): void {
  sessionStorage.removeItem(key);
}

export function newQueryId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return prefix + Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * A request whose answer is good. A refusal throws an ApiError with the server's own words. Where a
 * token is needed, the user is asked, and the request sent again.
 */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const used = sessionStorage.getItem(key);
    const headers = new Headers(init.headers);
    if (!headers.has('Accept')) headers.set('Accept', 'application/json');
    if (used !== null) headers.set('Authorization', `Bearer ${used}`);
    const response = await send(path, { ...init, headers, cache: 'no-store' });
    if (response.ok) return response;
    const error = new ApiError(response.status, await detailOf(response));
    if (response.status !== 401) throw error;
    // Another request may have asked meanwhile: then its token is good for this one too.
    if (sessionStorage.getItem(key) !== used) continue;
    asking ??= askForToken(used === null ? '' : error.message).finally(() => (asking = null));
    const given = await asking;
    if (given === null) {
      // One that is wrong must not be sent again: the server holds its answers to those back.
      if (sessionStorage.getItem(key) === used) sessionStorage.removeItem(key);
      throw error;
    }
    sessionStorage.setItem(key, given);
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    // The browser's own words are "Failed to fetch". What was aborted is another error.
    if (error instanceof TypeError) throw new Error('The server does not answer', { cause: error });
    throw error;
  }
}

async function detailOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const problem: unknown = JSON.parse(text);
    if (problem !== null && typeof problem === 'object' && 'detail' in problem) {
      return String(problem.detail);
    }
  } catch {
    // Not a problem document: the text itself.
  }
  return text.trim() || `${response.status} ${response.statusText}`;
}

/** Queries that the console asks for itself have this at the beginning of their ids. */
export const ownPrefix = 'console.own-';

/** A small result as rows of JSON. */
export async function rowsOf(
  sql: string,
  { id = newQueryId(ownPrefix), signal }: { id?: string; signal?: AbortSignal } = {},
): Promise<unknown[][]> {
  const response = await request('/sql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Query-Id': id },
    body: JSON.stringify({ sql }),
    signal,
  });
  const result = (await response.json()) as { rows: unknown[][] };
  return result.rows;
}
