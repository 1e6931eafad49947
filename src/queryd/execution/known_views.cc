#include "queryd/execution/known_views.h"

namespace tarn::queryd {

void KnownViews::Take(const ViewChange& change) {
  revision_ = change.revision;
  for (const std::string& name : change.drop) {
    views_.erase(name);
    pending_.erase(name);
  }
  for (const protocol::ViewPointer& view : change.put) {
    pending_.erase(view->name);
    // The key refers to the name in the view, so both are replaced.
    views_.erase(view->name);
    views_.emplace(view->name, view);
  }
  for (const std::string& name : change.pending) {
    views_.erase(name);
    pending_.insert(name);
  }
}

const protocol::ViewSpec* KnownViews::Find(std::string_view name) const {
  const auto found = views_.find(name);
  return found == views_.end() ? nullptr : found->second.get();
}

}  // namespace tarn::queryd
