#include "engine/sql_functions.h"

#include <algorithm>
#include <array>

namespace tarn::engine {
namespace {

// Each list is sorted.
constexpr auto kAllowedTableFunctions = std::to_array<std::string_view>({"duckdb_columns",
                                                                         "duckdb_constraints",
                                                                         "duckdb_databases",
                                                                         "duckdb_functions",
                                                                         "duckdb_indexes",
                                                                         "duckdb_keywords",
                                                                         "duckdb_schemas",
                                                                         "duckdb_tables",
                                                                         "duckdb_types",
                                                                         "duckdb_views",
                                                                         "generate_series",
                                                                         "icu_calendar_names",
                                                                         "json_each",
                                                                         "json_tree",
                                                                         "pg_am",
                                                                         "pg_attrdef",
                                                                         "pg_attribute",
                                                                         "pg_class",
                                                                         "pg_collation",
                                                                         "pg_constraint",
                                                                         "pg_database",
                                                                         "pg_depend",
                                                                         "pg_description",
                                                                         "pg_enum",
                                                                         "pg_index",
                                                                         "pg_indexes",
                                                                         "pg_namespace",
                                                                         "pg_proc",
                                                                         "pg_sequence",
                                                                         "pg_sequences",
                                                                         "pg_tables",
                                                                         "pg_tablespace",
                                                                         "pg_timezone_names",
                                                                         "pg_type",
                                                                         "pg_views",
                                                                         "pragma_collations",
                                                                         "pragma_database_list",
                                                                         "pragma_platform",
                                                                         "pragma_table_info",
                                                                         "pragma_version",
                                                                         "range",
                                                                         "repeat",
                                                                         "repeat_row",
                                                                         "sqlite_master",
                                                                         "sqlite_schema",
                                                                         "sqlite_temp_master",
                                                                         "sqlite_temp_schema",
                                                                         "summary",
                                                                         "test_all_types",
                                                                         "test_vector_types",
                                                                         "unnest"});

// histogram() and histogram_values() are macros over query_table(): their argument is a table's
// name, which DuckDB takes for a path where it knows no such table.
constexpr auto kRefusedTableFunctions =
    std::to_array<std::string_view>({"arrow_scan",
                                     "arrow_scan_dumb",
                                     "check_peg_parser",
                                     "checkpoint",
                                     "disable_logging",
                                     "disable_peg_parser",
                                     "disable_profiling",
                                     "duckdb_approx_database_count",
                                     "duckdb_connection_count",
                                     "duckdb_coordinate_systems",
                                     "duckdb_dependencies",
                                     "duckdb_extensions",
                                     "duckdb_external_file_cache",
                                     "duckdb_log_contexts",
                                     "duckdb_logs",
                                     "duckdb_logs_parsed",
                                     "duckdb_memory",
                                     "duckdb_optimizers",
                                     "duckdb_prepared_statements",
                                     "duckdb_profiling_settings",
                                     "duckdb_secret_types",
                                     "duckdb_secrets",
                                     "duckdb_sequences",
                                     "duckdb_settings",
                                     "duckdb_table_sample",
                                     "duckdb_temporary_files",
                                     "duckdb_variables",
                                     "enable_logging",
                                     "enable_peg_parser",
                                     "enable_profiling",
                                     "force_checkpoint",
                                     "glob",
                                     "histogram",
                                     "histogram_values",
                                     "json_execute_serialized_sql",
                                     "pandas_scan",
                                     "parquet_bloom_probe",
                                     "parquet_file_metadata",
                                     "parquet_full_metadata",
                                     "parquet_kv_metadata",
                                     "parquet_metadata",
                                     "parquet_scan",
                                     "parquet_schema",
                                     "pg_prepared_statements",
                                     "pg_settings",
                                     "pragma_database_size",
                                     "pragma_metadata_info",
                                     "pragma_show",
                                     "pragma_storage_info",
                                     "pragma_user_agent",
                                     "python_map_function",
                                     "query",
                                     "query_table",
                                     "read_blob",
                                     "read_csv",
                                     "read_csv_auto",
                                     "read_duckdb",
                                     "read_json",
                                     "read_json_auto",
                                     "read_json_objects",
                                     "read_json_objects_auto",
                                     "read_ndjson",
                                     "read_ndjson_auto",
                                     "read_ndjson_objects",
                                     "read_parquet",
                                     "read_text",
                                     "seq_scan",
                                     "sniff_csv",
                                     "sql_auto_complete",
                                     "truncate_duckdb_logs",
                                     "which_secret"});

constexpr auto kInformationSchemaViews = std::to_array<std::string_view>(
    {"character_sets", "check_constraints", "columns", "constraint_column_usage",
     "constraint_table_usage", "key_column_usage", "referential_constraints", "schemata",
     "table_constraints", "tables", "views"});

// json_serialize_plan() binds and folds the SQL in its argument, and gives errors back as values.
constexpr auto kRefusedScalarFunctions = std::to_array<std::string_view>(
    {"current_setting", "currval", "getenv", "getvariable", "json_deserialize_sql",
     "json_serialize_plan", "json_serialize_sql", "nextval", "parse_duckdb_log_message", "pg_sleep",
     "setseed", "sleep_ms", "write_log"});

bool Contains(const auto& list, std::string_view name) {
  return std::binary_search(list.begin(), list.end(), name);
}

}  // namespace

bool IsAllowedTableFunction(std::string_view name) {
  return Contains(kAllowedTableFunctions, name);
}

bool IsKnownTableFunction(std::string_view name) {
  return IsAllowedTableFunction(name) || Contains(kRefusedTableFunctions, name);
}

bool IsInformationSchemaView(std::string_view name) {
  return Contains(kInformationSchemaViews, name);
}

bool IsRefusedScalarFunction(std::string_view name) {
  return Contains(kRefusedScalarFunctions, name);
}

}  // namespace tarn::engine
