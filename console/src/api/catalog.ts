import { quoteName } from '../data/names';
import { ApiError, request, rowsOf } from './session';

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

// With more, columns are asked for one dataset at a time, when somebody looks at it.
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

/** Parquet's footers have it: no row is read. */
export async function loadRowCount(dataset: Dataset): Promise<number> {
  dataset.rowCount ??= Number((await rowsOf(`SELECT count(*) FROM ${quoteName(dataset.name)}`))[0][0]);
  return dataset.rowCount;
}

interface Manifest {
  name: string;
  row_count: number | null;
  objects: { size?: number }[];
}

/**
 * `tarn up` shows its catalogue beside queryd's routes. queryd alone has none to show: catalogd is
 * another server, whose tokens have another role. There sizes stay unknown.
 */
async function addSizes(datasets: Dataset[]): Promise<void> {
  let list: { manifests: Manifest[] };
  try {
    list = (await (await request('/catalog/list')).json()) as { manifests: Manifest[] };
  } catch (error) {
    if (error instanceof ApiError) return;
    throw error;
  }
  const byName = new Map(datasets.map((dataset) => [dataset.name, dataset]));
  for (const manifest of list.manifests) {
    const dataset = byName.get(manifest.name);
    if (dataset === undefined) continue;
    const sizes = manifest.objects.map((object) => object.size);
    dataset.files = sizes.length;
    if (sizes.every((size) => size !== undefined)) {
      dataset.bytes = sizes.reduce((sum, size) => sum + size, 0);
    }
    if (manifest.row_count !== null) dataset.rowCount = manifest.row_count;
  }
}
