#include "ingest/parquet_input.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "catalog/schema_union.h"
#include "duck/quote.h"

namespace tarn::ingest {
namespace {

Result<> AddTo(catalog::SchemaUnion& schema, const std::string& name,
               const std::vector<Column>& columns) {
  catalog::SchemaUnion::Columns converted;
  for (const Column& column : columns) {
    converted.push_back({.name = column.name, .type = column.type});
  }
  return schema.Add(name, std::make_shared<const catalog::SchemaUnion::Columns>(converted));
}

Error UnreadableError(const std::string& file, const Error& error) {
  if (error.kind == ErrorKind::kCancelled) return error;
  return InvalidArgument(
      fmt::format("\"{}\" cannot be read: {}", file, PlainMessage(error.message)));
}

// The columns of a file whose footer passes the check. DuckDB explains why a file is not Parquet.
Result<std::vector<Column>> CheckFooter(const std::string& file, const duck::FooterLimits& limits,
                                        Converter& converter) {
  auto columns = converter.ParquetColumnsOf(file, limits);
  if (columns.ok()) return columns;
  if (columns.error().kind != ErrorKind::kNotFound) return UnreadableError(file, columns.error());
  const auto rows = converter.CountRows(ParquetSource(file));
  return UnreadableError(file, rows.ok() ? columns.error() : rows.error());
}

// Reads all values of a file once, as queries will.
Result<> CheckValues(const std::string& file, Converter& converter) {
  Result<> read =
      converter.Run(fmt::format("SELECT bit_xor(hash(*COLUMNS(*))) FROM {}", ParquetSource(file)),
                    BytesOfFiles({file}));
  if (read.ok() || read.error().kind == ErrorKind::kCancelled) return read;
  return InvalidArgument(UnreadableError(file, read.error()).message +
                         "; --no-check skips this check");
}

}  // namespace

std::string ParquetSource(const std::string& file) {
  // A folder "day=1" is a folder.
  return fmt::format("read_parquet({}, hive_partitioning = false)", PathLiteral(file));
}

Result<ParquetFiles> TakeParquet(const Input& input, const std::vector<Column>& wanted,
                                 Converter& converter) {
  if (!input.types.empty() || !input.options.empty() || !input.encoding.empty()) {
    return InvalidArgument(
        "--type, --with and --encoding are for CSV and JSON: Parquet goes as it is");
  }
  catalog::SchemaUnion schema;
  if (!wanted.empty()) TARN_CHECK_OK(AddTo(schema, "the dataset", wanted));
  converter.progress().Begin(PutPhase::kReading, BytesOfFiles(input.files));
  uint64_t rows = 0;
  for (const std::string& file : input.files) {
    TARN_TRY(const std::vector<Column> columns, CheckFooter(file, input.footer_limits, converter));
    TARN_CHECK_OK(AddTo(schema, file, columns));
    const Result<uint64_t> rows_of_file = converter.CountRows(ParquetSource(file));
    if (!rows_of_file.ok()) return UnreadableError(file, rows_of_file.error());
    rows += *rows_of_file;
    if (!input.is_unchecked) TARN_CHECK_OK(CheckValues(file, converter));
  }
  ParquetFiles result{.files = input.files, .columns = {}, .rows = rows};
  for (const catalog::Column& column : schema.DatasetColumns()) {
    result.columns.push_back({column.name, column.type});
  }
  return result;
}

}  // namespace tarn::ingest
