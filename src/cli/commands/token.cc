#include "cli/commands/token.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "auth/token_file.h"
#include "cli/terminal/table.h"
#include "cli/up/folder_lock.h"
#include "config/lakehouse.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

// Prevents lost changes of concurrent commands. Locks the folder, because the file is replaced.
Result<FolderLock> LockFolderOf(const fs::path& file) {
  return FolderLock::Take(file.has_parent_path() ? file.parent_path() : ".");
}

Result<std::string> PathOf(const TokenOptions& options) {
  if (!options.tokens_path.empty()) return options.tokens_path;
  const Result<LakehouseSettings> settings = LakehouseSettings::Load(options.config_path);
  if (!settings.ok()) return settings.error();
  if (!settings->auth.tokens_path.empty()) return settings->auth.tokens_path;
  return InvalidArgument(
      fmt::format("{} has no auth.tokens_path: set it, or use --tokens FILE", options.config_path));
}

// Reads the tokens. Returns none if the file does not exist.
Result<std::vector<auth::Token>> ReadOrNone(const std::string& path) {
  Result<std::vector<auth::Token>> tokens = auth::ReadTokenFile(path);
  if (!tokens.ok() && tokens.error().kind == ErrorKind::kNotFound) {
    return std::vector<auth::Token>();
  }
  return tokens;
}

auto ByName(const std::string& name) {
  return [&name](const auth::Token& token) { return token.identity.name == name; };
}

nlohmann::ordered_json ToJson(const auth::Token& token) {
  nlohmann::ordered_json json = {{"name", token.identity.name},
                                 {"roles", nlohmann::ordered_json::array()},
                                 {"datasets", nullptr},
                                 {"prefixes", nullptr},
                                 {"weight", token.identity.weight},
                                 {"created_at", token.created_at}};
  for (const auth::Role role : {auth::Role::kQuery, auth::Role::kCatalog, auth::Role::kAdmin}) {
    if (token.identity.roles.Has(role)) json["roles"].push_back(auth::NameOf(role));
  }
  if (const auto& patterns = token.identity.datasets.patterns()) json["datasets"] = *patterns;
  if (const auto& prefixes = token.identity.Keys().prefixes()) json["prefixes"] = *prefixes;
  return json;
}

Result<> TakePrefixes(const TokenOptions& options, auth::Identity& identity) {
  if (options.prefixes.empty()) return {};
  if (!identity.roles.Has(auth::Role::kCatalog)) {
    return InvalidArgument("--prefix limits the keys that a token registers: add --role catalog");
  }
  for (const std::string& prefix : options.prefixes) {
    if (const Result<> valid = auth::ValidateKeyPrefix(prefix); !valid.ok()) {
      return InvalidArgument("--" + valid.error().message);
    }
  }
  identity.key_prefixes = options.prefixes;
  return {};
}

// Warns about rights that are easily misunderstood.
void PrintNotes(const auth::Identity& identity) {
  const auto& prefixes = identity.Keys().prefixes();
  if (!prefixes || !identity.roles.Has(auth::Role::kCatalog)) return;
  if (prefixes->empty()) {
    fmt::print(stderr,
               "tarn: this token may register no objects, because it is limited to datasets: use "
               "--prefix PREFIX/ to allow keys\n");
  }
  for (const std::string& prefix : *prefixes) {
    if (prefix.ends_with('/')) continue;
    fmt::print(stderr, "tarn: --prefix {0} allows only this key: use {0}/ for all keys below it\n",
               prefix);
  }
}

// Returns "all", "none" or the texts.
std::string ListText(const std::optional<std::vector<std::string>>& texts) {
  if (!texts) return "all";
  return texts->empty() ? "none" : fmt::format("{}", fmt::join(*texts, ", "));
}

}  // namespace

Result<> CreateToken(const TokenOptions& options) {
  TARN_CHECK_OK(auth::ValidateTokenName(options.name));
  auth::Identity identity{.name = options.name, .roles = {}, .datasets = {}};
  for (const std::string& name : options.roles) {
    TARN_TRY(const auth::Role role, auth::ParseRole(name));
    identity.roles.Add(role);
  }
  if (!options.datasets.empty()) {
    if (identity.roles.Has(auth::Role::kAdmin)) {
      return InvalidArgument("role admin sees all queries, so --dataset cannot limit it");
    }
    identity.datasets = auth::DatasetScope::Of(options.datasets);
  }
  TARN_CHECK_OK(TakePrefixes(options, identity));
  identity.weight = options.weight;
  TARN_TRY(const std::string path, PathOf(options));
  TARN_TRY(const FolderLock lock, LockFolderOf(path));
  TARN_TRY(std::vector<auth::Token> tokens, ReadOrNone(path));
  if (std::any_of(tokens.begin(), tokens.end(), ByName(options.name))) {
    return Error{ErrorKind::kConflict,
                 fmt::format("the token \"{0}\" exists: use another name, or first run `tarn token "
                             "revoke {0}`",
                             options.name)};
  }
  PrintNotes(identity);
  const auth::NewToken made = auth::MakeToken(std::move(identity));
  tokens.push_back(made.token);
  TARN_CHECK_OK(auth::WriteTokenFile(path, tokens));
  if (options.json) {
    nlohmann::ordered_json json = ToJson(made.token);
    json["token"] = made.text;
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print(stderr, "Token of {}, written to {}. It is not shown again:\n", options.name, path);
    fmt::print("{}\n", made.text);
  }
  return {};
}

Result<> ListTokens(const TokenOptions& options) {
  TARN_TRY(const std::string path, PathOf(options));
  TARN_TRY(const std::vector<auth::Token> tokens, ReadOrNone(path));
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auth::Token& token : tokens) list.push_back(ToJson(token));
    fmt::print("{}\n", list.dump());
    return {};
  }
  Table table({{"name"}, {"roles"}, {"datasets"}, {"prefixes"}, {"weight"}, {"created_at"}});
  for (const auth::Token& token : tokens) {
    const auth::Identity& identity = token.identity;
    table.Add({identity.name, identity.roles.Names(), ListText(identity.datasets.patterns()),
               ListText(identity.Keys().prefixes()), std::to_string(identity.weight),
               token.created_at});
  }
  fmt::print("{}", table.Text());
  return {};
}

Result<> RevokeToken(const TokenOptions& options) {
  TARN_TRY(const std::string path, PathOf(options));
  TARN_TRY(const FolderLock lock, LockFolderOf(path));
  TARN_TRY(std::vector<auth::Token> tokens, auth::ReadTokenFile(path));
  if (std::erase_if(tokens, ByName(options.name)) == 0) {
    return NotFound(fmt::format("token \"{}\" not found in {}", options.name, path));
  }
  return auth::WriteTokenFile(path, tokens);
}

}  // namespace tarn::cli
