#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "base/shared_slots.h"
#include "queryd/execution/engine_pool.h"
#include "queryd/execution/engine_query.h"
#include "queryd/query/admission.h"
#include "queryd/query/datasets_in_use.h"
#include "queryd/query/quarantine.h"
#include "queryd/query/query_registry.h"
#include "queryd/query/result_cache.h"
#include "queryd/query/result_stream.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

// Runs queries: their turn, their engine, their second try when the engine ends under them; and
// keeps their records, log lines and metrics. Knows no HTTP.
//
// A query whose engine process ended runs again in a process of its own, so that it takes no other
// query with it. If that one ends too, the query is refused for a while: see Quarantine.
class QueryService {
 public:
  struct Options {
    Admission::Limits admission;
    QueryLimits limits;
    size_t whole_bytes_max = 0;  // A larger result is not held until its end.
    size_t history_max = 0;
    size_t cache_bytes_max = 0;  // 0: no result cache.
    Quarantine::Limits quarantine;
  };
  // If `in_use` is given, the datasets that queries read are noted there.
  QueryService(EnginePool& engines, const Options& options, Metrics& metrics,
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

  const QueryLimits& limits() const { return options_.limits; }
  QueryRegistry& registry() { return registry_; }
  const QueryRegistry& registry() const { return registry_; }

 private:
  friend class QueryHandle;
  friend class ResultStream;

  enum class Purpose : uint8_t { kRun, kDescribe };
  boost::asio::awaitable<Result<PartialResult>> RunUntilAnswered(const Statement& statement,
                                                                 std::shared_ptr<Query> query,
                                                                 Purpose purpose);
  // Reads the next bytes after `result.bytes` and updates the summary; empty at the end.
  boost::asio::awaitable<Result<std::string>> ReadOn(PartialResult& result, Query& query);
  // Ends the record of the query. Only the first call counts.
  void Finish(Query& query, const Result<ResultSummary>& outcome);

  // Returns the cached result, or nothing if the statement must run.
  std::optional<PartialResult> FindCached(const Statement& statement, const std::string& key,
                                          Query& query);
  // Tags the result, and stores it in the cache if the statement allows that.
  void Store(const Statement& statement, const std::string& key,
             std::vector<protocol::DatasetRead> reads, PartialResult& result);

  using Attempt = std::variant<PartialResult, Error, EngineLost>;
  // The state that one try leaves to the next.
  struct Hold {
    Purpose purpose = Purpose::kRun;
    EnginePool::Use engine;
    Admission::Permit permit;
    std::shared_ptr<EngineProcess> process;
    std::string quarantine_key;
    bool is_isolated = false;
    Admission::Permit isolation;
    // The process that ended while the query ran, which makes it a suspect.
    std::optional<pid_t> lost_process;
    int stale_tries = 0;
    int replaced_tries = 0;
  };
  // A slot among the queries that run together, and the engine for the datasets of the user.
  struct Admitted {
    Admission::Permit permit;
    EnginePool::Use engine;
  };
  boost::asio::awaitable<Result<Admitted>> Admit(Query& query);
  // Gives up its place among those that run together, and waits for the one of a suspect.
  boost::asio::awaitable<Result<>> Isolate(Query& query, Hold& hold);
  // Prepares the next try, or returns the error that answers the query.
  boost::asio::awaitable<Result<>> Recover(const Attempt& attempt, Query& query, Hold& hold);
  boost::asio::awaitable<Result<>> RecoverLost(Query& query, Hold& hold);
  // The query cannot run again after its process ended, or after DuckDB failed in it.
  boost::asio::awaitable<void> NoteLost(const EngineLost& lost,
                                        std::shared_ptr<EngineProcess> process,
                                        std::string quarantine_key, const Query& query,
                                        bool is_isolated);
  // Goes on to other processes while one cannot run it because another query broke it.
  boost::asio::awaitable<Attempt> TryUntilItRuns(const Statement& statement,
                                                 std::shared_ptr<Query> query,
                                                 const std::string& key, Hold& hold);
  boost::asio::awaitable<Attempt> Try(const Statement& statement, std::shared_ptr<Query> query,
                                      const std::string& key, Hold& hold);
  // What a process has kept of an object is not so any more.
  void ForgetObjects(EngineSupervisor& engine, const EngineProcess& process);

  EnginePool& engines_;
  const Options options_;
  Admission admission_;
  SharedSlots place_waiters_;  // Queries that wait for an engine; see EnginePool.
  // Shared with the ends of cancelled queries, which come later.
  const std::shared_ptr<Quarantine> quarantine_;
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
