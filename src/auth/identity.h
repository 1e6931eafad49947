#pragma once

// The identity of a client and its rights.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tarn::auth {

// No role includes another one.
enum class Role : uint8_t {
  kQuery,    // POST /sql and the token's own queries.
  kCatalog,  // Read and change the catalogue.
  kAdmin,    // The queries of all tokens, and the metrics.
};

std::string_view NameOf(Role role);
Result<Role> ParseRole(std::string_view name);

class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) Add(role);
  }
  static constexpr Roles All() { return {Role::kQuery, Role::kCatalog, Role::kAdmin}; }

  constexpr void Add(Role role) { bits_ = static_cast<uint8_t>(bits_ | Bit(role)); }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }
  constexpr bool HasAny(Roles others) const { return (bits_ & others.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  // "query, admin"
  std::string Names() const;

 private:
  static constexpr uint8_t Bit(Role role) {
    return static_cast<uint8_t>(1U << static_cast<uint8_t>(role));
  }
  uint8_t bits_ = 0;
};

// The datasets that a token may see: all, or those that match a pattern. In a pattern, '*' matches
// any text. Other datasets do not exist for that token.
class DatasetScope {
 public:
  DatasetScope() = default;  // All datasets.
  static DatasetScope Of(std::vector<std::string> patterns);

  bool is_all() const { return !patterns_; }
  bool Allows(std::string_view name) const;
  // Sorted and without duplicates; nullopt for all datasets.
  const std::optional<std::vector<std::string>>& patterns() const { return patterns_; }
  // Equal scopes allow the same datasets.
  bool operator<(const DatasetScope& other) const { return patterns_ < other.patterns_; }
  bool operator==(const DatasetScope& other) const { return patterns_ == other.patterns_; }

 private:
  std::optional<std::vector<std::string>> patterns_;
};

// The objects that a token may register, by key: all, or those below its prefixes.
//
// A prefix that ends in '/' matches every key that starts with it. Any other prefix is a complete
// key. Comparison is byte by byte with the key as stored in the catalogue. A key that another
// program could resolve to a path outside of its prefix (a segment "." or "..", plain,
// percent-encoded, or between backslashes) matches no prefix. Immutable, so thread-safe.
class KeyScope {
 public:
  KeyScope() = default;  // All keys.
  static KeyScope Of(std::vector<std::string> prefixes);

  bool is_all() const { return !prefixes_; }
  bool Allows(std::string_view key) const;

  // Returns the folder of a key, with '/' at its end. Empty for a key at the top, and for one that
  // no scope with prefixes allows.
  static std::string_view FolderOf(std::string_view key);
  // True only if all keys are allowed whose FolderOf is this folder or below it. Does not find
  // prefixes that are complete keys.
  bool AllowsFolder(std::string_view folder) const;
  // Sorted and without duplicates; nullopt for all keys.
  const std::optional<std::vector<std::string>>& prefixes() const& { return prefixes_; }
  std::optional<std::vector<std::string>> prefixes() && { return std::move(prefixes_); }

 private:
  std::optional<std::vector<std::string>> prefixes_;
};

// Checks a prefix: a complete key, or the start of a key that ends in '/'; UTF-8, 1 to 1,024 bytes;
// no '*', no "s3://", no leading '/', no segment that is empty, "." or "..".
Result<> ValidateKeyPrefix(std::string_view prefix);

constexpr uint32_t kTokenWeightMax = 100;

struct Identity {
  std::string name;  // The token's name; empty without authentication.
  Roles roles;
  DatasetScope datasets;
  std::optional<std::vector<std::string>> key_prefixes = std::nullopt;  // See Keys().
  // The token's share of the query slots, relative to the weights of other tokens; at least 1.
  uint32_t weight = 1;
  // No other token of the file may query, so limits for each token would only leave slots idle.
  bool is_sole_query_token = false;

  // The keys that the token may register: those below its prefixes. Without prefixes, all keys for
  // a token that is not limited to datasets, and no keys for one that is.
  KeyScope Keys() const;
};

// The identity of all clients if authentication is disabled; may do everything.
const std::shared_ptr<const Identity>& Anonymous();
// The identity of a client without a token if authentication is enabled; may do nothing.
const std::shared_ptr<const Identity>& Unauthenticated();

}  // namespace tarn::auth
