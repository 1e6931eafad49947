#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text_hash.h"
#include "queryd/execution/view_target.h"

namespace tarn::queryd {

// The views of one revision of the catalogue, shared and never copied, because there can be
// 100,000.
//
// Not thread-safe.
class KnownViews {
 public:
  void Take(const ViewChange& change);

  uint64_t revision() const { return revision_; }
  // The change from an empty catalogue to the views whose names `allows` accepts.
  template <class Allows>
  ViewChange All(const Allows& allows) const;
  // Null if no view has this name.
  const protocol::ViewSpec* Find(std::string_view name) const;

 private:
  uint64_t revision_ = 0;
  // The keys are the names in the views.
  TextViewMap<protocol::ViewPointer> views_;
  TextSet pending_;
};

// The part of a change whose names `allows` accepts.
template <class Allows>
ViewChange PartOf(const ViewChange& change, const Allows& allows) {
  ViewChange part{.revision = change.revision};
  for (const protocol::ViewPointer& view : change.put) {
    if (allows(view->name)) part.put.push_back(view);
  }
  for (const std::string& name : change.pending) {
    if (allows(name)) part.pending.push_back(name);
  }
  for (const std::string& name : change.drop) {
    if (allows(name)) part.drop.push_back(name);
  }
  return part;
}

template <class Allows>
ViewChange KnownViews::All(const Allows& allows) const {
  ViewChange all{.revision = revision_};
  for (const auto& [name, view] : views_) {
    if (allows(view->name)) all.put.push_back(view);
  }
  for (const std::string& name : pending_) {
    if (allows(name)) all.pending.push_back(name);
  }
  return all;
}

}  // namespace tarn::queryd
