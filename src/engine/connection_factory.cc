#include "engine/connection_factory.h"

#include <filesystem>

#include "base/redact.h"
#include "duck/quote.h"

namespace tarn::engine {
namespace {

// The step that makes httpfs available: by its file, or from DuckDB's own extension folder.
std::string LoadHttpfsSql(const EngineOptions& options) {
  std::error_code ignored;
  return std::filesystem::exists(options.httpfs_path, ignored)
             ? "LOAD " + duck::QuoteLiteral(options.httpfs_path)
             : "LOAD httpfs";
}

bool NeedsInstall(const EngineOptions& options) {
  std::error_code ignored;
  return !options.store.is_folder() && !std::filesystem::exists(options.httpfs_path, ignored);
}

}  // namespace

ConnectionFactory::ConnectionFactory(const EngineOptions& options, duck::Database database)
    : options_(options), database_(std::move(database)) {}

Result<std::unique_ptr<ConnectionFactory>> ConnectionFactory::Open(const EngineOptions& options) {
  TARN_TRY(duck::Database database, duck::Database::Open({{"autoinstall_known_extensions", "false"},
                                                          {"autoload_known_extensions", "false"},
                                                          {"allow_community_extensions", "false"},
                                                          {"allow_persistent_secrets", "false"}}));
  std::unique_ptr<ConnectionFactory> factory(new ConnectionFactory(options, std::move(database)));

  std::vector<Step> steps;
  if (NeedsInstall(options)) steps.push_back({"install httpfs", "INSTALL httpfs"});
  TARN_TRY(const std::vector<Step> connection_steps, factory->ConnectionSteps());
  steps.insert(steps.end(), connection_steps.begin(), connection_steps.end());
  // A key is a key: no patterns and no query strings in URLs. What the secret says of this is not
  // enough, the pattern is expanded before the secret is looked up.
  if (!options.store.is_folder()) {
    steps.push_back({"take keys as they are", "SET GLOBAL s3_url_compatibility_mode = true"});
  }
  // Text without an offset that becomes a TIMESTAMPTZ is UTC, wherever the server stands.
  steps.push_back({"set time zone", "SET GLOBAL TimeZone = 'UTC'"});
  // Last, because nothing can be set afterwards: SQL reaches the lake and nothing else.
  steps.push_back({"allow the lake", "SET allowed_directories = [" +
                                         duck::QuoteLiteral(options.store.root()) + ", " +
                                         duck::QuoteLiteral(options.store.url_root()) + "]"});
  steps.push_back({"disable external access", "SET enable_external_access = false"});
  steps.push_back({"lock configuration", "SET lock_configuration = true"});
  TARN_TRY(duck::Connection connection, factory->database_.Connect());
  TARN_CHECK_OK(Run(connection, steps));
  return factory;
}

Result<std::vector<ConnectionFactory::Step>> ConnectionFactory::ConnectionSteps() const {
  std::vector<Step> steps;
  if (options_.store.is_folder()) return steps;
  TARN_TRY(const Credentials credentials, options_.credentials());
  for (const std::string* value :
       {&credentials.access_key_id, &credentials.secret_access_key, &credentials.session_token}) {
    ProcessRedactor().Add(*value);
  }
  steps.push_back({"load httpfs", LoadHttpfsSql(options_)});
  steps.push_back({"create secret", options_.store.CreateSecretSql(credentials)});
  return steps;
}

Result<> ConnectionFactory::Run(duck::Connection& connection, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    const Result<> done = connection.Execute(step.sql);
    if (done.ok()) continue;
    // A parser error quotes the statement in a second paragraph: only the first says what is
    // wrong, and none of the SQL may be shown.
    std::string reason = done.error().message;
    reason.resize(std::min(reason.find('\n'), reason.size()));
    return Internal("bootstrap: " + step.label + ": " + reason);
  }
  return {};
}

Result<duck::Connection> ConnectionFactory::Connect() {
  const std::lock_guard lock(mutex_);
  TARN_TRY(const std::vector<Step> steps, ConnectionSteps());
  TARN_TRY(duck::Connection connection, database_.Connect());
  TARN_CHECK_OK(Run(connection, steps));
  return connection;
}

}  // namespace tarn::engine
