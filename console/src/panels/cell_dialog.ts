import { valueText, type Value } from '../data/values';
import { copyText } from '../ui/clipboard';
import { h } from '../ui/dom';
import './cell_dialog.css';

/** Shows a value that is too long for its cell. JSON is indented. */
export function showCell(title: string, type: string, value: Value): void {
  const text = laidOut(value);
  const copied = h('span', { class: 'muted', role: 'status' });
  const copy = async () => {
    copied.textContent = (await copyText(text)) ? 'Copied' : 'The browser does not allow copying';
  };
  const dialog = h(
    'dialog',
    { class: 'cell-dialog', 'aria-labelledby': 'cell-title' },
    h('h2', { id: 'cell-title' }, title),
    h('p', { class: 'muted' }, type),
    h('pre', { tabindex: 0, 'aria-label': 'Value' }, text),
    h(
      'form',
      { method: 'dialog', class: 'actions' },
      copied,
      h('button', { type: 'button', onclick: () => void copy() }, 'Copy'),
      h('button', { class: 'primary' }, 'Close'),
    ),
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function laidOut(value: Value): string {
  if (typeof value === 'string' && /^[[{]/.test(value)) {
    // Stays unchanged if a number may have more digits than a JavaScript number keeps.
    if (/\d{16}/.test(value)) return value;
    try {
      return JSON.stringify(JSON.parse(value), null, 2);
    } catch {
      return value;
    }
  }
  return valueText(value, true);
}
