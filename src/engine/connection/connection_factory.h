#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "duck/database.h"
#include "protocol/messages.h"

namespace tarn::engine {

// The database, and connections to it that are ready for SQL: httpfs is loaded and the secret
// of the bucket is there.
//
// Thread-safe. The bootstrap takes no deadline and no cancellation: a connection that is opened
// after its opener's request was cancelled is as complete as any other.
class ConnectionFactory {
 public:
  // Fetches httpfs where setup.httpfs_path is missing. Before the sandbox: it writes below $HOME.
  static Result<> InstallWhatIsMissing(const protocol::Setup& setup);

  // Opens the database with `connections` connections for queries, then locks its configuration.
  static Result<std::unique_ptr<ConnectionFactory>> Open(const protocol::Setup& setup,
                                                         size_t connections);

  // The connections that Open made, which have settings that can only be made before the lock.
  std::vector<duck::Connection> TakeConnections() { return std::move(connections_); }

  // One more. Errors name the step ("bootstrap: create secret: …") and never the SQL.
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
  // Two connections that replace one secret at once would conflict.
  Mutex mutex_;
};

// CREATE OR REPLACE SECRET … for a bucket.
std::string CreateSecretSql(const protocol::ObjectStore& store,
                            const protocol::Credentials& credentials);

}  // namespace tarn::engine
