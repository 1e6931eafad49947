#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "protocol/messages.h"
#include "queryd/execution/engine_pool.h"
#include "queryd/execution/engine_query.h"
#include "queryd/execution/quarantine.h"
#include "queryd/query/engine.h"

namespace tarn::queryd {

// A statement in the processes of an engine, with its further tries: after the end of its process,
// or after an object was overwritten.
class DuckDbRun : public EngineRun {
 public:
  DuckDbRun(EnginePool::Use engine, std::shared_ptr<Quarantine> quarantine,
            std::shared_ptr<Query> query, const Statement& statement, Purpose purpose,
            bool is_suspect, Admission::Permit permit);

  boost::asio::awaitable<EngineEvent> Next() override;
  void NoteSlowReader() override;

 private:
  // Sends the query to a process. False if the process ended before it took the query.
  boost::asio::awaitable<Result<bool>> Start();
  // Takes the permit back from a process that no longer runs the query.
  void TakeBack();
  ResultBegun ToBegun(protocol::Begun begun) const;
  // Leaves the queries that run together, and waits for the process of suspects.
  boost::asio::awaitable<Result<>> Isolate();
  // The events after a failure: Restarted if the query runs again.
  boost::asio::awaitable<EngineEvent> AfterError(Error error);
  boost::asio::awaitable<EngineEvent> AfterLoss(EngineLost lost);
  boost::asio::awaitable<Result<>> RecoverLost();
  // Memory ran out while the query ran beside others. If the query is not likely to be the cause,
  // it runs beside others again, in the next process. Otherwise it runs alone.
  boost::asio::awaitable<Result<>> RunAfterExhaustion(EndCause cause);
  // Another query broke the process before this query ran in it. An error if there is no further
  // try.
  boost::asio::awaitable<Result<>> TryElsewhere();
  // The query does not run again after its process ended, or after DuckDB failed in it.
  boost::asio::awaitable<void> NoteLost(bool is_broken);
  EngineEvent Fail(Error error);

  const EnginePool::Use engine_;
  const std::shared_ptr<Quarantine> quarantine_;
  const std::shared_ptr<Query> query_;
  const std::string key_;  // In the quarantine.
  const protocol::Query message_;
  Admission::Permit permit_;     // While the query is in no process.
  Admission::Permit isolation_;  // For the process of suspects.
  bool must_isolate_;            // The next try must wait for the process of suspects.
  bool is_isolated_ = false;
  std::shared_ptr<EngineProcess> process_;  // The process of the last try.
  std::unique_ptr<EngineQuery> running_;
  // The process that ended while the query ran, which makes the query a suspect.
  std::optional<pid_t> lost_process_;
  Query::Clock::time_point tried_at_;  // The start of the last try.
  int exhausted_tries_ = 0;
  int stale_tries_ = 0;
  int replaced_tries_ = 0;
  int broken_tries_ = 0;
};

}  // namespace tarn::queryd
