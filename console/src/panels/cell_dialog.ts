import { valueText, type Value } from '../data/values';
import { copyText } from '../ui/clipboard';
import { h } from '../ui/dom';
import './cell_dialog.css';

/** The whole of a value that a cell has no room for; JSON is laid out. */
export function showCell(title: string, type: string, value: Value): void {
  const text = laidOut(value);
  const copied = h('span', { class: 'muted', role: 'status' });
  const copy = async () => {
    copied.textContent = (await copyText(text)) ? 'Copied' : 'The browser does not allow it';
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
    // A number may have more digits than JavaScript keeps: then it stays as it came.
    if (/\d{16}/.test(value)) return value;
    try {
      return JSON.stringify(JSON.parse(value), null, 2);
    } catch {
      return value;
    }
  }
  return valueText(value, true);
}
