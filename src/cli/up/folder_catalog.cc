#include "cli/up/folder_catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/commands/object_grouping.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

bool IsHidden(const fs::path& path) { return IsHiddenName(path.filename().string()); }

bool IsParquet(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) && HasParquetEnding(entry.path().filename().string());
}

catalog::ObjectRef ToObject(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code ignored;
  const auto size = static_cast<int64_t>(entry.file_size(ignored));
  const auto changed = entry.last_write_time(ignored).time_since_epoch().count();
  return {entry.path().lexically_relative(folder).string(), size,
          fmt::format("\"{:x}-{:x}\"", changed, size)};
}

// Finds all Parquet files below a folder.
void FindObjects(const fs::path& below, const fs::path& folder,
                 std::vector<catalog::ObjectRef>& objects) {
  std::error_code code;
  fs::recursive_directory_iterator it(below, fs::directory_options::skip_permission_denied, code);
  for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
    if (IsHidden(it->path())) {
      std::error_code ignored;
      if (it->is_directory(ignored)) it.disable_recursion_pending();
    } else if (IsParquet(*it)) {
      objects.push_back(ToObject(*it, folder));
    }
  }
}

}  // namespace

Result<std::vector<catalog::ObjectRef>> FolderCatalog::ListObjects(
    Deadline /*deadline*/, const std::stop_token& /*stop*/) {
  std::vector<catalog::ObjectRef> objects;
  std::error_code code;
  for (fs::directory_iterator it(folder_, code); !code && it != fs::directory_iterator();
       it.increment(code)) {
    std::error_code ignored;
    if (IsHidden(it->path())) continue;
    if (it->is_directory(ignored)) {
      FindObjects(it->path(), folder_, objects);
    } else if (IsParquet(*it)) {
      objects.push_back(ToObject(*it, folder_));
    }
  }
  if (code) return Internal(fmt::format("cannot read {}: {}", folder_.string(), code.message()));
  // The order of files in a folder is arbitrary.
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return objects;
}

}  // namespace tarn::cli
