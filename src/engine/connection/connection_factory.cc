#include "engine/connection/connection_factory.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/redact.h"
#include "duck/quote.h"

namespace tarn::engine {
namespace {

// The size of DuckDB's buffer for rows of a result. DuckDB does not count the memory of long texts,
// so the default of 1 MB can hold gigabytes of wide rows. A small buffer is not slower: 3 M rows of
// 9 columns from Parquet take 0.46 s of CPU with 1 MB and 0.5 s with 1 KB, within the noise.
constexpr const char* kStreamingBuffer = "1KB";

bool IsFile(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string Bytes(uint64_t count) { return fmt::format("{}B", count); }

duck::Database::Options OptionsOf(const protocol::Setup& setup) {
  duck::Database::Options options = {{"autoinstall_known_extensions", "false"},
                                     {"autoload_known_extensions", "false"},
                                     {"allow_community_extensions", "false"},
                                     {"allow_persistent_secrets", "false"},
                                     {"threads", std::to_string(setup.threads)}};
  if (setup.memory_limit > 0) options.emplace_back("memory_limit", Bytes(setup.memory_limit));
  // If it is empty, DuckDB does not spill, and queries that do not fit into memory fail.
  options.emplace_back("temp_directory", setup.temp_directory);
  return options;
}

}  // namespace

std::string CreateSecretSql(const protocol::ObjectStore& store,
                            const protocol::Credentials& credentials) {
  using duck::QuoteLiteral;
  std::string sql = fmt::format(
      "CREATE OR REPLACE SECRET tarn_primary (TYPE S3, PROVIDER config, SCOPE {}, KEY_ID {}, "
      "SECRET {}, REGION {}, URL_STYLE {}, USE_SSL {}, URL_COMPATIBILITY_MODE true",
      QuoteLiteral(store.root), QuoteLiteral(credentials.access_key_id),
      QuoteLiteral(credentials.secret_access_key), QuoteLiteral(store.region),
      QuoteLiteral(store.use_path_style ? "path" : "vhost"), store.use_ssl);
  if (!store.host.empty()) sql += ", ENDPOINT " + QuoteLiteral(store.host);
  if (!credentials.session_token.empty()) {
    sql += ", SESSION_TOKEN " + QuoteLiteral(credentials.session_token);
  }
  return sql + ")";
}

ConnectionFactory::ConnectionFactory(const protocol::Setup& setup, duck::Database database)
    : setup_(setup), database_(std::move(database)) {}

Result<> ConnectionFactory::InstallWhatIsMissing(const protocol::Setup& setup) {
  if (setup.store.is_folder || IsFile(setup.httpfs_path)) return {};
  // A separate database, which is closed before the process enters the sandbox.
  TARN_TRY(const duck::Database database, duck::Database::Open(OptionsOf(setup)));
  TARN_TRY(duck::Connection connection, database.Connect());
  return Run(connection, {{"install httpfs", "INSTALL httpfs"}});
}

Result<std::unique_ptr<ConnectionFactory>> ConnectionFactory::Open(const protocol::Setup& setup,
                                                                   size_t connections) {
  TARN_TRY(duck::Database database, duck::Database::Open(OptionsOf(setup)));
  std::unique_ptr<ConnectionFactory> factory(new ConnectionFactory(setup, std::move(database)));
  const std::vector<Step> own_settings = {
      {"limit the result buffer",
       fmt::format("SET streaming_buffer_size = '{}'", kStreamingBuffer)},
      {"limit expression depth",
       fmt::format("SET max_expression_depth = {}", setup.depths.expressions)},
      {"track progress", "SET enable_progress_bar = true"},
      {"disable progress output", "SET enable_progress_bar_print = false"},
      {"track progress without delay", "SET progress_bar_time = 0"}};
  for (size_t i = 0; i < connections; ++i) {
    TARN_TRY(duck::Connection connection, factory->Connect());
    TARN_CHECK_OK(Run(connection, own_settings));
    factory->connections_.push_back(std::move(connection));
  }
  TARN_TRY(duck::Connection connection, factory->Connect());
  TARN_CHECK_OK(Run(connection, factory->LockSteps()));
  return factory;
}

std::vector<ConnectionFactory::Step> ConnectionFactory::ConnectionSteps() const {
  if (setup_.store.is_folder) return {};
  const std::string load =
      IsFile(setup_.httpfs_path) ? "LOAD " + duck::QuoteLiteral(setup_.httpfs_path) : "LOAD httpfs";
  return {{"load httpfs", load},
          {"create secret", CreateSecretSql(setup_.store, setup_.credentials)}};
}

std::vector<ConnectionFactory::Step> ConnectionFactory::LockSteps() const {
  std::vector<Step> steps;
  // DuckDB 1.5.5 does not apply this limit if it is an option of Open.
  if (!setup_.temp_directory.empty() && setup_.temp_directory_limit > 0) {
    steps.push_back({"limit spilling", fmt::format("SET GLOBAL max_temp_directory_size = '{}'",
                                                   Bytes(setup_.temp_directory_limit))});
  }
  // Takes keys literally, without patterns and query strings. The option of the secret does not
  // suffice, because DuckDB expands patterns before it looks up the secret.
  if (!setup_.store.is_folder) {
    steps.push_back({"take keys literally", "SET GLOBAL s3_url_compatibility_mode = true"});
    // Without it, DuckDB opens a new connection for each file. A warm count(*) of a table on a
    // local S3 server takes 2.4 ms with it and 9.7 ms without it.
    steps.push_back({"cache connections", "SET GLOBAL httpfs_connection_caching = true"});
    // Without these caches, each query requests the size, the ETag and the footer of each object:
    // the same count(*) takes 0.6 ms with them and 2.4 ms without them. DuckDB 1.5 caches them for
    // the life of the database, and compares the ETag only when it reads more of the object. So the
    // front replaces the process when objects may have changed.
    if (setup_.cache_objects) {
      steps.push_back({"cache sizes and ETags", "SET GLOBAL enable_http_metadata_cache = true"});
      steps.push_back({"cache footers", "SET GLOBAL parquet_metadata_cache = true"});
    }
    // Each of httpfs's two HTTP clients has its own setting.
    for (const char* setting :
         {"enable_server_cert_verification", "enable_curl_server_cert_verification"}) {
      steps.push_back(
          {"verify certificates", fmt::format("SET GLOBAL {} = {}", setting, setup_.tls_verify)});
    }
    if (!setup_.tls_ca_path.empty()) {
      steps.push_back(
          {"trust the CAs", "SET GLOBAL ca_cert_file = " + duck::QuoteLiteral(setup_.tls_ca_path)});
    }
  }
  // If objects change, the cache of their data mixes versions: an older scan could read data that a
  // newer scan has cached.
  if (!setup_.cache_objects) {
    steps.push_back({"disable the data cache", "SET GLOBAL enable_external_file_cache = false"});
  }
  // Optimizers of DuckDB 1.5.5 that lose or invent rows: docs/engine-faults.md.
  steps.push_back({"disable faulty optimizers",
                   "SET GLOBAL disabled_optimizers = "
                   "'top_n_window_elimination,deliminator,join_elimination,common_subplan'"});
  // Casts text without an offset to TIMESTAMPTZ as UTC, on every machine.
  steps.push_back({"set time zone", "SET GLOBAL TimeZone = 'UTC'"});
  // Limits SQL to the lake. These are the last steps, because they lock all settings.
  steps.push_back({"allow the lake", "SET allowed_directories = [" +
                                         duck::QuoteLiteral(setup_.store.root) + ", " +
                                         duck::QuoteLiteral(setup_.store.UrlRoot()) + "]"});
  steps.push_back({"disable external access", "SET enable_external_access = false"});
  steps.push_back({"lock configuration", "SET lock_configuration = true"});
  return steps;
}

Result<> ConnectionFactory::Run(duck::Connection& connection, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    const Result<> done = connection.Execute(step.sql);
    if (done.ok()) continue;
    // Removes the second paragraph of a parser error, which quotes the SQL.
    std::string reason = done.error().message;
    reason.resize(std::min(reason.find('\n'), reason.size()));
    return Internal("bootstrap: " + step.label + ": " + reason);
  }
  return {};
}

Result<duck::Connection> ConnectionFactory::Connect() {
  const MutexLock lock(mutex_);
  TARN_TRY(duck::Connection connection, database_.Connect());
  TARN_CHECK_OK(Run(connection, ConnectionSteps()));
  return connection;
}

}  // namespace tarn::engine
