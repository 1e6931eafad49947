import { h } from './dom';

const key = 'tarn.theme';
const choices = ['system', 'light', 'dark'] as const;
type Theme = (typeof choices)[number];

const listeners: (() => void)[] = [];

/** For drawings on a canvas, which do not follow the style sheet. */
export function onThemeChange(f: () => void): void {
  listeners.push(f);
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  for (const f of listeners) f();
}

/** The colour of a custom property of the style sheet in the current theme. */
export function colour(property: string): string {
  const probe = h('span');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export function themeChooser(): HTMLElement {
  const stored = localStorage.getItem(key) as Theme | null;
  const current = stored !== null && choices.includes(stored) ? stored : 'system';
  apply(current);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const f of listeners) f();
  });
  const select = h('select', { id: 'theme', 'aria-label': 'Colours' });
  for (const choice of choices) {
    const name = choice[0].toUpperCase() + choice.slice(1);
    select.append(h('option', { value: choice, selected: choice === current }, name));
  }
  select.addEventListener('change', () => {
    localStorage.setItem(key, select.value);
    apply(select.value as Theme);
  });
  return select;
}
