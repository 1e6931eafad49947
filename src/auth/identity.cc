#include "auth/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tarn::auth {
namespace {

struct NamedRole {
  Role role;
  std::string_view name;
};
constexpr std::array<NamedRole, 3> kRoles = {
    {{Role::kQuery, "query"}, {Role::kCatalog, "catalog"}, {Role::kAdmin, "admin"}}};

// Goes back to the last '*' only: what an earlier one took is never worth another try.
bool Fits(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t taken = 0;  // Where the text of the last '*' ends.
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

std::string_view NameOf(Role role) {
  return std::find_if(kRoles.begin(), kRoles.end(),
                      [role](const auto& r) { return r.role == role; })
      ->name;
}

Result<Role> ParseRole(std::string_view name) {
  for (const NamedRole& role : kRoles) {
    if (role.name == name) return role.role;
  }
  return InvalidArgument(
      fmt::format("there is no role \"{}\", there are query, catalog and admin", name));
}

std::string Roles::Names() const {
  std::string names;
  for (const NamedRole& role : kRoles) {
    if (Has(role.role)) names += (names.empty() ? "" : ", ") + std::string(role.name);
  }
  return names;
}

DatasetScope DatasetScope::Of(std::vector<std::string> patterns) {
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  DatasetScope scope;
  scope.patterns_ = std::move(patterns);
  return scope;
}

bool DatasetScope::Allows(std::string_view name) const {
  if (!patterns_) return true;
  return std::any_of(patterns_->begin(), patterns_->end(),
                     [name](const std::string& pattern) { return Fits(pattern, name); });
}

const std::shared_ptr<const Identity>& Anonymous() {
  static const auto kAnonymous =
      std::make_shared<const Identity>(Identity{.name = "", .roles = Roles::All(), .datasets = {}});
  return kAnonymous;
}

const std::shared_ptr<const Identity>& Nobody() {
  static const auto kNobody = std::make_shared<const Identity>(
      Identity{.name = "", .roles = {}, .datasets = DatasetScope::Of({})});
  return kNobody;
}

}  // namespace tarn::auth
