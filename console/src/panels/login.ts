import { h } from '../ui/dom';
import './login.css';

/** Asks for a token in a dialog. Returns null if the user closes it. */
export function askForToken(why: string): Promise<string | null> {
  return new Promise((resolve) => {
    const field = h('input', {
      type: 'password',
      id: 'token',
      autocomplete: 'current-password',
      required: true,
      'aria-describedby': 'token-why',
    });
    const dialog = h(
      'dialog',
      { class: 'login', 'aria-labelledby': 'login-title' },
      h(
        'form',
        { method: 'dialog' },
        h('h2', { id: 'login-title' }, 'Sign in'),
        h('p', {}, 'This server requires a token. tarn token create creates one.'),
        h('p', { id: 'token-why', class: 'failed', role: 'alert' }, why),
        h('label', { for: 'token' }, 'Token'),
        field,
        h('p', { class: 'muted' }, 'It is kept until this tab is closed.'),
        h(
          'div',
          { class: 'actions' },
          h('button', { type: 'button', onclick: () => dialog.close() }, 'Not now'),
          h('button', { value: 'sign in', class: 'primary' }, 'Sign in'),
        ),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'sign in' ? field.value.trim() : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
}
