/**
 * The query in the part of the address behind '#', which a browser sends to no server. Opening
 * such a link fills the editor and runs nothing: what runs is what somebody has read and started.
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
