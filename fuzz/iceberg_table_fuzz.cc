// iceberg/table: the metadata of tables over malicious objects. The first line is the key of an
// object; the rest is its footer.

#include <chrono>
#include <string>

#include "fuzz.h"
#include "iceberg/table.h"

using namespace tarn;           // NOLINT: the namespace under test
using namespace tarn::iceberg;  // NOLINT: the namespace under test

namespace {

void CheckError(const Error& error) {
  FUZZ_CHECK(error.kind == ErrorKind::kTooLarge || error.kind == ErrorKind::kInvalidArgument,
             error.message);
}

// Tables must be the same for the same input, and must not change without a change of the objects.
void CheckTable(TableInput input) {
  const auto table = MakeTable(input);
  if (!table.ok()) return CheckError(table.error());
  FUZZ_CHECK(table->objects.size() == 3, table->metadata);
  const auto again = MakeTable(input);
  FUZZ_CHECK(again.ok() && again->metadata == table->metadata, table->metadata);
  input.previous = PreviousTable{table->metadata, table->metadata_location};
  input.field_ids = table->field_ids;
  const auto unchanged = MakeTable(input);
  FUZZ_CHECK(unchanged.ok(), table->metadata + "\n" + unchanged.error().message);
  FUZZ_CHECK(unchanged->objects.empty(), table->metadata);
  input.files.front().etag = "other";
  const auto changed = MakeTable(input);
  FUZZ_CHECK(changed.ok() && changed->objects.size() == 3, table->metadata);
  const auto ids = FieldIds::FromJson(changed->field_ids.ToJson());
  FUZZ_CHECK(ids.ok() && *ids == changed->field_ids, changed->field_ids.ToJson());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = tarn::fuzz::Text(data, size);
  const std::string key(tarn::fuzz::TakeLine(text));
  auto footer = parquet::ReadFooterStatistics(text, {.columns_max = 100});
  if (!footer.ok()) {
    CheckError(footer.error());
    return 0;
  }
  const auto shared = std::make_shared<const parquet::FooterStatistics>(std::move(*footer));
  CheckTable({.dataset = "sales",
              .catalog_id = "catalog",
              .version = 1,
              .updated_at = UnixMicros(std::chrono::seconds(1'700'000'000)),
              .location = "s3://lake/sales",
              .data_prefix = "s3://lake/",
              .metadata_prefix = "s3://lake/meta/",
              .files = {{.key = key, .size_bytes = 100, .etag = "e", .footer = shared}}});
  return 0;
}
