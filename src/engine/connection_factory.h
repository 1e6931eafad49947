#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "engine/object_store.h"

namespace tarn::engine {

struct EngineOptions {
  ObjectStore store;
  // Asked at each connection's bootstrap, so that new credentials reach new connections.
  std::function<Result<Credentials>()> credentials;
  // The packaged httpfs.duckdb_extension; where the file is missing, INSTALL is tried.
  std::string httpfs_path;
  size_t workers = 4;
  size_t queue_limit = 256;
  size_t result_buffer_bytes = 1024 * 1024;
};

// The database, and connections to it that are ready for SQL: httpfs is loaded and the secret
// of the bucket is there.
//
// Thread-safe. The bootstrap takes no deadline and no cancellation: a connection that is opened
// after its opener's request was cancelled is as complete as any other.
class ConnectionFactory {
 public:
  static Result<std::unique_ptr<ConnectionFactory>> Open(const EngineOptions& options);

  // Errors name the step ("bootstrap: create secret: …") and never the SQL.
  Result<duck::Connection> Connect();

 private:
  struct Step {
    std::string label;
    std::string sql;
  };
  ConnectionFactory(const EngineOptions& options, duck::Database database);
  Result<std::vector<Step>> ConnectionSteps() const;
  static Result<> Run(duck::Connection& connection, const std::vector<Step>& steps);

  const EngineOptions options_;
  duck::Database database_;
  // Two connections that replace one secret at once would conflict.
  std::mutex mutex_;
};

}  // namespace tarn::engine
