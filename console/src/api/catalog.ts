import { quoteName } from '../data/names';
import { request, rowsOf } from './session';

interface Column {
  name: string;
  type: string;
}

export interface Dataset {
  name: string;
  columns?: Column[];
  rowCount?: number;
  bytes?: number;
  files?: number;
}

// With more datasets, the columns of each are requested when the user opens it.
const columnsAtOnceMax = 500;

export async function listDatasets(): Promise<Dataset[]> {
  const names = await rowsOf(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1`,
  );
  const datasets = names.map(([name]): Dataset => ({ name: String(name) }));
  await addSizes(datasets);
  if (datasets.length <= columnsAtOnceMax) await addAllColumns(datasets);
  return datasets;
}

async function addAllColumns(datasets: Dataset[]): Promise<void> {
  const byName = new Map(datasets.map((dataset) => [dataset.name, dataset]));
  for (const dataset of datasets) dataset.columns = [];
  const rows = await rowsOf(
    `SELECT table_name, column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'main' ORDER BY table_name, ordinal_position`,
  );
  for (const [table, name, type] of rows) {
    byName.get(String(table))?.columns?.push({ name: String(name), type: String(type) });
  }
}

export async function loadColumns(dataset: Dataset): Promise<Column[]> {
  dataset.columns ??= (await rowsOf(`DESCRIBE ${quoteName(dataset.name)}`)).map(([name, type]) => ({
    name: String(name),
    type: String(type),
  }));
  return dataset.columns;
}

/** Counts the rows. The footers of the objects have the numbers, so the server reads no rows. */
export async function loadRowCount(dataset: Dataset): Promise<number> {
  dataset.rowCount ??= Number((await rowsOf(`SELECT count(*) FROM ${quoteName(dataset.name)}`))[0][0]);
  return dataset.rowCount;
}

interface Size {
  name: string;
  row_count: number | null;
  objects: number;
  bytes: number | null;
}

async function addSizes(datasets: Dataset[]): Promise<void> {
  const known = (await (await request('/catalog/datasets')).json()) as { datasets: Size[] };
  const byName = new Map(datasets.map((dataset) => [dataset.name, dataset]));
  for (const size of known.datasets) {
    const dataset = byName.get(size.name);
    if (dataset === undefined) continue;
    dataset.files = size.objects;
    dataset.bytes = size.bytes ?? undefined;
    dataset.rowCount = size.row_count ?? undefined;
  }
}
