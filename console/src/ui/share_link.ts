/**
 * Returns a link with the query after '#', which browsers do not send to servers. Opening the link
 * fills the editor but does not run the query, so that the user can read it first.
 */
export function linkTo(sql: string): string {
  return `${location.origin}${location.pathname}#sql=${encodeURIComponent(sql)}`;
}

export function sqlOfLink(hash: string): string | null {
  if (!hash.startsWith('#sql=')) return null;
  try {
    return decodeURIComponent(hash.slice('#sql='.length));
  } catch {
    return null;
  }
}
