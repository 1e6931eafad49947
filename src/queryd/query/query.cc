#include "queryd/query/query.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "base/text.h"

namespace tarn::queryd {

namespace asio = boost::asio;

Query::Query(const asio::any_io_executor& executor, QueryInfo info,
             std::shared_ptr<const auth::Identity> user, Duration timeout)
    : executor_(executor),
      id_(info.id),
      user_(std::move(user)),
      timeout_(timeout),
      deadline_(Deadline::After(timeout)),
      wakeup_(std::make_shared<net::Wakeup>(executor)),
      timer_(executor),
      info_(std::move(info)) {}

void Query::StartTimeout() {
  if (deadline_.IsNever()) return;
  timer_.expires_at(deadline_.At());
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code code) {
    const auto self = weak.lock();
    if (code || self == nullptr) return;
    self->Cancel(
        {ErrorKind::kTimeout,
         fmt::format("timed out after {} ms",
                     std::chrono::ceil<std::chrono::milliseconds>(self->timeout_).count())});
  });
}

void Query::Cancel(const Error& reason) {
  asio::post(executor_, [self = shared_from_this(), reason] {
    if (self->reason_) return;
    self->reason_ = reason;
    self->timer_.cancel();
    self->wakeup_->Wake();
    // Removed before the call, because the function may set another one.
    if (const auto on_cancel = std::exchange(self->on_cancel_, nullptr)) on_cancel();
    if (const auto on_cut = std::exchange(self->on_cut_, nullptr)) on_cut();
  });
}

QueryInfo Query::Info() const {
  const MutexLock lock(mutex_);
  QueryInfo info = info_;
  const Clock::time_point end = ended_at_.value_or(Clock::now());
  info.queued = Queued(end);
  if (run_at_) info.run = std::chrono::duration_cast<Duration>(end - *run_at_);
  return info;
}

Duration Query::queued() const {
  const MutexLock lock(mutex_);
  return Queued(ended_at_.value_or(Clock::now()));
}

Duration Query::Queued(Clock::time_point end) const {
  return std::chrono::duration_cast<Duration>(run_at_.value_or(end) - submitted_at_);
}

void Query::SetRunning() {
  const MutexLock lock(mutex_);
  if (ended_at_) return;
  info_.state = QueryState::kRunning;
  // A second run does not restart the clock.
  if (!run_at_) run_at_ = Clock::now();
}

void Query::SetCached() {
  const MutexLock lock(mutex_);
  info_.cached = true;
}

void Query::SetProgress(double percent) {
  const MutexLock lock(mutex_);
  if (!ended_at_) info_.percent = percent;
}

void Query::SetSent(uint64_t rows, uint64_t bytes) {
  const MutexLock lock(mutex_);
  info_.rows = rows;
  info_.bytes = bytes;
}

void Query::AddSent(uint64_t rows_so_far, uint64_t more_bytes) {
  const MutexLock lock(mutex_);
  info_.rows = rows_so_far;
  info_.bytes += more_bytes;
}

bool Query::Finish(const Result<ResultSummary>& outcome) {
  const MutexLock lock(mutex_);
  if (ended_at_) return false;
  ended_at_ = Clock::now();
  timer_.cancel();
  if (outcome.ok()) {
    info_.state = QueryState::kSucceeded;
    info_.rows = outcome->rows;
    info_.truncated = outcome->truncated;
    info_.percent = 100;
  } else {
    // kConflict is the reason of DELETE /queries/{id}. The client of the query gets 409.
    const ErrorKind kind = outcome.error().kind;
    const bool cancelled = kind == ErrorKind::kCancelled || kind == ErrorKind::kConflict;
    info_.state = cancelled ? QueryState::kCancelled : QueryState::kFailed;
    info_.error = Shortened(outcome.error().message, kErrorBytesMax);
  }
  return true;
}

}  // namespace tarn::queryd
