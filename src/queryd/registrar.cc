#include "queryd/registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"

namespace tarn::queryd {
namespace {

protocol::ViewSpec ToViewSpec(const catalog::Manifest& manifest) {
  protocol::ViewSpec view{.name = manifest.name, .keys = {}};
  for (const catalog::ObjectRef& object : manifest.content.objects) {
    view.keys.push_back(object.key);
  }
  return view;
}

}  // namespace

RefreshResult Registrar::Refresh(Deadline deadline) {
  RefreshResult result;
  const Result<catalog::Snapshot> snapshot = catalog_.List(deadline);
  if (!snapshot.ok()) {
    result.errors.push_back(snapshot.error().message);
    return result;
  }
  result.catalog_read = true;
  DropGone(*snapshot, deadline, result);
  PutChanged(*snapshot, deadline, result);
  return result;
}

void Registrar::DropGone(const catalog::Snapshot& snapshot, Deadline deadline,
                         RefreshResult& result) {
  std::unordered_set<std::string_view> listed;
  for (const catalog::Manifest& manifest : snapshot.manifests) listed.insert(manifest.name);
  for (auto it = known_.begin(); it != known_.end();) {
    if (listed.contains(it->first)) {
      ++it;
      continue;
    }
    if (const Result<> dropped = views_.DropView(it->first, deadline); !dropped.ok()) {
      result.errors.push_back(
          fmt::format("drop view \"{}\": {}", it->first, dropped.error().message));
      ++it;
      continue;
    }
    it = known_.erase(it);
    ++result.dropped;
  }
}

void Registrar::PutChanged(const catalog::Snapshot& snapshot, Deadline deadline,
                           RefreshResult& result) {
  // DuckDB does not tell names apart by case alone: the first one keeps its view, and another
  // must not replace it.
  std::unordered_map<std::string, std::string> owners;
  for (const auto& [name, updated_at] : known_) owners.emplace(ToLowerAscii(name), name);

  // Those that failed the last time come last, and none of the others may take all the time: one
  // object that does not answer must not keep the rest back.
  std::vector<const catalog::Manifest*> manifests;
  manifests.reserve(snapshot.manifests.size());
  for (const catalog::Manifest& manifest : snapshot.manifests) manifests.push_back(&manifest);
  std::stable_partition(manifests.begin(), manifests.end(),
                        [this](const auto* m) { return !failed_.contains(m->name); });
  std::unordered_set<std::string> failed;

  size_t cut_off = 0;
  for (const catalog::Manifest* entry : manifests) {
    const catalog::Manifest& manifest = *entry;
    const auto known = known_.find(manifest.name);
    if (known != known_.end() && known->second == manifest.updated_at) {
      ++result.skipped;
      continue;
    }
    if (deadline.Passed()) {
      ++cut_off;
      continue;
    }
    const auto [owner, is_first] = owners.emplace(ToLowerAscii(manifest.name), manifest.name);
    if (!is_first && owner->second != manifest.name) {
      result.errors.push_back(fmt::format(
          "create view \"{}\": \"{}\" differs from it in upper and lower case only, which SQL "
          "does not tell apart",
          manifest.name, owner->second));
      continue;
    }
    const Deadline share = failed_.contains(manifest.name) || deadline.IsNever()
                               ? deadline
                               : Deadline::After(deadline.Remaining() / 2);
    if (const Result<> put = views_.PutView(ToViewSpec(manifest), share); !put.ok()) {
      failed.insert(manifest.name);
      result.errors.push_back(
          fmt::format("create view \"{}\": {}", manifest.name, put.error().message));
      continue;
    }
    ++(known == known_.end() ? result.created : result.updated);
    known_.insert_or_assign(manifest.name, manifest.updated_at);
  }
  failed_ = std::move(failed);
  if (cut_off > 0) {
    result.errors.push_back(
        fmt::format("the time limit left {} datasets for the next refresh", cut_off));
  }
}

}  // namespace tarn::queryd
