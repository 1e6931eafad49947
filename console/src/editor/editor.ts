import {
  autocompletion,
  closeBrackets,
  closeCompletion,
  completionStatus,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, isolateHistory } from '@codemirror/commands';
import { sql } from '@codemirror/lang-sql';
import { bracketMatching, ensureSyntaxTree } from '@codemirror/language';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, StateEffect, StateField } from '@codemirror/state';
import {
  type Command,
  Decoration,
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  placeholder,
  type DecorationSet,
} from '@codemirror/view';
import type { Dataset } from '../api/catalog';
import { h } from '../ui/dom';
import { columnsOfText, schemaOf } from './completion';
import { duckdb } from './dialect';
import { look } from './look';

interface EditorOptions {
  text: string;
  onRun: () => void;
  onPlan: () => void;
  onChange: (text: string) => void;
}

const markLine = StateEffect.define<number | null>();
const markedLine = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(markLine)) continue;
      if (effect.value === null) return Decoration.none;
      return Decoration.set([Decoration.line({ class: 'cm-error-line' }).range(effect.value)]);
    }
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/**
 * Replaces a selection by typed text. The browser would copy the style of the selected text as a
 * style attribute, which the page's policy does not allow.
 */
function replaceSelection(event: InputEvent, view: EditorView): boolean {
  const { from, to, empty } = view.state.selection.main;
  const { data } = event;
  if (event.inputType !== 'insertText' || data === null || empty || view.composing) return false;
  const insert = () =>
    view.state.update(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true });
  // For example, a handler puts brackets around the selection.
  const handlers = view.state.facet(EditorView.inputHandler);
  if (!handlers.some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
  event.preventDefault();
  return true;
}

/** Closes the list of completions before the action. */
function leaveFor(action: () => void): Command {
  return (view) => {
    closeCompletion(view);
    action();
    return true;
  };
}

/** The part of the text that Run sends, and its position. */
export interface Statement {
  sql: string;
  from: number;
}

/**
 * The editor of the query. CodeMirror is in a shadow root, because there it uses adopted style
 * sheets. The page's policy does not allow the <style> elements that it uses otherwise.
 */
export class Editor {
  readonly element = h('div', { class: 'editor' });
  private readonly view: EditorView;
  private readonly language = new Compartment();
  private datasets: Dataset[] = [];

  constructor(options: EditorOptions) {
    const root = this.element.attachShadow({ mode: 'open' });
    this.view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: options.text,
        extensions: [
          keymap.of([
            { key: 'Mod-Enter', run: leaveFor(options.onRun) },
            { key: 'Mod-Shift-Enter', run: leaveFor(options.onPlan) },
          ]),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          highlightActiveLine(),
          highlightSelectionMatches(),
          EditorView.lineWrapping,
          placeholder('SELECT … (Ctrl-Enter runs it)'),
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...completionKeymap,
          ]),
          // Focus works without a tabindex, but some tools require it of focusable elements.
          EditorView.contentAttributes.of({ 'aria-label': 'SQL', tabindex: '0' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) options.onChange(update.state.doc.toString());
          }),
          EditorView.domEventHandlers({
            beforeinput: replaceSelection,
            // An open list closes on blur. A pending one would still open afterwards.
            blur: (_, view) => {
              if (completionStatus(view.state) === 'pending') closeCompletion(view);
            },
          }),
          markedLine,
          this.language.of([]),
          look,
        ],
      }),
    });
    this.complete([]);
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  set text(text: string) {
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      // One undo restores exactly the former text.
      annotations: isolateHistory.of('full'),
    });
  }

  focus(): void {
    this.view.focus();
  }

  insert(text: string): void {
    this.view.dispatch(this.view.state.replaceSelection(text));
    this.focus();
  }

  /** The selection, or else the statement at the cursor. */
  statement(): Statement {
    const { state } = this.view;
    const { from, to } = state.selection.main;
    if (from !== to) return { sql: state.sliceDoc(from, to), from };
    const tree = ensureSyntaxTree(state, state.doc.length, 200);
    const statements = tree?.topNode.getChildren('Statement') ?? [];
    if (statements.length < 2) return { sql: state.doc.toString(), from: 0 };
    const at = statements.find((node) => from <= node.to) ?? statements[statements.length - 1];
    return { sql: state.sliceDoc(at.from, at.to), from: at.from };
  }

  /** Marks a line of the statement, counted from 1. Null removes the mark. */
  markError(statement: Statement, line: number | null): void {
    const { doc } = this.view.state;
    let at: number | null = null;
    if (line !== null && statement.from <= doc.length) {
      const number = doc.lineAt(statement.from).number + line - 1;
      if (number <= doc.lines) at = doc.line(number).from;
    }
    this.view.dispatch({ effects: markLine.of(at) });
  }

  complete(datasets: Dataset[]): void {
    this.datasets = datasets;
    const language = sql({ dialect: duckdb, schema: schemaOf(datasets), upperCaseKeywords: true });
    const columns = columnsOfText(() => this.datasets);
    this.view.dispatch({
      effects: this.language.reconfigure([language, language.language.data.of({ autocomplete: columns })]),
    });
  }
}
