/** The token of the user, and the requests with it. */

const key = 'tarn.token';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Asks the user for a token; null if the user gives none. */
type AskForToken = (why: string) => Promise<string | null>;
let askForToken: AskForToken = () => Promise.resolve(null);
let asking: Promise<string | null> | null = null;

export function onTokenNeeded(ask: AskForToken): void {
  askForToken = ask;
}

/** True if there is a token. It is stored for this tab, until the tab is closed. */
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
 * Sends a request. An error status throws an ApiError with the server's message. If the server
 * requires a token, asks the user for one and sends the request again.
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
    // Another request may have asked for a token meanwhile. This one uses it too.
    if (sessionStorage.getItem(key) !== used) continue;
    asking ??= askForToken(used === null ? '' : error.message).finally(() => (asking = null));
    const given = await asking;
    if (given === null) {
      // Removes a wrong token, because the server delays its responses to unknown tokens.
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
    // Replaces the browser's message "Failed to fetch". An aborted request is another error.
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
    // Not a problem document, so the text is the message.
  }
  return text.trim() || `${response.status} ${response.statusText}`;
}

/** The prefix of the ids of queries that the console sends for its own use. */
export const ownPrefix = 'console.own-';

/** Runs a query with a small result, and returns the rows from its JSON. */
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
