import { h } from './dom';

export interface Tab {
  id: string;
  title: string;
  panel: HTMLElement;
  onShow?: () => void;
  onHide?: () => void;
}

/** Tabs of the ARIA tabs pattern: the Tab key reaches the selected one, arrows move to others. */
export class Tabs {
  readonly list = h('div', { role: 'tablist', class: 'tabs', 'aria-label': 'Views' });
  readonly panels = h('div', { class: 'panels' });
  private current: Tab | null = null;
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(private readonly tabs: Tab[]) {
    for (const tab of tabs) {
      const button = h(
        'button',
        {
          role: 'tab',
          id: `tab-${tab.id}`,
          type: 'button',
          'aria-controls': `panel-${tab.id}`,
          onclick: () => this.show(tab.id),
        },
        tab.title,
      );
      this.buttons.set(tab.id, button);
      this.list.append(button);
      tab.panel.id = `panel-${tab.id}`;
      tab.panel.setAttribute('role', 'tabpanel');
      tab.panel.setAttribute('aria-labelledby', button.id);
      tab.panel.classList.add('panel');
      this.panels.append(tab.panel);
    }
    this.list.addEventListener('keydown', (event) => this.onKey(event));
    this.show(tabs[0].id);
  }

  get shown(): string {
    return this.current?.id ?? '';
  }

  show(id: string): void {
    if (this.current?.id === id) return;
    this.current?.onHide?.();
    for (const tab of this.tabs) {
      const chosen = tab.id === id;
      const button = this.buttons.get(tab.id)!;
      button.setAttribute('aria-selected', String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      tab.panel.hidden = !chosen;
      if (chosen) this.current = tab;
    }
    this.current?.onShow?.();
  }

  private onKey(event: KeyboardEvent): void {
    const at = this.tabs.findIndex((tab) => tab.id === this.shown);
    const last = this.tabs.length - 1;
    const next = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.show(this.tabs[next].id);
    this.buttons.get(this.tabs[next].id)!.focus();
  }
}
