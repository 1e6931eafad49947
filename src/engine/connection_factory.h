#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "engine/options.h"

namespace tarn::engine {

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
