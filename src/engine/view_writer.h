#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "engine/connection_factory.h"
#include "engine/watchdog.h"
#include "protocol/messages.h"

namespace tarn::engine {

// CREATE OR REPLACE VIEW … over the objects; the error names the key that cannot be one.
Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view);

// Creates and drops the views of datasets, one change at a time.
//
// A change reads objects' metadata, and DuckDB's reads take no interrupt while the object store
// is silent. So each runs on a thread of its own: when the deadline passes and the thread does
// not come back it is left alone with its connection, and what it does later is rolled back.
//
// Thread-safe.
class ViewWriter {
 public:
  ViewWriter(const protocol::ObjectStore& store, ConnectionFactory& factory,
             std::shared_ptr<Watchdog> watchdog);

  // A view is there as a whole or not at all: after an error the former one stays. One of several
  // objects is only created when all of them can be read: DuckDB itself looks at the first alone.
  Result<> Put(const protocol::ViewSpec& view, Deadline deadline);
  Result<> Drop(const std::string& name, Deadline deadline);

 private:
  struct Change;
  Result<> Run(std::vector<std::string> statements, Deadline deadline);

  const protocol::ObjectStore store_;
  ConnectionFactory& factory_;
  const std::shared_ptr<Watchdog> watchdog_;
  const std::shared_ptr<std::atomic<int>> lost_;

  std::mutex mutex_;
  std::shared_ptr<duck::Connection> connection_;  // guarded by mutex_
};

}  // namespace tarn::engine
