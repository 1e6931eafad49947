import { h } from './dom';
import './menu.css';

interface MenuItem {
  name: string;
  choose: () => void;
}

/** A button that opens a menu of actions. Its keys are those of the ARIA menu button pattern. */
export class Menu {
  readonly element = h('div', { class: 'menu' });
  private readonly button: HTMLButtonElement;
  private readonly list = h('div', { class: 'menu-items', role: 'menu', hidden: true });

  constructor(name: string, items: MenuItem[]) {
    this.button = h(
      'button',
      {
        type: 'button',
        tabindex: 0, // Without it, Safari does not focus the button on a click.
        'aria-haspopup': 'menu',
        'aria-expanded': 'false',
        onclick: () => (this.list.hidden ? this.open() : this.close()),
      },
      name,
      h('span', { class: 'menu-mark', 'aria-hidden': 'true' }),
    );
    this.list.setAttribute('aria-label', name);
    for (const item of items) {
      const choose = () => {
        this.close();
        item.choose();
      };
      this.list.append(
        h('button', { type: 'button', role: 'menuitem', tabindex: -1, onclick: choose }, item.name),
      );
    }
    this.element.append(this.button, this.list);
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.element.addEventListener('focusout', (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null)) this.list.hidden = true;
      this.button.setAttribute('aria-expanded', String(!this.list.hidden));
    });
  }

  enable(on: boolean): void {
    this.button.disabled = !on;
  }

  private open(): void {
    this.list.hidden = false;
    this.button.setAttribute('aria-expanded', 'true');
    this.focus(0);
  }

  private close(): void {
    this.button.focus();
    this.list.hidden = true;
    this.button.setAttribute('aria-expanded', 'false');
  }

  private focus(index: number): void {
    const items = [...this.list.children] as HTMLElement[];
    items[(index + items.length) % items.length].focus();
  }

  private onKey(event: KeyboardEvent): void {
    const at = [...this.list.children].indexOf(document.activeElement!);
    if (event.key === 'ArrowDown' && this.list.hidden && !this.button.disabled) this.open();
    else if (this.list.hidden) return;
    else if (event.key === 'Escape') this.close();
    else if (event.key === 'ArrowDown') this.focus(at + 1);
    else if (event.key === 'ArrowUp') this.focus(Math.max(at, 0) - 1);
    else if (event.key === 'Home') this.focus(0);
    else if (event.key === 'End') this.focus(-1);
    else return;
    event.preventDefault();
  }
}
