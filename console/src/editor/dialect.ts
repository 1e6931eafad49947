import { PostgreSQL, SQLDialect } from '@codemirror/lang-sql';

const duckdbKeywords =
  'anti asof columns describe exclude explain glob ilike map pivot positional qualify sample ' +
  'semi struct summarize tablesample try_cast unpivot';
const duckdbTypes =
  'bignum blob hugeint json list struct timestamptz tinyint ubigint uhugeint uinteger usmallint ' +
  'utinyint uuid variant varchar';
// The most used ones; every other function can be called all the same.
const duckdbFunctions =
  'any_value approx_count_distinct arg_max arg_min avg coalesce concat contains count date_diff ' +
  'date_part date_trunc epoch extract first greatest histogram last least length list_transform ' +
  'lower max median min mode now quantile_cont regexp_extract regexp_matches regexp_replace round ' +
  'row_number split_part starts_with stddev strftime string_agg strptime substring sum time_bucket ' +
  'trim unnest upper';

/** PostgreSQL's, which DuckDB's is nearest to, with what DuckDB adds. */
export const duckdb = SQLDialect.define({
  ...PostgreSQL.spec,
  keywords: `${PostgreSQL.spec.keywords ?? ''} ${duckdbKeywords}`,
  types: `${PostgreSQL.spec.types ?? ''} ${duckdbTypes}`,
  builtin: duckdbFunctions,
});
