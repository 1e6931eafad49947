#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace tarn::http {

// The entity tags of If-Match or If-None-Match (RFC 9110, 13.1), without their quotes.
class EntityTags {
 public:
  // Returns nullopt if the request has no such header. kInvalidArgument if the value is neither "*"
  // nor a list of quoted tags: ignoring it could overwrite data that the client wanted to protect.
  static Result<std::optional<EntityTags>> Of(const Request& request, std::string_view header);

  // True for "*", which matches any existing resource.
  bool is_any() const { return is_any_; }
  // Strong comparison, in which weak tags match nothing; for If-Match.
  bool HasStrong(std::string_view tag) const { return is_any_ || Has(strong_, tag); }
  // Weak comparison; for If-None-Match.
  bool Has(std::string_view tag) const { return is_any_ || Has(strong_, tag) || Has(weak_, tag); }

 private:
  static bool Has(const std::vector<std::string>& tags, std::string_view tag);
  // Returns false if `list` is not a list of tags.
  bool Add(std::string_view list);

  bool is_any_ = false;
  std::vector<std::string> strong_;
  std::vector<std::string> weak_;
};

// The tag in the form of a header value.
inline std::string Quoted(std::string_view tag) { return '"' + std::string(tag) + '"'; }

}  // namespace tarn::http
