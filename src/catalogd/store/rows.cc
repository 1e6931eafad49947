#include "catalogd/store/rows.h"

#include <fmt/format.h>

#include "catalog/manifest_json.h"

namespace tarn::catalogd {

uint64_t ListedBytes(const std::string& name, const std::string& changed_by, size_t content_bytes) {
  // The names of the fields, the dataset_id, the version, two times, and a comma.
  constexpr uint64_t kFixedBytes = 192;
  return content_bytes + catalog::JsonText(name).size() + catalog::JsonText(changed_by).size() +
         kFixedBytes;
}

Result<std::optional<DatasetRow>> FindDataset(SqliteDatabase& database, const std::string& name) {
  TARN_TRY(SqliteStatement query, database.Prepare(fmt::format(
                                      "SELECT {} FROM datasets WHERE name = ?", kDatasetColumns)));
  TARN_TRY(const bool row, query.Bind(1, name).Step());
  if (!row) return std::optional<DatasetRow>();
  return std::optional(ToDatasetRow(query));
}

}  // namespace tarn::catalogd
