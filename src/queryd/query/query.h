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
#include "net/wakeup.h"
#include "protocol/format.h"

namespace tarn::queryd {

// The size limit of the error in the record of a query.
constexpr size_t kErrorBytesMax = 4096;

enum class QueryState : uint8_t { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

// The record of a query, for GET /queries.
struct QueryInfo {
  std::string id;
  std::string user;  // The name of the token; empty without tokens.
  std::string sql;   // The beginning of the text.
  Format format = Format::kJson;
  QueryState state = QueryState::kQueued;
  std::chrono::system_clock::time_point submitted_at;
  Duration queued = Duration::zero();
  Duration run = Duration::zero();
  std::optional<double> percent;  // The progress, as the engine estimates it.
  uint64_t rows = 0;              // Encoded so far.
  uint64_t bytes = 0;             // The size of the response so far.
  bool truncated = false;
  bool cached = false;  // The result came from the result cache.
  std::string error;    // The reason of an incomplete result; at most kErrorBytesMax.
};

// A query from its arrival to its end: its cancellation and its record.
//
// A query is cancelled when its client disconnects, at its deadline, by DELETE /queries/{id}, or at
// shutdown. The first cancellation counts. Used on the executor of its coroutine, except for the
// functions that say otherwise.
class Query : public std::enable_shared_from_this<Query> {
 public:
  using Clock = std::chrono::steady_clock;

  Query(const boost::asio::any_io_executor& executor, QueryInfo info,
        std::shared_ptr<const auth::Identity> user, Duration timeout);

  // Starts the deadline. Separate from the constructor, because the timer refers to the query.
  void StartTimeout();

  // Thread-safe. Wakes the coroutine that waits for the query, which then finds the reason.
  void Cancel(const Error& reason);
  const std::optional<Error>& cancel_reason() const { return reason_; }

  // Sets the function that a cancellation calls at once, to end the wait of the coroutine. Null
  // removes it.
  void OnCancel(std::function<void()> on_cancel) { on_cancel_ = std::move(on_cancel); }

  // Sets the function that a cancellation calls after the response has begun, to break it off. Null
  // removes it.
  void OnCut(std::function<void()> on_cut) { on_cut_ = std::move(on_cut); }

  // Wakes the coroutine while it waits for admission or for an engine.
  net::Wakeup& wakeup() { return *wakeup_; }
  const boost::asio::any_io_executor& executor() const { return executor_; }
  Deadline deadline() const { return deadline_; }
  const std::string& id() const { return id_; }
  const auth::Identity& user() const { return *user_; }

  // Ends the query. Only the first end counts. Returns true for the first one.
  bool Finish(const Result<ResultSummary>& outcome);

  // The functions from here on are thread-safe.
  QueryInfo Info() const;
  Duration queued() const;  // The time in the queue so far.
  void SetRunning();
  void SetCached();
  void SetProgress(double percent);
  void SetSent(uint64_t rows, uint64_t bytes);
  void AddSent(uint64_t rows_so_far, uint64_t more_bytes);
  // A part of the result is sent before the rest is known, so the query cannot run again.
  void SetAnswerBegun() { answer_begun_ = true; }
  bool answer_begun() const { return answer_begun_; }

 private:
  const boost::asio::any_io_executor executor_;
  const std::string id_;
  const std::shared_ptr<const auth::Identity> user_;
  const Duration timeout_;
  const Deadline deadline_;
  const std::shared_ptr<net::Wakeup> wakeup_;
  boost::asio::steady_timer timer_;
  std::optional<Error> reason_;
  std::function<void()> on_cancel_;
  std::function<void()> on_cut_;
  std::atomic<bool> answer_begun_ = false;

  mutable Mutex mutex_;
  Duration Queued(Clock::time_point end) const TARN_REQUIRES(mutex_);

  QueryInfo info_ TARN_GUARDED_BY(mutex_);  // Info() adds the times.
  const Clock::time_point submitted_at_ = Clock::now();
  std::optional<Clock::time_point> run_at_ TARN_GUARDED_BY(mutex_);
  std::optional<Clock::time_point> ended_at_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
