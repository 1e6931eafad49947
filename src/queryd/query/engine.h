#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "auth/identity.h"
#include "base/deadline.h"
#include "base/result.h"
#include "protocol/format.h"
#include "queryd/query/admission.h"
#include "queryd/query/query.h"
#include "queryd/query/statement.h"

// The interface between the query core and an engine, in plain values. docs/architecture.md has the
// recipe for another engine.

namespace tarn::queryd {

// A dataset that a statement reads, with the version of its objects and schema.
struct DatasetRead {
  std::string name;
  uint64_t version = 0;
};
// A result with more datasets is reported without them, and is not repeatable.
constexpr size_t kDatasetsReadMax = 100'000;

// The result begins: its columns and the datasets that it reads are fixed. The first event of a
// run. If it comes again, the statement runs again, and all rows before it are void.
struct ResultBegun {
  uint64_t revision = 0;  // The revision of the catalogue that the statement sees; 0: unknown.
  // The result depends only on the text, the parameters and `reads`.
  bool is_repeatable = false;
  std::vector<DatasetRead> reads = {};
  // Empty if there are too many to report, or if a description lacks the values that decide them.
  std::vector<ResultColumn> columns = {};
  std::vector<ResultColumn> parameters = {};  // Only of a description.
  // Becomes true if the engine no longer vouches for the result. Null: it never does.
  std::shared_ptr<const std::atomic<bool>> is_withdrawn = nullptr;
};

// Encoded and compressed bytes of a result.
struct EncodedRows {
  std::string bytes;
  uint64_t rows = 0;  // The rows so far, with these.
  Compression compression = Compression::kNone;
};

// The statement is about to run again.
struct Restarted {
  // True if an object was overwritten, so that cached results may be out of date.
  bool has_changed_objects = false;
};

// A run has one ResultBegun, any number of EncodedRows, and then a ResultSummary or an Error.
using EngineEvent = std::variant<ResultBegun, EncodedRows, Restarted, ResultSummary, Error>;

// One statement that runs in an engine. Its destructor cancels it there, unless it has ended. Used
// on the executor of its query.
class EngineRun {
 public:
  EngineRun() = default;
  virtual ~EngineRun() = default;
  EngineRun(const EngineRun&) = delete;
  EngineRun& operator=(const EngineRun&) = delete;

  // Returns the next event. Must not be called after the last one. If the query is cancelled, the
  // last event is its reason. An engine may run the statement again until Query::answer_begun().
  virtual boost::asio::awaitable<EngineEvent> Next() = 0;

  // Called when the client reads nothing: see Admission::Permit::NoteSlowReader.
  virtual void NoteSlowReader() = 0;
};

// The part of an engine with the datasets of a user. Its place there is free again when it and
// its runs are destroyed.
class EnginePlace {
 public:
  EnginePlace() = default;
  virtual ~EnginePlace() = default;
  EnginePlace(const EnginePlace&) = delete;
  EnginePlace& operator=(const EnginePlace&) = delete;

  // Prepares to run the statement, which is copied. The first call of EngineRun::Next starts it.
  // The engine calls Query::SetRunning when it does, and gives the permit back when it no longer
  // works on the query.
  // `is_suspect` is the result of Engine::Check.
  virtual std::unique_ptr<EngineRun> Run(std::shared_ptr<Query> query, const Statement& statement,
                                         Purpose purpose, bool is_suspect,
                                         Admission::Permit permit) = 0;
};

// An engine that runs SQL. Thread-safe.
class Engine {
 public:
  Engine() = default;
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Called before the statement of this user waits for admission. Returns true if the statement is
  // a suspect: it must run apart from others, because it may harm the engine. The error refuses it.
  virtual Result<bool> Check(const Statement& statement, const auth::Identity& user) = 0;

  // Returns a place for the datasets of the user, or null if the query must wait for one. Does not
  // block.
  virtual Result<std::shared_ptr<EnginePlace>> TakePlace(const auth::Identity& user) = 0;
  // Waits until TakePlace may return a place for the datasets of the query's user. Errors: the
  // reason of a cancelled query; kUnavailable if there was no place before the deadline.
  virtual boost::asio::awaitable<Result<>> WaitForPlace(Query& query, Deadline deadline) = 0;

  // The revision of the catalogue, if all of these datasets still have their versions in it.
  virtual std::optional<uint64_t> RevisionWith(const std::vector<DatasetRead>& reads) const = 0;

  // True if the error says that a table of the statement is unknown.
  virtual bool IsUnknownTable(const Error& error) const = 0;
};

}  // namespace tarn::queryd
