#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/messages.h"

namespace tarn::queryd {

// The objects that an engine process may have read, with their ETags. It keeps hashes in place of
// the texts. Two keys with the same hash can only make it report an overwrite that was none.
//
// Not thread-safe.
class KnownObjects {
 public:
  void Add(const protocol::ViewSpec& view) {
    for (size_t i = 0; i < view.keys.size(); ++i) {
      etags_.insert_or_assign(Hash(view.keys[i]), HashOfEtag(view, i));
    }
  }

  // Whether an object of the view is known with another ETag, or with none to compare.
  bool IsOverwrittenIn(const protocol::ViewSpec& view) const {
    for (size_t i = 0; i < view.keys.size(); ++i) {
      const auto known = etags_.find(Hash(view.keys[i]));
      if (known == etags_.end()) continue;
      const uint64_t etag = HashOfEtag(view, i);
      if (etag == kNoEtag || etag != known->second) return true;
    }
    return false;
  }

 private:
  static constexpr uint64_t kNoEtag = 0;

  static uint64_t Hash(std::string_view text) { return std::hash<std::string_view>()(text); }
  static uint64_t HashOfEtag(const protocol::ViewSpec& view, size_t object) {
    if (object >= view.etags.size() || view.etags[object].empty()) return kNoEtag;
    return Hash(view.etags[object]);
  }

  std::unordered_map<uint64_t, uint64_t> etags_;  // By the hash of the key.
};

}  // namespace tarn::queryd
