#include "queryd/secrets.h"

#include <fmt/format.h>

#include <optional>

#include "base/files.h"
#include "config/toml.h"

namespace tarn::queryd {
namespace {

// Errors never quote the file, because the invalid part may belong to a secret.
Result<std::string> RequiredText(const toml::table& table, std::string_view key,
                                 const std::string& where) {
  const auto value = table[key].value_exact<std::string>();
  if (!value || value->empty()) {
    return InvalidArgument(fmt::format("{}: {} must be a text that is not empty", where, key));
  }
  return *value;
}

Result<std::optional<protocol::Credentials>> ParseSecrets(std::string_view text,
                                                          const std::string& path,
                                                          std::string_view bucket) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return InvalidArgument(
        fmt::format("{}: not TOML (line {})", path, parsed.error().source().begin.line));
  }
  const toml::node_view<const toml::node> section = parsed.table()["s3"][bucket];
  if (!section) return std::optional<protocol::Credentials>();
  const std::string where = fmt::format("{}: [s3.{}]", path, bucket);
  const toml::table* table = section.as_table();
  if (table == nullptr) return InvalidArgument(where + " must be a section");
  protocol::Credentials credentials;
  TARN_TRY(credentials.access_key_id, RequiredText(*table, "access_key_id", where));
  TARN_TRY(credentials.secret_access_key, RequiredText(*table, "secret_access_key", where));
  credentials.session_token = (*table)["session_token"].value_or(std::string());
  return std::optional(std::move(credentials));
}

}  // namespace

FileSecretsProvider::FileSecretsProvider(std::string path, const S3Settings& fallback)
    : path_(std::move(path)),
      fallback_{fallback.access_key_id, fallback.secret_access_key, fallback.session_token} {}

Result<protocol::Credentials> FileSecretsProvider::Get(std::string_view logical_bucket) const {
  if (path_.empty()) return fallback_;
  const Result<std::string> text = ReadSecretFile(path_);
  if (!text.ok()) {
    // A missing file is no error if [s3] has credentials.
    const bool missing = text.error().kind == ErrorKind::kNotFound;
    if (missing && !fallback_.access_key_id.empty()) return fallback_;
    return text.error().Wrap("secrets");
  }
  Result<std::optional<protocol::Credentials>> found = ParseSecrets(*text, path_, logical_bucket);
  if (!found.ok()) return found.error().Wrap("secrets");
  if (*found) return std::move(**found);
  // The file may be incomplete because it is being written. The former credentials stay valid.
  if (fallback_.access_key_id.empty()) {
    return InvalidArgument(
        fmt::format("secrets: {} has no [s3.{}], and [s3] has no keys", path_, logical_bucket));
  }
  return fallback_;
}

}  // namespace tarn::queryd
