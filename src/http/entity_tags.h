#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace tarn::http {

// What If-Match or If-None-Match lists (RFC 9110, 13.1). Tags are compared without their quotes.
class EntityTags {
 public:
  // None when the request has no such header. kInvalidArgument for one that is neither "*" nor a
  // list of quoted tags: to pass over it could overwrite what its client wanted to protect.
  static Result<std::optional<EntityTags>> Of(const Request& request, std::string_view header);

  // True for any tag of a thing that is there.
  bool is_any() const { return is_any_; }
  // The strong comparison, in which weak tags equal nothing: for If-Match.
  bool HasStrong(std::string_view tag) const { return is_any_ || Has(strong_, tag); }
  // The weak one: for If-None-Match.
  bool Has(std::string_view tag) const { return is_any_ || Has(strong_, tag) || Has(weak_, tag); }

 private:
  static bool Has(const std::vector<std::string>& tags, std::string_view tag);
  // False when it is no list of tags.
  bool Add(std::string_view list);

  bool is_any_ = false;
  std::vector<std::string> strong_;
  std::vector<std::string> weak_;
};

// As a header has it.
inline std::string Quoted(std::string_view tag) { return '"' + std::string(tag) + '"'; }

}  // namespace tarn::http
