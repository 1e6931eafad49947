// parquet/footer_statistics: footers of malicious objects.

#include "base/text.h"
#include "fuzz.h"
#include "parquet/footer_statistics.h"

using namespace tarn;           // NOLINT: the namespace under test
using namespace tarn::parquet;  // NOLINT: the namespace under test

namespace {

constexpr StatisticsLimits kLimits = {
    .depth_max = 64, .columns_max = 1000, .column_chunks_max = 10'000};

// Returns the number of leaves. The elements must be complete trees.
size_t CheckSchema(const std::vector<SchemaElement>& schema) {
  size_t leaves = 0;
  size_t children = 0;
  for (const SchemaElement& element : schema) {
    FUZZ_CHECK(!element.name.empty() && IsValidUtf8(element.name), element.name);
    FUZZ_CHECK(element.type.has_value() == (element.children == 0), element.name);
    leaves += element.type ? 1 : 0;
    children += element.children;
  }
  FUZZ_CHECK(children < schema.size(), "the root has children of its own");
  return leaves;
}

void CheckColumn(const ColumnStatistics& column) {
  FUZZ_CHECK(!column.null_count || *column.null_count <= column.value_count, "nulls are values");
  FUZZ_CHECK(!column.range || column.range->min <= column.range->max, "a range has an order");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = ReadFooterStatistics(tarn::fuzz::Text(data, size), kLimits);
  if (!read.ok()) {
    const ErrorKind kind = read.error().kind;
    FUZZ_CHECK(kind == ErrorKind::kTooLarge || kind == ErrorKind::kInvalidArgument,
               read.error().message);
    return 0;
  }
  FUZZ_CHECK(read->columns.size() == CheckSchema(read->schema), "one for each leaf");
  FUZZ_CHECK(read->columns.size() <= kLimits.columns_max, "the limit of columns");
  for (const ColumnStatistics& column : read->columns) CheckColumn(column);
  return 0;
}
