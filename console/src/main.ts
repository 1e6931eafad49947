// First, so that the style sheets of the panels override it.
import './style.css';
import type { Dataset } from './api/catalog';
import { cancelQuery } from './api/queries';
import { newQueryId, onTokenNeeded, signedIn, signOut } from './api/session';
import { messageOf, runQuery } from './api/sql';
import type { ResultTable } from './data/result_table';
import { Editor, type Statement } from './editor/editor';
import { ChartPanel } from './panels/chart';
import { DatasetsPanel } from './panels/datasets';
import { Downloads } from './panels/downloads';
import { Grid } from './panels/grid';
import { HistoryPanel } from './panels/history';
import { askForToken } from './panels/login';
import { explainedFrom, PlanPanel } from './panels/plan';
import { QueriesPanel } from './panels/queries';
import { RunState } from './panels/run_state';
import { copyText } from './ui/clipboard';
import { announce, h } from './ui/dom';
import { formatRows } from './ui/format';
import { firstText, keepDraft, putInAddress } from './ui/draft';
import { linkTo, sqlOfLink } from './ui/share_link';
import { splitter } from './ui/splitter';
import { Tabs } from './ui/tabs';
import { themeChooser } from './ui/theme';

const limits = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];

/** A running query, or the running EXPLAIN of one. A new task cancels the running one. */
interface Task {
  id: string;
  abort: AbortController;
}
let running: Task | null = null;
let lastRun: Task | null = null; // The query whose result is shown.
let lastPlan: Task | null = null;
let lastSql = '';

onTokenNeeded(async (why) => {
  const token = await askForToken(why);
  signOutButton.hidden = token === null;
  if (token !== null && datasets.failed) void datasets.load();
  return token;
});

// --- the parts

const state = new RunState();
const grid = new Grid((text) => state.hint(text));
const chart = new ChartPanel();
const plan = new PlanPanel();
const queries = new QueriesPanel(edit);
const history = new HistoryPanel(edit);
const downloads = new Downloads(() => lastSql);
const editor = new Editor({
  text: firstText(),
  onRun: () => void run(),
  onPlan: () => void explain(),
  onChange: keepDraft,
});
const datasets = new DatasetsPanel({
  onLoaded: (loaded) => onDatasets(loaded),
  onInsert: (text) => editor.insert(text),
  onLook: (sql) => {
    edit(sql);
    void run();
  },
});
const tabs = new Tabs([
  {
    id: 'result',
    title: 'Result',
    panel: h('section', {}, grid.element),
    onShow: () => (state.element.hidden = false),
    onHide: () => (state.element.hidden = true),
  },
  {
    id: 'chart',
    title: 'Chart',
    panel: h('section', {}, chart.element),
    onShow: () => {
      state.element.hidden = false;
      chart.show();
    },
    onHide: () => {
      state.element.hidden = true;
      chart.hide();
    },
  },
  { id: 'plan', title: 'Plan', panel: h('section', {}, plan.element) },
  {
    id: 'queries',
    title: 'Queries',
    panel: h('section', {}, queries.element),
    onShow: () => queries.show(),
    onHide: () => queries.hide(),
  },
  {
    id: 'history',
    title: 'History',
    panel: h('section', {}, history.element),
    onShow: () => history.draw(),
  },
]);

// --- the page

const runButton = h(
  'button',
  { type: 'button', class: 'primary', title: 'Ctrl-Enter', onclick: () => void run() },
  'Run',
);
const cancelButton = h(
  'button',
  { type: 'button', class: 'danger', hidden: true, onclick: () => cancel() },
  'Cancel',
);
const planButton = h(
  'button',
  { type: 'button', title: 'Ctrl-Shift-Enter', onclick: () => void explain() },
  'Plan',
);
const linkButton = h('button', { type: 'button', class: 'quiet', onclick: () => void share() }, 'Copy link');
const limit = h('select', { id: 'limit', 'aria-label': 'Rows at most' });
for (const rows of limits) {
  limit.append(h('option', { value: rows, selected: rows === 1_000_000 }, `up to ${formatRows(rows)}`));
}
const signOutButton = h(
  'button',
  {
    type: 'button',
    class: 'quiet',
    hidden: !signedIn(),
    onclick: () => {
      signOut();
      location.reload();
    },
  },
  'Sign out',
);

const top = h(
  'div',
  { class: 'work-top' },
  h(
    'div',
    { class: 'toolbar', role: 'toolbar', 'aria-label': 'Query' },
    runButton,
    cancelButton,
    planButton,
    limit,
    linkButton,
    h('span', { class: 'fill' }),
    downloads.element,
  ),
  downloads.line,
  editor.element,
);
const work = h('main', { class: 'work' });
const page = h('div', { class: 'page' });
document.body.append(
  h(
    'header',
    { class: 'top' },
    h('h1', {}, h('span', { class: 'mark', 'aria-hidden': 'true' }), 'Tarn'),
    h('span', { class: 'fill' }),
    signOutButton,
    themeChooser(),
  ),
  page,
);
work.append(
  top,
  splitter({
    name: 'Height of the editor',
    key: 'tarn.editor',
    across: false,
    initial: 240,
    min: 120,
    max: () => innerHeight - 260,
    set: (size) => (top.style.height = `${size}px`),
  }),
  tabs.list,
  state.element,
  tabs.panels,
);
datasets.element.append(
  splitter({
    name: 'Width of the list of datasets',
    key: 'tarn.datasets',
    across: true,
    initial: 270,
    min: 160,
    max: () => innerWidth / 2,
    set: (size) => datasets.element.style.setProperty('--side-width', `${size}px`),
  }),
);
page.append(datasets.element, work);
// The same keys outside the editor. The editor handles its own.
addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
  if (document.querySelector('dialog[open]') !== null) return;
  event.preventDefault();
  void (event.shiftKey ? explain() : run());
});
addEventListener('hashchange', () => {
  const sql = sqlOfLink(location.hash);
  if (sql !== null && sql !== editor.text) edit(sql);
});
editor.focus();
void datasets.load();

// --- actions

function edit(sql: string): void {
  editor.text = sql;
  editor.focus();
}

function onDatasets(loaded: Dataset[]): void {
  editor.complete(loaded);
  signOutButton.hidden = !signedIn();
}

async function run(): Promise<void> {
  const statement = editor.statement();
  if (statement.sql.trim() === '') return;
  const task = begin();
  lastRun = task;
  lastSql = statement.sql;
  let shown: ResultTable | null = null;
  state.start(task.id);
  chart.wait();
  downloads.forget();
  editor.markError(statement, null);
  if (tabs.shown !== 'chart') tabs.show('result');
  const rowLimit = Number(limit.value);
  const started = performance.now();
  const entry = { sql: statement.sql, at: new Date().toISOString() };
  try {
    const { table, info } = await runQuery({
      sql: statement.sql,
      rowLimit,
      id: task.id,
      signal: task.abort.signal,
      onTable: (table) => {
        shown = table;
        grid.show(table);
      },
      onRows: () => grid.rowsArrived(),
    });
    const ms = performance.now() - started;
    // Another query may have started after the last row of this one, but before its end.
    if (lastRun !== task) return;
    grid.finish();
    chart.setTable(table);
    state.done(table.rowCount, rowLimit, ms, info);
    announce(`${formatRows(table.rowCount)} received`);
    history.add({ ...entry, ms, rows: table.rowCount });
    putInAddress(editor.text);
  } catch (error) {
    const ms = performance.now() - started;
    const cancelled = task.abort.signal.aborted;
    const message = cancelled ? 'Cancelled' : messageOf(error);
    if (lastRun === task) {
      // Keeps the rows of this query, but not those of the previous one.
      if (shown === null) grid.clear();
      chart.setTable(shown);
      if (cancelled) {
        state.cancelled(grid.rowCount);
      } else {
        state.fail(message);
        markLine(statement, message);
      }
    }
    history.add({ ...entry, ms, error: message });
  } finally {
    end(task);
  }
}

function begin(): Task {
  cancel();
  const task = { id: newQueryId('console-'), abort: new AbortController() };
  running = task;
  setRunning(true);
  return task;
}

function end(task: Task): void {
  // Another task has replaced this one.
  if (running !== task) return;
  running = null;
  setRunning(false);
}

/** Marks the line that DuckDB's message names. */
function markLine(statement: Statement, message: string): void {
  const line = /^LINE (\d+):/m.exec(message)?.[1];
  if (line !== undefined) editor.markError(statement, Number(line));
}

function cancel(): void {
  if (running === null) return;
  const { id, abort } = running;
  abort.abort();
  // Closing the connection is not enough, because a proxy may keep its connection to queryd open.
  void cancelQuery(id).catch(() => undefined);
}

function setRunning(on: boolean): void {
  const hadFocus = document.activeElement === (on ? runButton : cancelButton);
  runButton.hidden = on;
  cancelButton.hidden = !on;
  if (hadFocus) (on ? cancelButton : runButton).focus();
  downloads.enable(!on && lastSql !== '');
}

async function explain(): Promise<void> {
  const statement = editor.statement();
  if (statement.sql.trim() === '') return;
  const task = begin();
  lastPlan = task;
  editor.markError(statement, null);
  tabs.show('plan');
  try {
    await plan.explain(statement.sql, { id: task.id, signal: task.abort.signal });
  } catch (error) {
    // The plan of another query has been requested.
    if (lastPlan !== task) return;
    if (task.abort.signal.aborted) {
      plan.say('Cancelled');
      return;
    }
    plan.fail(messageOf(error));
    const from = statement.from + explainedFrom(statement.sql);
    markLine({ ...statement, from }, messageOf(error));
  } finally {
    end(task);
  }
}

async function share(): Promise<void> {
  const link = linkTo(editor.text);
  putInAddress(editor.text);
  const copied = await copyText(link);
  const text = copied ? 'Link copied' : 'The link is in the address bar';
  linkButton.textContent = text;
  announce(text);
  setTimeout(() => (linkButton.textContent = 'Copy link'), 2000);
}
