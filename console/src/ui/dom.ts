type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, unknown>;

/**
 * Creates an element with attributes, listeners (`onclick: f`) and children. Strings become text
 * nodes: the console never parses text of the server or the user as HTML.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  append(element, children);
  return element;
}

export function append(parent: Node, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Returns a function that calls `f` at most once per frame. */
export function oncePerFrame(f: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      f();
    });
  };
}

/** The element for messages to screen readers. */
const announcer = h('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
export function announce(text: string): void {
  if (!announcer.isConnected) document.body.append(announcer);
  announcer.textContent = text;
}
