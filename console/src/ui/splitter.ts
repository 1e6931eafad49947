import { h } from './dom';

interface SplitterOptions {
  name: string;
  key: string; // The key for the size in localStorage.
  across: boolean; // True: the parts are left and right.
  initial: number; // Pixels.
  min: number;
  max: () => number;
  set: (size: number) => void;
}

/** A line between two parts that can be moved with the mouse or the arrow keys. */
export function splitter(options: SplitterOptions): HTMLElement {
  const { across, min, max } = options;
  const handle = h('div', {
    class: across ? 'splitter across' : 'splitter',
    role: 'separator',
    tabindex: 0,
    'aria-label': options.name,
    'aria-orientation': across ? 'vertical' : 'horizontal',
    'aria-valuemin': min,
  });
  // The size that the user chose, which is restored after the window was temporarily small.
  let wish = Number(localStorage.getItem(options.key)) || options.initial;
  let size = wish;
  const fit = () => {
    size = Math.round(Math.max(min, Math.min(wish, Math.max(min, max()))));
    handle.setAttribute('aria-valuenow', String(size));
    handle.setAttribute('aria-valuemax', String(Math.max(min, max())));
    options.set(size);
  };
  const set = (wanted: number) => {
    wish = wanted;
    fit();
    wish = size;
  };
  const keep = () => localStorage.setItem(options.key, String(size));

  handle.addEventListener('pointerdown', (down) => {
    handle.setPointerCapture(down.pointerId);
    const from = (across ? down.clientX : down.clientY) - size;
    const move = (event: PointerEvent) => set((across ? event.clientX : event.clientY) - from);
    handle.addEventListener('pointermove', move);
    handle.addEventListener(
      'lostpointercapture',
      () => {
        handle.removeEventListener('pointermove', move);
        keep();
      },
      { once: true },
    );
  });
  handle.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -20, ArrowUp: -20, ArrowRight: 20, ArrowDown: 20 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(size + step);
    keep();
  });
  fit();
  addEventListener('resize', fit);
  return handle;
}
