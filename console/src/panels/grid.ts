import { type Area, areaText, cellsOf } from '../data/area';
import type { ResultColumn, ResultTable } from '../data/result_table';
import { copyText } from '../ui/clipboard';
import { h, oncePerFrame } from '../ui/dom';
import { formatCount, formatRows } from '../ui/format';
import { showCell } from './cell_dialog';
import { cellText, cellTextMax } from './cell_text';
import { ColumnWidths } from './column_widths';
import { GridScroll, headerHeight, rowHeight } from './grid_scroll';
import './grid.css';

// Larger parts of a result can be downloaded as a file.
const copiedCellsMax = 1_000_000;

/**
 * The rows of a result. Only visible cells have elements. They are drawn into a layer that stays in
 * the window, at positions that are computed from the scroll position.
 *
 * One cell is active. The keys of ARIA's grid pattern move it. Screen readers find it through
 * aria-activedescendant instead of the focus, because the elements of cells are replaced. The cells
 * between the active cell and the anchor are selected.
 */
export class Grid {
  readonly element = h('div', {
    class: 'grid',
    role: 'grid',
    tabindex: 0,
    'aria-label': 'Result',
    'aria-multiselectable': 'true',
  });
  private readonly space = h('div', { class: 'grid-space', 'aria-hidden': 'true' });
  private readonly layer = h('div', { class: 'grid-layer', role: 'presentation' });
  private table: ResultTable | null = null;
  private readonly scroll = new GridScroll(this.element);
  private readonly columns = new ColumnWidths();
  private measured = false; // The widths take values into account, not only names.
  private active = { row: -1, column: 0 }; // Row -1: the names.
  private anchor = { row: -1, column: 0 }; // The start of the selection.
  private all = false; // All rows are selected, with the names.
  private drawnHeight = 0;
  private readonly redraw = oncePerFrame(() => this.draw());

  constructor(private readonly hint: (text: string) => void) {
    this.element.append(this.layer, this.space);
    this.element.addEventListener('scroll', this.redraw);
    this.element.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.element.addEventListener('focus', this.redraw);
    this.element.addEventListener('mousedown', (event) => this.onMouseDown(event));
    new ResizeObserver(this.redraw).observe(this.element);
    this.clear();
  }

  clear(): void {
    this.table = null;
    this.element.hidden = true;
  }

  show(table: ResultTable): void {
    this.element.hidden = false;
    this.table = table;
    this.active = { row: table.rowCount > 0 ? 0 : -1, column: 0 };
    this.anchor = this.active;
    this.all = false;
    this.measured = false;
    this.columns.measure(table);
    this.scroll.rowCount = table.rowCount;
    this.scroll.toTop();
    this.element.setAttribute('aria-colcount', String(table.columns.length));
    this.rowsArrived();
  }

  rowsArrived(): void {
    const { table } = this;
    if (table === null) return;
    this.scroll.rowCount = table.rowCount;
    if (!this.measured && table.rowCount > 0) {
      this.columns.measureAgain(table);
      if (this.active.row < 0) {
        this.active = { row: 0, column: this.active.column };
        this.anchor = this.active;
      }
      this.measured = true;
    }
    this.element.setAttribute('aria-rowcount', String(table.rowCount + 1));
    this.redraw();
  }

  /** Called after the last row. */
  finish(): void {
    if (this.table !== null) this.columns.measureAgain(this.table);
    this.rowsArrived();
  }

  get rowCount(): number {
    return this.table?.rowCount ?? 0;
  }

  // --- drawing

  private draw(): void {
    const { table, element, layer } = this;
    if (table === null || element.clientHeight === 0) return;
    const { scroll } = this;
    const { lefts } = this.columns;
    if (this.drawnHeight !== scroll.fullHeight) {
      // After more rows have arrived, the window keeps its rows, and the scroll bar moves.
      const { top } = scroll;
      this.drawnHeight = scroll.fullHeight;
      this.space.style.height = `${scroll.spaceHeight}px`;
      scroll.top = top;
    }
    this.space.style.width = `${lefts[table.columns.length]}px`;
    const { top } = scroll;
    const left = element.scrollLeft;
    const first = Math.floor(top / rowHeight);
    const last = Math.min(this.rowCount, Math.ceil((top + element.clientHeight - headerHeight) / rowHeight));
    const columns: number[] = [];
    for (let i = 0; i < table.columns.length; ++i) {
      if (lefts[i + 1] > left && lefts[i] < left + element.clientWidth) columns.push(i);
    }
    // The active cell always has an element, because a screen reader may be on it.
    if (!columns.includes(this.active.column)) columns.push(this.active.column);
    const rows: HTMLElement[] = [];
    for (let row = first; row < last; ++row) {
      const y = headerHeight + row * rowHeight - top;
      rows.push(this.drawRow(row, y, columns, left));
    }
    const hidden = this.active.row >= 0 && (this.active.row < first || this.active.row >= last);
    if (hidden && this.active.row < this.rowCount) {
      rows.push(this.drawRow(this.active.row, -10 * rowHeight, columns, left));
    }
    layer.replaceChildren(this.drawNames(columns, left), ...rows);
    layer.style.width = `${element.clientWidth}px`;
    layer.style.height = `${element.clientHeight}px`;
    layer.style.marginBottom = `${-element.clientHeight}px`;
    element.setAttribute('aria-activedescendant', cellId(this.active.row, this.active.column));
  }

  private drawNames(columns: number[], left: number): HTMLElement {
    const names = h('div', { class: 'grid-names', role: 'row', 'aria-rowindex': 1 });
    for (const index of columns) {
      const column = this.table!.columns[index];
      const cell = this.cell(-1, index, left, 'columnheader', column);
      cell.append(h('span', { class: 'name' }, column.name), h('span', { class: 'type' }, column.type));
      cell.title = `${column.name}  ${column.type}`;
      cell.append(h('span', { class: 'grip', 'data-column': index, 'aria-hidden': 'true' }));
      names.append(cell);
    }
    return names;
  }

  private drawRow(row: number, y: number, columns: number[], left: number): HTMLElement {
    const line = h('div', {
      class: row % 2 === 1 ? 'grid-row odd' : 'grid-row',
      role: 'row',
      'aria-rowindex': row + 2,
    });
    line.style.transform = `translateY(${y}px)`;
    for (const index of columns) {
      const value = this.table!.value(row, index, cellTextMax + 1);
      const cell = this.cell(row, index, left, 'gridcell', this.table!.columns[index]);
      cell.textContent = cellText(value);
      if (value === null) cell.classList.add('null');
      if (value === '') cell.classList.add('empty');
      line.append(cell);
    }
    return line;
  }

  private cell(row: number, index: number, left: number, role: string, column: ResultColumn): HTMLElement {
    const active = this.active.row === row && this.active.column === index;
    const selected = this.isSelected(row, index);
    const cell = h('div', {
      id: cellId(row, index),
      class: `cell ${column.kind}${active ? ' active' : ''}${selected ? ' selected' : ''}`,
      role,
      'aria-selected': selected ? 'true' : undefined,
      'aria-colindex': index + 1,
      'data-row': row,
      'data-column': index,
    });
    cell.style.left = `${this.columns.lefts[index] - left}px`;
    cell.style.width = `${this.columns.widths[index]}px`;
    return cell;
  }

  // --- the active cell

  /** Moves the active cell. `extend`: the anchor stays, so that the selection grows. */
  private moveTo(row: number, column: number, extend = false): void {
    const columns = this.table?.columns.length ?? 0;
    this.active = {
      row: Math.max(-1, Math.min(row, this.rowCount - 1)),
      column: Math.max(0, Math.min(column, columns - 1)),
    };
    if (!extend) this.anchor = this.active;
    this.all = false;
    this.reveal();
    this.redraw();
  }

  private selectAll(): void {
    this.all = true;
    this.redraw();
  }

  private get selection(): Area {
    const { active, anchor } = this;
    if (this.all)
      return { top: -1, bottom: this.rowCount - 1, left: 0, right: (this.table?.columns.length ?? 0) - 1 };
    return {
      top: Math.min(active.row, anchor.row),
      bottom: Math.max(active.row, anchor.row),
      left: Math.min(active.column, anchor.column),
      right: Math.max(active.column, anchor.column),
    };
  }

  /** False for a selection of only the active cell. */
  private isSelected(row: number, column: number): boolean {
    const { top, bottom, left, right } = this.selection;
    const within = top <= row && row <= bottom && left <= column && column <= right;
    return within && (top < bottom || left < right);
  }

  private async copy(): Promise<void> {
    const { table, selection } = this;
    if (table === null) return;
    const cells = cellsOf(selection);
    if (cells > copiedCellsMax) {
      this.hint(`${formatCount(cells)} cells are too many to copy: use Download`);
      return;
    }
    const copied = await copyText(areaText(table, selection));
    const what = cells === 1 ? 'Copied' : `Copied ${formatCount(cells)} cells`;
    this.hint(copied ? what : 'The browser does not allow copying');
  }

  private reveal(): void {
    const { row, column } = this.active;
    const { lefts } = this.columns;
    if (row >= 0) this.scroll.reveal(row);
    const right = lefts[column + 1];
    if (lefts[column] < this.element.scrollLeft) {
      this.element.scrollLeft = lefts[column];
    } else if (right > this.element.scrollLeft + this.element.clientWidth) {
      this.element.scrollLeft = right - this.element.clientWidth;
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (this.table === null || event.altKey) return;
    const { row, column } = this.active;
    const page = Math.max(1, Math.floor((this.element.clientHeight - headerHeight) / rowHeight) - 1);
    const whole = event.ctrlKey || event.metaKey;
    const extend = event.shiftKey;
    // Ignores Caps Lock.
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    switch (key) {
      case 'ArrowUp':
        this.moveTo(row - 1, column, extend);
        break;
      case 'ArrowDown':
        this.moveTo(row + 1, column, extend);
        break;
      case 'ArrowLeft':
        this.moveTo(row, column - 1, extend);
        break;
      case 'ArrowRight':
        this.moveTo(row, column + 1, extend);
        break;
      case 'PageUp':
        this.moveTo(Math.max(0, row - page), column, extend);
        break;
      case 'PageDown':
        this.moveTo(row + page, column, extend);
        break;
      case 'Home':
        this.moveTo(whole ? 0 : row, 0, extend);
        break;
      case 'End':
        this.moveTo(whole ? this.rowCount - 1 : row, this.table.columns.length - 1, extend);
        break;
      case 'Enter':
        if (whole) return;
        this.openCell();
        break;
      case 'a':
        if (!whole || extend) return;
        this.selectAll();
        break;
      case 'c':
        if (!whole || extend) return;
        void this.copy();
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** Scrolls by pixels of rows. The browser would skip rows if the scroll bar is not exact. */
  private onWheel(event: WheelEvent): void {
    const { deltaX, deltaY, deltaMode } = event;
    if (this.scroll.isExact || event.ctrlKey || Math.abs(deltaX) > Math.abs(deltaY)) return;
    event.preventDefault();
    const pixels = [1, rowHeight, this.element.clientHeight][deltaMode];
    this.scroll.top += deltaY * pixels;
    this.redraw();
  }

  private onMouseDown(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    if (event.detail === 2 && event.button === 0) {
      this.onDoubleClick(event, target);
      return;
    }
    if (target.classList.contains('grip')) {
      this.dragWidth(Number(target.dataset.column), event);
      return;
    }
    const at = placeOf(target);
    if (at === null || event.button !== 0) return;
    this.moveTo(at.row, at.column, event.shiftKey);
    const move = (over: MouseEvent) => {
      const to = placeOf(over.target);
      if (to !== null && (to.row !== this.active.row || to.column !== this.active.column)) {
        this.moveTo(to.row, to.column, true);
      }
    };
    addEventListener('mousemove', move);
    addEventListener('mouseup', () => removeEventListener('mousemove', move), { once: true });
  }

  /**
   * Called at the second press of the button. The browser's event for double clicks is missing if
   * the first press has redrawn the grid, which replaces the cell.
   */
  private onDoubleClick(event: MouseEvent, target: HTMLElement): void {
    event.preventDefault();
    if (this.table !== null && target.classList.contains('grip')) {
      // Fits the column to its values.
      this.columns.fit(this.table, Number(target.dataset.column));
      this.redraw();
    } else if (placeOf(target) !== null) {
      this.openCell();
    }
  }

  private dragWidth(column: number, down: MouseEvent): void {
    down.preventDefault();
    const from = this.columns.widths[column] - down.clientX;
    const move = (event: MouseEvent) => {
      this.columns.set(column, from + event.clientX);
      this.redraw();
    };
    addEventListener('mousemove', move);
    addEventListener('mouseup', () => removeEventListener('mousemove', move), { once: true });
  }

  private openCell(): void {
    const { row, column } = this.active;
    if (this.table === null || row < 0) return;
    const { name, type } = this.table.columns[column];
    const of = formatRows(this.rowCount);
    showCell(`${name}, row ${row + 1} of ${of}`, type, this.table.value(row, column));
  }
}

function placeOf(target: EventTarget | null): { row: number; column: number } | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>('.grid .cell') : null;
  return cell === null ? null : { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
}

function cellId(row: number, column: number): string {
  return `cell-${row}-${column}`;
}
