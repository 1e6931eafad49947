/** Returns false if the browser does not let the page use the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // navigator.clipboard is missing on plain HTTP of another machine. The older API works there.
    return copyByCommand(text);
  }
}

function copyByCommand(text: string): boolean {
  let taken = false;
  const onCopy = (event: ClipboardEvent) => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
    taken = true;
  };
  addEventListener('copy', onCopy, { capture: true });
  const done = document.execCommand('copy');
  removeEventListener('copy', onCopy, { capture: true });
  return done && taken;
}
