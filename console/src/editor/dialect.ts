import { PostgreSQL, SQLDialect } from '@codemirror/lang-sql';

// The keywords of statements that only read, because queryd refuses all others.
const keywords =
  'all and anti any array as asc asof between both by case cast collate columns cross current_date ' +
  'current_time current_timestamp cube desc describe distinct else end escape except exclude exists ' +
  'explain analyze extract false fetch filter first following for from full glob group grouping ' +
  'having ilike in inner intersect interval into is join lambda last lateral left like limit map ' +
  'natural no not null nulls offset on or order ordinality outer over partition pivot positional ' +
  'preceding qualify range recursive rename replace right rollup row rows sample select semi sets ' +
  'show similar some struct summarize table tables tablesample then ties to trailing true try_cast ' +
  'unbounded union unnest unpivot using values when where window with within without';
const types =
  'bigint bignum bit blob bool boolean char date decimal double enum float hugeint int integer ' +
  'interval json list numeric real smallint string struct text time timestamp timestamptz tinyint ' +
  'ubigint uhugeint uinteger union usmallint utinyint uuid varchar variant';
// The most common functions, for completion. Queries can call all others too.
const functions =
  'any_value approx_count_distinct arg_max arg_min avg coalesce concat contains count date_diff ' +
  'date_part date_trunc epoch greatest histogram least length list_transform lower max median min ' +
  'mode now quantile_cont regexp_extract regexp_matches regexp_replace round row_number split_part ' +
  'starts_with stddev strftime string_agg strptime substring sum time_bucket trim upper';

/** DuckDB's SQL, which has PostgreSQL's syntax. */
export const duckdb = SQLDialect.define({
  ...PostgreSQL.spec,
  keywords,
  types,
  builtin: functions,
});
