#pragma once

#include <string_view>

namespace tarn::s3 {

// True if two ETags name the same content. Ignores quotes, which some clients omit when they
// register an object, and the mark of a weak ETag, which proxies may add.
inline bool IsSameEtag(std::string_view left, std::string_view right) {
  const auto plain = [](std::string_view etag) {
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
      etag = etag.substr(1, etag.size() - 2);
    }
    return etag;
  };
  return plain(left) == plain(right);
}

}  // namespace tarn::s3
