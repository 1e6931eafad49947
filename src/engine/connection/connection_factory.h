#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "duck/database.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Opens the database and connections that are ready for SQL: with httpfs and the secret for the
// bucket.
//
// Thread-safe. The bootstrap of a connection has no deadline and cannot be cancelled, so every
// connection is complete.
class ConnectionFactory {
 public:
  // Downloads httpfs if setup.httpfs_path does not exist. Writes below $HOME, so call it before the
  // process enters the sandbox.
  static Result<> InstallWhatIsMissing(const protocol::Setup& setup);

  // Opens the database and `connections` connections for queries, then locks the configuration.
  static Result<std::unique_ptr<ConnectionFactory>> Open(const protocol::Setup& setup,
                                                         size_t connections);

  // Returns the connections of Open. Some of their settings are only possible before the lock.
  std::vector<duck::Connection> TakeConnections() { return std::move(connections_); }

  // Opens another connection. Errors name the step ("bootstrap: create secret: …"), never the SQL.
  Result<duck::Connection> Connect();

 private:
  struct Step {
    std::string label;
    std::string sql;
  };
  ConnectionFactory(const protocol::Setup& setup, duck::Database database);
  std::vector<Step> ConnectionSteps() const;
  std::vector<Step> LockSteps() const;
  static Result<> Run(duck::Connection& connection, const std::vector<Step>& steps);

  const protocol::Setup setup_;
  duck::Database database_;
  std::vector<duck::Connection> connections_;
  // Prevents conflicts between connections that replace the secret at the same time.
  Mutex mutex_;
};

// Returns CREATE OR REPLACE SECRET … for a bucket.
std::string CreateSecretSql(const protocol::ObjectStore& store,
                            const protocol::Credentials& credentials);

}  // namespace tarn::engine
