#include "auth/token_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "base/time.h"
#include "config/toml.h"

namespace tarn::auth {
namespace {

constexpr std::string_view kPrefix = "tarn_";
constexpr size_t kIdCharacters = 12;
constexpr size_t kSecretCharacters = 43;  // 62^43 is a little more than 2^256.
constexpr size_t kNameCharactersMax = 64;
constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string RandomText(size_t characters) {
  std::string text;
  // Bytes that would make some characters more likely are dropped.
  constexpr size_t kFair = 256 / kAlphabet.size() * kAlphabet.size();
  while (text.size() < characters) {
    std::array<unsigned char, 64> bytes;
    if (RAND_bytes(bytes.data(), bytes.size()) != 1) throw std::runtime_error("no random bytes");
    for (const unsigned char byte : bytes) {
      if (byte < kFair && text.size() < characters) text += kAlphabet[byte % kAlphabet.size()];
    }
  }
  return text;
}

std::string HexHash(std::string_view salt, std::string_view secret) {
  return Sha256Hex(fmt::format("{}{}", salt, secret));
}

bool IsText(std::string_view text, size_t characters, std::string_view alphabet) {
  return text.size() == characters && text.find_first_not_of(alphabet) == std::string_view::npos;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";

Result<std::vector<std::string>> StringList(const toml::table& table, std::string_view key,
                                            const std::string& where) {
  const Error type_error =
      InvalidArgument(fmt::format("{}: {} must be a list of strings", where, key));
  const toml::array* list = table[key].as_array();
  if (list == nullptr) return type_error;
  std::vector<std::string> texts;
  for (const toml::node& node : *list) {
    const auto text = node.value_exact<std::string>();
    if (!text) return type_error;
    texts.push_back(*text);
  }
  return texts;
}

Result<Token> ParseToken(const toml::table& table, const std::string& file, size_t number) {
  const auto text = [&table](std::string_view key) {
    return table[key].value_exact<std::string>().value_or("");
  };
  Token token{.id = text("id"),
              .salt = text("salt"),
              .hash = text("hash"),
              .created_at = text("created_at"),
              .identity = {.name = text("name"), .roles = {}, .datasets = {}}};
  const Result<> named = ValidateTokenName(token.identity.name);
  if (!named.ok()) return named.error().Wrap(fmt::format("{}: token {}", file, number));
  const std::string where = fmt::format("{}: token \"{}\"", file, token.identity.name);
  for (const auto& [key, value] : table) {
    constexpr std::array<std::string_view, 9> kKeys = {
        "name", "id", "salt", "hash", "roles", "datasets", "prefixes", "weight", "created_at"};
    if (std::find(kKeys.begin(), kKeys.end(), key.str()) == kKeys.end()) {
      // A misspelt "datasets" would give the token access to all datasets.
      return InvalidArgument(fmt::format("{}: unknown key \"{}\"", where, key.str()));
    }
  }
  if (!IsText(token.id, kIdCharacters, kAlphabet) || !IsText(token.salt, 2 * 16, kHexDigits) ||
      !IsText(token.hash, 2 * SHA256_DIGEST_LENGTH, kHexDigits)) {
    return InvalidArgument(where + ": id, salt and hash must be as `tarn token create` wrote them");
  }
  TARN_TRY(const std::vector<std::string> roles, StringList(table, "roles", where));
  for (const std::string& name : roles) {
    const Result<Role> role = ParseRole(name);
    if (!role.ok()) return role.error().Wrap(where);
    token.identity.roles.Add(*role);
  }
  if (table.contains("datasets")) {
    TARN_TRY(std::vector<std::string> patterns, StringList(table, "datasets", where));
    token.identity.datasets = DatasetScope::Of(std::move(patterns));
    if (token.identity.roles.Has(Role::kAdmin)) {
      return InvalidArgument(where + ": role admin sees all queries, so datasets cannot limit it");
    }
  }
  if (table.contains("prefixes")) {
    TARN_TRY(token.identity.key_prefixes, StringList(table, "prefixes", where));
    for (const std::string& prefix : *token.identity.key_prefixes) {
      const Result<> valid = ValidateKeyPrefix(prefix);
      if (!valid.ok()) return valid.error().Wrap(where);
    }
  }
  if (table.contains("weight")) {
    const int64_t weight = table["weight"].value_exact<int64_t>().value_or(0);
    if (weight < 1 || weight > kTokenWeightMax) {
      return InvalidArgument(
          fmt::format("{}: weight must be a whole number from 1 to {}", where, kTokenWeightMax));
    }
    token.identity.weight = static_cast<uint32_t>(weight);
  }
  return token;
}

std::string QuoteToml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string FormatList(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + QuoteToml(text);
  return list + "]";
}

Error SystemError(const std::string& what, const std::string& path) {
  return Internal(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

Result<> WriteAll(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t wrote = write(file, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return SystemError("write", path);
    text.remove_prefix(static_cast<size_t>(wrote));
  }
  if (fsync(file) != 0) return SystemError("write", path);
  return {};
}

}  // namespace

bool SplitToken(std::string_view text, TokenText& parts) {
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  if (text.size() != kIdCharacters + 1 + kSecretCharacters || text[kIdCharacters] != '_') {
    return false;
  }
  parts = {.id = text.substr(0, kIdCharacters), .secret = text.substr(kIdCharacters + 1)};
  return true;
}

NewToken MakeToken(Identity identity) {
  std::array<unsigned char, 16> salt;
  if (RAND_bytes(salt.data(), salt.size()) != 1) throw std::runtime_error("no random bytes");
  const std::string secret = RandomText(kSecretCharacters);
  Token token{.id = RandomText(kIdCharacters),
              .salt = Hex({reinterpret_cast<const char*>(salt.data()), salt.size()}),
              .hash = "",
              .created_at = FormatRfc3339(std::chrono::time_point_cast<std::chrono::microseconds>(
                  std::chrono::system_clock::now())),
              .identity = std::move(identity)};
  token.hash = HexHash(token.salt, secret);
  std::string text = fmt::format("{}{}_{}", kPrefix, token.id, secret);
  return {.token = std::move(token), .text = std::move(text)};
}

bool Matches(const Token& token, std::string_view secret) {
  const std::string hash = HexHash(token.salt, secret);
  return hash.size() == token.hash.size() &&
         CRYPTO_memcmp(hash.data(), token.hash.data(), hash.size()) == 0;
}

Result<> ValidateTokenName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kNameCharactersMax &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return kAlphabet.find(c) != std::string_view::npos || c == '.' || c == '_' ||
                             c == '-' || c == '@';
                    });
  if (fits) return {};
  return InvalidArgument("a token's name has 1 to 64 letters, digits and . _ - @");
}

Result<std::vector<Token>> ParseTokens(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return InvalidArgument(
        fmt::format("{}: not TOML (line {})", path, parsed.error().source().begin.line));
  }
  std::vector<Token> tokens;
  TextSet names;
  TextSet ids;
  for (const auto& [key, value] : parsed.table()) {
    const toml::array* list = key.str() == "token" ? value.as_array() : nullptr;
    if (list == nullptr) {
      return InvalidArgument(fmt::format("{}: only [[token]] entries are allowed", path));
    }
    for (const toml::node& node : *list) {
      const toml::table* table = node.as_table();
      if (table == nullptr) return InvalidArgument(path + ": token must be [[token]]");
      TARN_TRY(Token token, ParseToken(*table, path, tokens.size() + 1));
      if (!names.insert(token.identity.name).second || !ids.insert(token.id).second) {
        return InvalidArgument(
            fmt::format("{}: duplicate token \"{}\"", path, token.identity.name));
      }
      tokens.push_back(std::move(token));
    }
  }
  return tokens;
}

Result<std::vector<Token>> ReadTokenFile(const std::string& path) {
  TARN_TRY(const std::string text, ReadSecretFile(path));
  return ParseTokens(text, path);
}

std::string FormatTokens(const std::vector<Token>& tokens) {
  std::string text =
      "# Written by `tarn token`. Roles, datasets, prefixes and weight may be changed by hand; a\n"
      "# change takes effect within a second.\n";
  for (const Token& token : tokens) {
    std::vector<std::string> roles;
    for (const Role role : {Role::kQuery, Role::kCatalog, Role::kAdmin}) {
      if (token.identity.roles.Has(role)) roles.emplace_back(NameOf(role));
    }
    text += fmt::format("\n[[token]]\nname = {}\nroles = {}\n", QuoteToml(token.identity.name),
                        FormatList(roles));
    if (const auto& patterns = token.identity.datasets.patterns()) {
      text += fmt::format("datasets = {}\n", FormatList(*patterns));
    }
    if (const auto& prefixes = token.identity.key_prefixes) {
      text += fmt::format("prefixes = {}\n", FormatList(*prefixes));
    }
    if (token.identity.weight != 1) text += fmt::format("weight = {}\n", token.identity.weight);
    text += fmt::format("created_at = {}\nid = \"{}\"\nsalt = \"{}\"\nhash = \"{}\"\n",
                        QuoteToml(token.created_at), token.id, token.salt, token.hash);
  }
  return text;
}

Result<> WriteTokenFile(const std::string& path, const std::vector<Token>& tokens) {
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());  // Left by a crashed writer.
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return SystemError("write", fresh);
  Result<> written = WriteAll(file, FormatTokens(tokens), fresh);
  // Keeps the owner of the file, for root on behalf of the daemon's user.
  struct stat former = {};
  if (written.ok() && stat(path.c_str(), &former) == 0 &&
      fchown(file, former.st_uid, former.st_gid) != 0) {
    written = SystemError("give its owner", fresh);
  }
  close(file);
  if (written.ok() && rename(fresh.c_str(), path.c_str()) != 0) {
    written = SystemError("replace", path);
  }
  if (!written.ok()) unlink(fresh.c_str());
  return written;
}

}  // namespace tarn::auth
