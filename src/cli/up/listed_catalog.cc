#include "cli/up/listed_catalog.h"

#include <string_view>

#include "base/log.h"
#include "base/text_hash.h"
#include "cli/commands/object_grouping.h"

namespace tarn::cli {

Result<queryd::CatalogRead> ListedCatalog::Read(const std::string& /*position*/, Duration /*wait*/,
                                                Deadline deadline, const std::stop_token& stop) {
  TARN_TRY(std::vector<catalog::ObjectRef> objects, ListObjects(deadline, stop));
  if (known_ == objects) return queryd::CatalogRead{.changed = false};
  known_.reset();
  TARN_CHECK_OK(Write(objects));
  TARN_TRY(catalog::Snapshot snapshot, store_.List());
  known_ = std::move(objects);
  // Without an id, because folders and buckets do not report changes.
  return queryd::CatalogRead::From({.position = {.catalog_id = "", .revision = snapshot.revision},
                                    .since = std::nullopt,
                                    .manifests = std::move(snapshot.manifests),
                                    .deleted = {}});
}

Result<> ListedCatalog::Write(std::vector<catalog::ObjectRef> objects) {
  std::vector<std::string> problems;
  const std::vector<FoundDataset> found = GroupObjects(std::move(objects), prefix_, problems);
  if (problems != told_) {
    for (const std::string& problem : problems) log::Warn("not a dataset", {{"problem", problem}});
    told_ = std::move(problems);
  }
  TextViewSet names;
  for (const FoundDataset& dataset : found) names.insert(dataset.name);
  // Deletes first, because a new name can differ from a former one only in case.
  TARN_TRY(const catalog::Snapshot known, store_.List());
  for (const catalog::Manifest& manifest : known.manifests) {
    if (!names.contains(manifest.name)) TARN_CHECK_OK(store_.Delete(manifest.name));
  }
  for (const FoundDataset& dataset : found) {
    TARN_CHECK_OK(store_.Put(dataset.name, dataset.content));
  }
  return {};
}

}  // namespace tarn::cli
