export const rowHeight = 26;
export const headerHeight = 44;
// Browsers cannot make an element as high as a million rows are (Firefox ends at 17 million
// pixels): beyond this a pixel of the scroll bar is worth more than one of the rows.
const heightMax = 15_000_000;

/** Where the window of a grid is among its rows, in pixels of rows. */
export class GridScroll {
  rowCount = 0;
  // Where the window is, and where the scroll bar was put for it: that is not as exact where one of
  // its pixels is worth more.
  private position = 0;
  private bar = 0;

  constructor(private readonly element: HTMLElement) {}

  toTop(): void {
    this.element.scrollTo(0, 0);
    this.position = 0;
  }

  /** Of all rows and the names, if there were no limit. */
  get fullHeight(): number {
    return headerHeight + this.rowCount * rowHeight;
  }

  /** Of what the scroll bar is about. */
  get spaceHeight(): number {
    return Math.min(this.fullHeight, heightMax);
  }

  /** Whether a pixel of the bar is one of the rows. */
  get isExact(): boolean {
    return this.fullHeight <= heightMax;
  }

  /** Pixels of rows above the window. */
  get top(): number {
    const { scrollTop, clientHeight } = this.element;
    const hidden = Math.max(0, this.fullHeight - clientHeight);
    if (scrollTop !== this.bar) {
      // Somebody has moved it.
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

  /** Moves as little as brings a row into the window. */
  reveal(row: number): void {
    const view = this.element.clientHeight - headerHeight;
    const y = row * rowHeight;
    if (y < this.top) this.top = y;
    else if (y + rowHeight > this.top + view) this.top = y + rowHeight - view;
  }
}
