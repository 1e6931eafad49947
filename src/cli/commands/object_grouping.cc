#include "cli/commands/object_grouping.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/text_hash.h"

namespace tarn::cli {
namespace {

constexpr std::string_view kParquetEnding = ".parquet";

}  // namespace

bool IsHiddenName(std::string_view name) { return name.starts_with('.') || name.starts_with('_'); }

bool HasParquetEnding(std::string_view name) {
  return name.size() >= kParquetEnding.size() &&
         EqualsIgnoreCase(name.substr(name.size() - kParquetEnding.size()), kParquetEnding);
}

bool IsOfDataset(std::string_view path) {
  if (!HasParquetEnding(path)) return false;
  for (;;) {
    if (IsHiddenName(path)) return false;
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::vector<FoundDataset> GroupObjects(std::vector<catalog::ObjectRef> objects,
                                       std::string_view prefix,
                                       std::vector<std::string>& problems) {
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  // The key is the name of the file or folder, and true for a file. The order makes the choice
  // between two datasets with the same name deterministic.
  std::map<std::pair<std::string, bool>, FoundDataset> entries;
  for (catalog::ObjectRef& object : objects) {
    const std::string_view path = std::string_view(object.key).substr(prefix.size());
    if (!IsOfDataset(path)) continue;
    const std::string entry(path.substr(0, path.find('/')));
    const bool is_file = entry.size() == path.size();
    FoundDataset& dataset = entries[{entry, is_file}];
    dataset.name = is_file ? entry.substr(0, entry.size() - kParquetEnding.size()) : entry;
    dataset.content.objects.push_back(std::move(object));
  }

  std::vector<FoundDataset> found;
  TextSet names;
  for (auto& [entry, dataset] : entries) {
    Result<> valid = catalog::ValidateName(dataset.name);
    if (valid.ok()) valid = catalog::Validate(dataset.content);
    if (valid.ok() && !names.insert(ToLowerAscii(dataset.name)).second) {
      valid = InvalidArgument("another dataset has this name");
    }
    if (valid.ok()) {
      found.push_back(std::move(dataset));
    } else {
      problems.push_back(fmt::format("{}: {}", entry.first, valid.error().message));
    }
  }
  return found;
}

}  // namespace tarn::cli
