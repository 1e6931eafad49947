#pragma once

// The seam between a front (HTTP, admission, the registry of datasets) and what runs SQL. Only
// plain values cross it, nothing of DuckDB: so the engine can run in this process or in another.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "engine/format.h"

namespace tarn::engine {

struct QueryRequest {
  std::string id;  // Names the query in the log.
  std::string sql;
  JsonOptions json;
  Deadline deadline = Deadline::Never();
};

struct QueryEnd {
  uint64_t rows = 0;
};

// What comes out of a query, in this order: encoded bytes, any number of times, then one end or
// one error.
using QueryEvent = std::variant<std::string, QueryEnd, Error>;

// One query that was handed in. Destroying it cancels what is not finished.
class QueryStream {
 public:
  virtual ~QueryStream() = default;

  // Calls `on_event` once with the next event, from any thread, perhaps before Next returns. One
  // call at a time, and none after an end or an error.
  virtual void Next(std::function<void(QueryEvent)> on_event) = 0;
};

// A dataset as the engine shows it: a view over Parquet objects.
struct ViewSpec {
  std::string name;
  std::vector<std::string> keys;  // Within the bucket. At least one.
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Never blocks. A query that cannot be taken ends with kUnavailable.
  virtual std::unique_ptr<QueryStream> Execute(QueryRequest request) = 0;

  // Creates the view or replaces the one that has its name. It is there as a whole or not at
  // all: after an error the former one stays. Reads the objects' metadata, so it blocks on the
  // object store.
  virtual Result<> PutView(const ViewSpec& view, Deadline deadline) = 0;

  // It is no error when the view is not there.
  virtual Result<> DropView(const std::string& name, Deadline deadline) = 0;

  // Of what runs the SQL, for the log: "DuckDB v1.5.5".
  virtual std::string Version() const = 0;

  // Takes no more queries and cancels all that run or wait.
  virtual void CancelAll() = 0;

  // Waits until no query runs; false when the deadline passed first, or when a change of a view
  // was given up and still hangs in the object store. Then the engine cannot be destroyed.
  virtual bool WaitIdle(Deadline deadline) = 0;
};

}  // namespace tarn::engine
