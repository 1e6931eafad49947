#include "http/router.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace tarn::http {
namespace {

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

// Returns the arguments, still percent-encoded, if the path matches the pattern.
std::optional<std::vector<std::string_view>> MatchPattern(
    std::string_view pattern, const std::vector<std::string_view>& path) {
  const std::vector<std::string_view> wanted = Split(pattern);
  if (wanted.size() != path.size()) return std::nullopt;
  std::vector<std::string_view> arguments;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{')) {
      if (path[i].empty()) return std::nullopt;
      arguments.push_back(path[i]);
    } else if (wanted[i] != path[i]) {
      return std::nullopt;
    }
  }
  return arguments;
}

}  // namespace

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const std::vector<std::string_view> segments = Split(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : routes_) {
    const auto arguments = MatchPattern(route.path, segments);
    if (!arguments) continue;
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += route.method == "GET" ? "GET, HEAD" : route.method;
    if (route.method != wanted) continue;
    match.route = &route;
    for (const std::string_view argument : *arguments) {
      auto decoded = PercentDecode(argument);
      if (!decoded) match.bad_encoding = true;
      match.arguments.push_back(std::move(decoded).value_or(""));
    }
    return match;
  }
  return match;
}

}  // namespace tarn::http
