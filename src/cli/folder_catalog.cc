#include "cli/folder_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/log.h"
#include "base/text.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

bool IsHidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') || name.starts_with('_');
}

bool IsParquet(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) &&
         ToLowerAscii(entry.path().extension().string()) == ".parquet";
}

catalog::ObjectRef ToObject(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code ignored;
  const auto size = static_cast<int64_t>(entry.file_size(ignored));
  const auto changed = entry.last_write_time(ignored).time_since_epoch().count();
  return {entry.path().lexically_relative(folder).string(), size,
          fmt::format("\"{:x}-{:x}\"", changed, size)};
}

// All Parquet files below a folder, in the order of their keys.
std::vector<catalog::ObjectRef> FindObjects(const fs::path& below, const fs::path& folder) {
  std::vector<catalog::ObjectRef> objects;
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
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return objects;
}

}  // namespace

Result<std::vector<FoundDataset>> ScanFolder(const fs::path& folder,
                                             std::vector<std::string>& problems) {
  std::error_code code;
  // Ordered, so that of two with one name always the same is taken.
  std::map<std::string, fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, code); !code && it != fs::directory_iterator();
       it.increment(code)) {
    if (!IsHidden(it->path())) entries.emplace(it->path().filename().string(), *it);
  }
  if (code) return Internal(fmt::format("cannot read {}: {}", folder.string(), code.message()));

  std::vector<FoundDataset> found;
  std::unordered_set<std::string> names;
  for (const auto& [file_name, entry] : entries) {
    FoundDataset dataset;
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      dataset = {file_name, {.objects = FindObjects(entry.path(), folder)}};
      if (dataset.content.objects.empty()) continue;
    } else if (IsParquet(entry)) {
      dataset = {entry.path().stem().string(), {.objects = {ToObject(entry, folder)}}};
    } else {
      continue;
    }
    Result<> valid = catalog::ValidateName(dataset.name);
    if (valid.ok()) valid = catalog::Validate(dataset.content);
    if (valid.ok() && !names.insert(ToLowerAscii(dataset.name)).second) {
      valid = InvalidArgument("another dataset has this name");
    }
    if (valid.ok()) {
      found.push_back(std::move(dataset));
    } else {
      problems.push_back(fmt::format("{}: {}", file_name, valid.error().message));
    }
  }
  return found;
}

Result<queryd::CatalogRead> FolderCatalog::Read(const std::string& /*position*/, Duration /*wait*/,
                                                Deadline /*deadline*/,
                                                const std::stop_token& /*stop*/) {
  TARN_TRY(catalog::Snapshot snapshot, List());
  // Without an id: the folder tells nobody when it changes.
  return queryd::CatalogRead::From({.position = {.catalog_id = "", .revision = snapshot.revision},
                                    .since = std::nullopt,
                                    .manifests = std::move(snapshot.manifests),
                                    .deleted = {}});
}

Result<catalog::Snapshot> FolderCatalog::List() {
  std::vector<std::string> problems;
  TARN_TRY(const std::vector<FoundDataset> found, ScanFolder(folder_, problems));
  if (problems != told_) {
    for (const std::string& problem : problems) log::Warn("not a dataset", {{"problem", problem}});
    told_ = std::move(problems);
  }
  std::unordered_set<std::string_view> names;
  for (const FoundDataset& dataset : found) {
    names.insert(dataset.name);
    TARN_CHECK_OK(store_.Put(dataset.name, dataset.content));
  }
  TARN_TRY(const catalog::Snapshot known, store_.List());
  for (const catalog::Manifest& manifest : known.manifests) {
    if (!names.contains(manifest.name)) TARN_CHECK_OK(store_.Delete(manifest.name));
  }
  return store_.List();
}

}  // namespace tarn::cli
