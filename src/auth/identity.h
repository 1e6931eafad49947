#pragma once

// Who asks, and what that one may do.

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

// No role includes another.
enum class Role : uint8_t {
  kQuery,    // POST /sql, and its own queries.
  kCatalog,  // Reading and changing the catalogue.
  kAdmin,    // Everybody's queries, and the metrics.
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

// The datasets that somebody may see: all, or those whose name fits a pattern. In a pattern '*'
// stands for any text. The others are not there for that one.
class DatasetScope {
 public:
  DatasetScope() = default;  // All.
  static DatasetScope Of(std::vector<std::string> patterns);

  bool is_all() const { return !patterns_; }
  bool Allows(std::string_view name) const;
  // Sorted, each once; none for all.
  const std::optional<std::vector<std::string>>& patterns() const { return patterns_; }
  // Equal scopes see the same.
  bool operator<(const DatasetScope& other) const { return patterns_ < other.patterns_; }
  bool operator==(const DatasetScope& other) const { return patterns_ == other.patterns_; }

 private:
  std::optional<std::vector<std::string>> patterns_;
};

// The objects that a token may register, by their keys: all, or those below its prefixes.
//
// A prefix that ends with '/' stands for every key that begins with it. Any other prefix is one
// whole key. Prefixes are compared with the key as the catalogue keeps it, byte by byte. A key that
// another program could take for a path out of its prefix (a segment "." or "..", plain,
// percent-encoded, or between backslashes) is below none. Immutable, so thread-safe.
class KeyScope {
 public:
  KeyScope() = default;  // All.
  static KeyScope Of(std::vector<std::string> prefixes);

  bool is_all() const { return !prefixes_; }
  bool Allows(std::string_view key) const;
  // Sorted, each once; none for all.
  const std::optional<std::vector<std::string>>& prefixes() const& { return prefixes_; }
  std::optional<std::vector<std::string>> prefixes() && { return std::move(prefixes_); }

 private:
  std::optional<std::vector<std::string>> prefixes_;
};

// The rules for a prefix: a key or the beginning of one that ends with '/'; UTF-8, 1 to 1,024
// bytes; no '*', no "s3://", no '/' at its beginning, no segment that is empty, "." or "..".
Result<> ValidateKeyPrefix(std::string_view prefix);

constexpr uint32_t kTokenWeightMax = 100;

struct Identity {
  std::string name;  // Of the token; empty: nobody has to say who he is.
  Roles roles;
  DatasetScope datasets;
  std::optional<std::vector<std::string>> key_prefixes = std::nullopt;  // None: see Keys.
  // The token's share of the query slots, relative to the weights of other tokens; at least 1.
  uint32_t weight = 1;

  // The keys that the token may register: those below its prefixes. Without prefixes, all keys for
  // a token that is not limited to datasets, and no key for one that is.
  KeyScope Keys() const;
};

// Everybody, where there are no tokens: may do all.
const std::shared_ptr<const Identity>& Anonymous();
// Whoever shows no token, where there are some: may do nothing.
const std::shared_ptr<const Identity>& Nobody();

}  // namespace tarn::auth
