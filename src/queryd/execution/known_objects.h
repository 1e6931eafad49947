#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/messages.h"

namespace tarn::queryd {

// The objects that an engine process may have read, with their ETags, as 64-bit hashes to save
// memory. Two keys with equal hashes can cause a false report of an overwrite. Two ETags of one key
// with equal hashes would hide one; the probability is 2^-64 for each overwrite.
//
// Not thread-safe.
class KnownObjects {
 public:
  void Add(const protocol::ViewSpec& view) {
    for (size_t i = 0; i < view.keys.size(); ++i) {
      etags_.insert_or_assign(Hash(view.keys[i]), HashOfEtag(view, i));
    }
  }

  // True if an object of the view is known with another ETag, or without one to compare.
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
