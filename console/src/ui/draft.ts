import { linkTo, sqlOfLink } from './share_link';

const key = 'tarn.draft';

/** Of this tab; the next one begins with the text that was written last in any. */
interface Draft {
  text: string;
  hash: string; // Of the address, when it was written.
}

/** What the editor begins with. A link counts, unless the text was written since it was opened. */
export function firstText(): string {
  const link = sqlOfLink(location.hash);
  const draft = ownDraft();
  if (link !== null && draft?.hash !== location.hash) return link;
  return draft?.text ?? localStorage.getItem(key) ?? '';
}

export function keepDraft(text: string): void {
  const draft: Draft = { text, hash: location.hash };
  try {
    sessionStorage.setItem(key, JSON.stringify(draft));
    localStorage.setItem(key, text);
  } catch {
    // No room for it: the text is there as long as this page is.
  }
}

/** Makes the page's address the link to `text`. */
export function putInAddress(text: string): void {
  try {
    history.replaceState(null, '', linkTo(text));
  } catch {
    // A browser may take only so many in a minute, or only such long ones.
  }
  keepDraft(text);
}

function ownDraft(): Draft | null {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null') as Draft | null;
  } catch {
    return null;
  }
}
