#include "http/entity_tags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace tarn::http {

Result<std::optional<EntityTags>> EntityTags::Of(const Request& request, std::string_view header) {
  std::optional<EntityTags> tags;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoreCase(name, header)) continue;
    if (!tags) tags.emplace();
    if (!tags->Add(Trim(value))) {
      return InvalidArgument(
          fmt::format("{}: must be * or a list of tags in double quotes", header));
    }
  }
  return tags;
}

bool EntityTags::Has(const std::vector<std::string>& tags, std::string_view tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool EntityTags::Add(std::string_view list) {
  if (list == "*") {
    is_any_ = true;
    return true;
  }
  if (list.empty()) return false;
  while (!list.empty()) {
    if (list.front() == ',' || list.front() == ' ' || list.front() == '\t') {
      list.remove_prefix(1);  // Empty items are allowed (RFC 9110, 5.6.1.2).
      continue;
    }
    const bool weak = list.starts_with("W/");
    if (weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const size_t end = list.find('"', 1);
    if (end == std::string_view::npos) return false;
    (weak ? weak_ : strong_).emplace_back(list.substr(1, end - 1));
    list = list.substr(end + 1);
    if (!list.empty() && list.front() != ',' && list.front() != ' ' && list.front() != '\t') {
      return false;
    }
  }
  return true;
}

}  // namespace tarn::http
