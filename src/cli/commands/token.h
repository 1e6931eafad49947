#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tarn::cli {

struct TokenOptions {
  std::string config_path = "lakehouse.toml";
  std::string tokens_path;  // Empty for auth.tokens_path of the configuration.
  std::string name;
  std::vector<std::string> roles = {"query"};
  std::vector<std::string> datasets;  // Empty for all.
  // Prefixes of keys that the token may register. Empty for all keys, or for none with `datasets`.
  std::vector<std::string> prefixes;
  uint32_t weight = 1;
  bool json = false;
};

// Creates a token, adds its hash to the file and prints the token. Creates the file if necessary.
Result<> CreateToken(const TokenOptions& options);
// Prints the names, roles, datasets, key prefixes and weights.
Result<> ListTokens(const TokenOptions& options);
// Removes a token from the file. The daemons refuse it within a second.
Result<> RevokeToken(const TokenOptions& options);

}  // namespace tarn::cli
