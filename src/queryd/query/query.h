#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth/identity.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "base/result.h"
#include "protocol/messages.h"
#include "queryd/query/wakeup.h"

namespace tarn::queryd {

enum class QueryState : uint8_t { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

// What is known of a query, for GET /queries.
struct QueryInfo {
  std::string id;
  std::string user;  // The name of the token; empty: nobody had to say.
  std::string sql;   // Its beginning.
  Format format = Format::kJson;
  QueryState state = QueryState::kQueued;
  std::chrono::system_clock::time_point submitted_at;
  Duration queued = Duration::zero();
  Duration run = Duration::zero();
  std::optional<double> percent;  // How far it is, as DuckDB guesses.
  uint64_t rows = 0;              // Encoded so far.
  uint64_t bytes = 0;             // Of its answer, so far.
  bool truncated = false;
  bool cached = false;  // Answered by the result cache.
  std::string error;    // Why it has no whole answer; at most protocol::kErrorBytesMax.
};

// One query from its arrival to its end: what may cancel it, and what is known of it.
//
// Cancelled by whoever comes first: its client that leaves, its deadline, DELETE /queries/{id},
// the end of the server. All of it happens on the executor of its coroutine, but for what says
// otherwise.
class Query : public std::enable_shared_from_this<Query> {
 public:
  using Clock = std::chrono::steady_clock;

  Query(const boost::asio::any_io_executor& executor, QueryInfo info,
        std::shared_ptr<const auth::Identity> user, Duration timeout);

  // Starts the clock. Not in the constructor: the timer holds the query.
  void StartTimeout();

  // From any thread. What waits for the query goes on soon and finds the reason.
  void Cancel(const Error& reason);
  const std::optional<Error>& cancel_reason() const { return reason_; }

  // Called at once by a cancel, to end what the coroutine waits for; none to take it back.
  void OnCancel(std::function<void()> on_cancel) { on_cancel_ = std::move(on_cancel); }

  // Called by a cancel once the answer has begun, which is worth nothing then; none to take it
  // back.
  void OnCut(std::function<void()> on_cut) { on_cut_ = std::move(on_cut); }

  // Wakes the coroutine where it waits for its turn or for an engine.
  Wakeup& wakeup() { return *wakeup_; }
  const boost::asio::any_io_executor& executor() const { return executor_; }
  Deadline deadline() const { return deadline_; }
  const std::string& id() const { return id_; }
  const auth::Identity& user() const { return *user_; }

  // Ends it; only the first end counts. True when it was this one.
  bool Finish(const Result<ResultSummary>& outcome);

  // Any thread.
  QueryInfo Info() const;
  Duration queued() const;  // So far, or until it ran.
  void SetRunning();
  void SetCached();
  void SetProgress(double percent);
  void SetSent(uint64_t rows, uint64_t bytes);
  void AddSent(uint64_t rows_so_far, uint64_t more_bytes);
  // A part of the answer goes to the client before the rest is known: the query cannot run again.
  void SetAnswerBegun() { answer_begun_ = true; }
  bool answer_begun() const { return answer_begun_; }

 private:
  const boost::asio::any_io_executor executor_;
  const std::string id_;
  const std::shared_ptr<const auth::Identity> user_;
  const Duration timeout_;
  const Deadline deadline_;
  const std::shared_ptr<Wakeup> wakeup_;
  boost::asio::steady_timer timer_;
  std::optional<Error> reason_;
  std::function<void()> on_cancel_;
  std::function<void()> on_cut_;
  std::atomic<bool> answer_begun_ = false;

  mutable Mutex mutex_;
  Duration Queued(Clock::time_point end) const TARN_REQUIRES(mutex_);

  QueryInfo info_ TARN_GUARDED_BY(mutex_);  // Times are filled in by Info().
  const Clock::time_point submitted_at_ = Clock::now();
  std::optional<Clock::time_point> run_at_ TARN_GUARDED_BY(mutex_);
  std::optional<Clock::time_point> ended_at_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
