#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "base/shared_slots.h"
#include "queryd/query/admission.h"
#include "queryd/query/datasets_in_use.h"
#include "queryd/query/engine.h"
#include "queryd/query/query_registry.h"
#include "queryd/query/result_cache.h"
#include "queryd/query/result_stream.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

// The query core: runs statements of all wires in an engine. Admission, deadlines, the result
// cache, and the records, log lines and metrics of queries are here.
class QueryService {
 public:
  struct Options {
    Admission::Limits admission;
    QueryLimits limits;
    size_t whole_bytes_max = 0;  // Larger results are sent before they are complete.
    size_t history_max = 0;
    size_t cache_bytes_max = 0;  // 0: no result cache.
  };
  // The datasets that queries read are noted in `in_use`, if it is given.
  QueryService(Engine& engine, const Options& options, Metrics& metrics,
               DatasetsInUse* in_use = nullptr);

  // Puts the statement into the registry under the id, and starts its deadline. The query is
  // cancelled if the client disconnects. Error (kConflict): the user has a running query of the id.
  boost::asio::awaitable<Result<QueryHandle>> Open(const Statement& statement,
                                                   const std::string& id,
                                                   std::shared_ptr<const auth::Identity> user,
                                                   QueryClient client = {});

  // Takes the result from the cache, or runs the statement until its result is complete or larger
  // than whole_bytes_max. So most errors come before the first byte.
  boost::asio::awaitable<Result<ResultStream>> Run(const Statement& statement, QueryHandle handle);

  // Only prepares the statement, with the admission, rights and errors of Run. Ignores `params`.
  boost::asio::awaitable<Result<Description>> Describe(const Statement& statement,
                                                       QueryHandle handle);

  // True if the error says that a table of the statement is unknown.
  bool IsUnknownTable(const Error& error) const { return engine_.IsUnknownTable(error); }
  const QueryLimits& limits() const { return options_.limits; }
  QueryRegistry& registry() { return registry_; }
  const QueryRegistry& registry() const { return registry_; }

 private:
  friend class QueryHandle;
  friend class ResultStream;

  // An admission permit, and a place in the engine for the datasets of the user.
  struct Admitted {
    Admission::Permit permit;
    std::shared_ptr<EnginePlace> place;
  };
  boost::asio::awaitable<Result<Admitted>> Admit(Query& query);
  boost::asio::awaitable<Result<PartialResult>> RunUntilAnswered(const Statement& statement,
                                                                 std::shared_ptr<Query> query,
                                                                 Purpose purpose);
  // Reads the events of the run into the result, until it is complete or large.
  boost::asio::awaitable<Result<>> ReadFirst(const Statement& statement, const std::string& key,
                                             Purpose purpose, Query& query, PartialResult& result);
  // Reads the next bytes after `result.bytes` and updates the summary; empty at the end.
  boost::asio::awaitable<Result<std::string>> ReadOn(PartialResult& result, Query& query);
  // Begins the result, also in place of one that the engine could not finish.
  void Begin(ResultBegun begun, PartialResult& result);
  void NoteRestart(const Restarted& restart);
  Error NoteError(Error error);
  // Ends the record of the query. Only the first call counts.
  void Finish(Query& query, const Result<ResultSummary>& outcome);

  // Returns the cached result, or nothing if the statement must run.
  std::optional<PartialResult> FindCached(const Statement& statement, const std::string& key,
                                          Query& query);
  // Tags a complete result, and stores it in the cache if the statement allows that.
  void Store(const Statement& statement, const std::string& key, PartialResult& result);

  Engine& engine_;
  const Options options_;
  Admission admission_;
  SharedSlots place_waiters_;  // Queries that wait for a place in the engine.
  QueryRegistry registry_;
  ResultCache cache_;
  DatasetsInUse* const in_use_;

  prometheus::Counter& succeeded_;
  prometheus::Counter& failed_;
  prometheus::Counter& cancelled_;
  prometheus::Counter& retried_;
  prometheus::Counter& rows_;
  prometheus::Counter& bytes_;
  prometheus::Gauge& queued_;
  prometheus::Gauge& running_;
  prometheus::Histogram& queue_seconds_;
  prometheus::Histogram& seconds_;
};

}  // namespace tarn::queryd
