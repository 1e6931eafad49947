#include "queryd/admission.h"

#include <fmt/format.h>

#include <algorithm>

namespace tarn::queryd {

namespace asio = boost::asio;

class Admission::InQueue {
 public:
  InQueue(Admission& owner, std::shared_ptr<Waiting> waiting)
      : owner_(owner), waiting_(std::move(waiting)) {}
  ~InQueue() {
    const std::lock_guard lock(owner_.mutex_);
    if (waiting_->left) return;
    if (waiting_->granted) {
      owner_.PassOn();
    } else {
      std::erase(owner_.queue_, waiting_);
    }
  }
  InQueue(const InQueue&) = delete;
  InQueue& operator=(const InQueue&) = delete;

 private:
  Admission& owner_;
  const std::shared_ptr<Waiting> waiting_;
};

asio::awaitable<Result<Admission::Permit>> Admission::Enter(Query& query) {
  const auto waiting = std::make_shared<Waiting>(query.shared_from_this());
  {
    const std::lock_guard lock(mutex_);
    if (running_ < limits_.running_max && queue_.empty()) {
      ++running_;
      co_return Permit(this);
    }
    if (queue_.size() >= limits_.queue_max) {
      co_return Unavailable(fmt::format("too many queries: {} run and {} wait, try again later",
                                        running_, queue_.size()));
    }
    queue_.push_back(waiting);
  }
  const InQueue in_queue(*this, waiting);
  const Deadline deadline = Deadline::After(limits_.queue_timeout);
  for (;;) {
    co_await query.wakeup().Wait(deadline);
    const std::lock_guard lock(mutex_);
    const bool is_over = query.cancel_reason().has_value() || deadline.Passed();
    if (waiting->granted) {
      // Taken even when it is over: the caller finds the reason, and the place goes on from there.
      waiting->left = true;
      co_return Permit(this);
    }
    if (!is_over) continue;
    waiting->left = true;
    std::erase(queue_, waiting);
    if (query.cancel_reason()) co_return *query.cancel_reason();
    co_return Unavailable(
        fmt::format("too many queries: none of {} ended within {}, try again later", running_,
                    FormatDuration(limits_.queue_timeout)));
  }
}

void Admission::Leave() {
  const std::lock_guard lock(mutex_);
  PassOn();
}

void Admission::PassOn() {
  if (queue_.empty()) {
    --running_;
    return;
  }
  const std::shared_ptr<Waiting> next = std::move(queue_.front());
  queue_.pop_front();
  next->granted = true;
  next->query->wakeup().Wake();
}

size_t Admission::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

size_t Admission::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace tarn::queryd
