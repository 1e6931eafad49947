#include "auth/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace tarn::auth {
namespace {

struct NamedRole {
  Role role;
  std::string_view name;
};
constexpr std::array<NamedRole, 3> kRoles = {
    {{Role::kQuery, "query"}, {Role::kCatalog, "catalog"}, {Role::kAdmin, "admin"}}};

// Matches a pattern. Backtracks only to the last '*': backtracking to an earlier one cannot help.
bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t taken = 0;  // The end of the text matched by the last '*'.
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

constexpr size_t kPrefixBytesMax = 1024;  // The maximum length of an S3 key.
// A key that is still encoded after this many rounds is rejected.
constexpr int kDecodingsMax = 8;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Decodes percent-escapes. A '%' without two hexadecimal digits is kept.
std::string DecodeEscapes(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool has_digits = text[i] == '%' && i + 2 < text.size();
    const int high = has_digits ? HexDigit(text[i + 1]) : -1;
    const int low = has_digits ? HexDigit(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// True for a key that another program could resolve to a path outside of its folder.
bool CanEscapeFolder(std::string_view key) {
  if (key.find_first_of("\\%") == std::string_view::npos) return HasDotSegment(key);
  std::string path = ReplaceAll(std::string(key), "\\", "/");
  for (int i = 0; i < kDecodingsMax; ++i) {
    if (HasDotSegment(path)) return true;
    std::string decoded = ReplaceAll(DecodeEscapes(path), "\\", "/");
    if (decoded == path) return false;
    path = std::move(decoded);
  }
  return true;
}

std::vector<std::string> SortedUnique(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
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
  return InvalidArgument(fmt::format("unknown role \"{}\": must be query, catalog or admin", name));
}

std::string Roles::Names() const {
  std::string names;
  for (const NamedRole& role : kRoles) {
    if (Has(role.role)) names += (names.empty() ? "" : ", ") + std::string(role.name);
  }
  return names;
}

DatasetScope DatasetScope::Of(std::vector<std::string> patterns) {
  DatasetScope scope;
  scope.patterns_ = SortedUnique(std::move(patterns));
  return scope;
}

bool DatasetScope::Allows(std::string_view name) const {
  if (!patterns_) return true;
  return std::any_of(patterns_->begin(), patterns_->end(),
                     [name](const std::string& pattern) { return MatchesPattern(pattern, name); });
}

KeyScope KeyScope::Of(std::vector<std::string> prefixes) {
  KeyScope scope;
  scope.prefixes_ = SortedUnique(std::move(prefixes));
  return scope;
}

bool KeyScope::Allows(std::string_view key) const {
  if (!prefixes_) return true;
  const bool fits =
      std::any_of(prefixes_->begin(), prefixes_->end(), [key](const std::string& prefix) {
        if (!prefix.ends_with('/')) return key == prefix;
        return key.size() > prefix.size() && key.starts_with(prefix);
      });
  return fits && !CanEscapeFolder(key);
}

std::string_view KeyScope::FolderOf(std::string_view key) {
  // The '/' at the end of a key does not end its folder.
  const size_t slash = key.size() < 2 ? std::string_view::npos : key.rfind('/', key.size() - 2);
  if (slash == std::string_view::npos || CanEscapeFolder(key)) return {};
  return key.substr(0, slash + 1);
}

bool KeyScope::AllowsFolder(std::string_view folder) const {
  if (!prefixes_) return true;
  return !folder.empty() &&
         std::any_of(prefixes_->begin(), prefixes_->end(), [folder](const std::string& prefix) {
           return prefix.ends_with('/') && folder.starts_with(prefix);
         });
}

Result<> ValidateKeyPrefix(std::string_view prefix) {
  const auto error = [prefix](std::string_view why) {
    return InvalidArgument(
        fmt::format("prefix \"{}\": {}", ToValidUtf8(prefix.substr(0, kPrefixBytesMax)), why));
  };
  if (prefix.empty()) return error("must not be empty");
  if (prefix.size() > kPrefixBytesMax) return error("is longer than 1,024 bytes");
  if (!IsValidUtf8(prefix)) return error("is not UTF-8");
  if (HasControlCharacter(prefix)) return error("must not contain control characters");
  if (prefix.find("://") != std::string_view::npos) {
    return error("must not be a URL: leave out s3://BUCKET/");
  }
  if (prefix.starts_with('/')) return error("must not begin with /");
  if (prefix.find("//") != std::string_view::npos) return error("must not contain //");
  if (prefix.find('*') != std::string_view::npos) {
    return error("must not contain *: a prefix that ends with / stands for all keys below it");
  }
  if (CanEscapeFolder(prefix)) return error("must not have a segment \".\" or \"..\"");
  return {};
}

KeyScope Identity::Keys() const {
  if (key_prefixes) return KeyScope::Of(*key_prefixes);
  return datasets.is_all() ? KeyScope() : KeyScope::Of({});
}

const std::shared_ptr<const Identity>& Anonymous() {
  static const auto kAnonymous =
      std::make_shared<const Identity>(Identity{.name = "", .roles = Roles::All(), .datasets = {}});
  return kAnonymous;
}

const std::shared_ptr<const Identity>& Unauthenticated() {
  static const auto kUnauthenticated = std::make_shared<const Identity>(
      Identity{.name = "", .roles = {}, .datasets = DatasetScope::Of({})});
  return kUnauthenticated;
}

}  // namespace tarn::auth
