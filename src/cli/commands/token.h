#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tarn::cli {

struct TokenOptions {
  std::string config_path = "lakehouse.toml";
  std::string tokens_path;  // Empty: auth.tokens_path of the configuration.
  std::string name;
  std::vector<std::string> roles = {"query"};
  std::vector<std::string> datasets;  // Empty: all.
  // Of the keys that it may register. Empty: all, or none with `datasets`.
  std::vector<std::string> prefixes;
  uint32_t weight = 1;
  bool json = false;
};

// Makes a token, keeps what recognises it in the file, and prints it: this once. The file is made
// when it is not there.
Result<> CreateToken(const TokenOptions& options);
// Prints the names, roles, datasets, key prefixes and weights.
Result<> ListTokens(const TokenOptions& options);
// Takes a token out of the file; the daemons refuse it within a second.
Result<> RevokeToken(const TokenOptions& options);

}  // namespace tarn::cli
