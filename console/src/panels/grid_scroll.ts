export const rowHeight = 26;
export const headerHeight = 44;
// The height of elements is limited (17 million pixels in Firefox), which is less than a million
// rows need. Beyond this height, a pixel of the scroll bar stands for several pixels of rows.
const heightMax = 15_000_000;

/** The scroll position of a grid, in pixels of rows. */
export class GridScroll {
  rowCount = 0;
  // The positions of the window and of the scroll bar. That of the bar is less exact if one of its
  // pixels stands for several.
  private position = 0;
  private bar = 0;

  constructor(private readonly element: HTMLElement) {}

  toTop(): void {
    this.element.scrollTo(0, 0);
    this.position = 0;
  }

  /** The height of all rows and the names, without a limit. */
  get fullHeight(): number {
    return headerHeight + this.rowCount * rowHeight;
  }

  /** The height of the scrolled element. */
  get spaceHeight(): number {
    return Math.min(this.fullHeight, heightMax);
  }

  /** True if a pixel of the scroll bar is a pixel of rows. */
  get isExact(): boolean {
    return this.fullHeight <= heightMax;
  }

  /** The number of pixels of rows above the window. */
  get top(): number {
    const { scrollTop, clientHeight } = this.element;
    const hidden = Math.max(0, this.fullHeight - clientHeight);
    if (scrollTop !== this.bar) {
      // The user has moved the scroll bar.
      this.bar = scrollTop;
      const scrollable = Math.max(1, this.spaceHeight - clientHeight);
      this.position = Math.min(1, scrollTop / scrollable) * hidden;
    }
    return Math.min(this.position, hidden);
  }

  set top(pixels: number) {
    const { clientHeight } = this.element;
    const hidden = Math.max(0, this.fullHeight - clientHeight);
    this.position = Math.max(0, Math.min(pixels, hidden));
    const scrollable = Math.max(0, this.spaceHeight - clientHeight);
    this.element.scrollTop = hidden === 0 ? 0 : (this.position / hidden) * scrollable;
    this.bar = this.element.scrollTop;
  }

  /** Scrolls by the smallest distance that shows a row. */
  reveal(row: number): void {
    const view = this.element.clientHeight - headerHeight;
    const y = row * rowHeight;
    if (y < this.top) this.top = y;
    else if (y + rowHeight > this.top + view) this.top = y + rowHeight - view;
  }
}
