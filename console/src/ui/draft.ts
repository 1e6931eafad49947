import { linkTo, sqlOfLink } from './share_link';

const key = 'tarn.draft';

/** The text of this tab. A new tab begins with the last text of any tab. */
interface Draft {
  text: string;
  hash: string; // The part of the address after '#' when the text was written.
}

/** The initial text: that of the link, unless it was edited after the link was opened. */
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
    // The browser cannot store the text, so it is lost with the page.
  }
}

/** Sets the address of the page to the link to `text`. */
export function putInAddress(text: string): void {
  try {
    history.replaceState(null, '', linkTo(text));
  } catch {
    // Browsers limit the number of changes per minute and the length of the address.
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
