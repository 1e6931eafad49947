#include "engine/result_channel.h"

#include <utility>

namespace tarn::engine {

bool ResultChannel::Write(std::string bytes) {
  std::function<void(QueryEvent)> waiting;
  {
    std::unique_lock lock(mutex_);
    // One chunk always fits: a chunk larger than the bound must not wait for ever.
    space_.wait(lock, [&] {
      return abandoned_ || finished_ || chunks_.empty() || bytes_ + bytes.size() <= bytes_max_;
    });
    if (abandoned_ || finished_) return false;
    if (!waiting_) {
      bytes_ += bytes.size();
      chunks_.push_back(std::move(bytes));
      return true;
    }
    waiting = std::exchange(waiting_, nullptr);
  }
  waiting(std::move(bytes));
  return true;
}

void ResultChannel::Finish(QueryEvent last) {
  std::function<void(QueryEvent)> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    space_.notify_all();
    if (!waiting_) {
      last_ = std::move(last);
      return;
    }
    waiting = std::exchange(waiting_, nullptr);
  }
  waiting(std::move(last));
}

std::optional<QueryEvent> ResultChannel::TakeEvent() {
  if (!chunks_.empty()) {
    QueryEvent event = std::move(chunks_.front());
    chunks_.pop_front();
    bytes_ -= std::get<std::string>(event).size();
    space_.notify_all();
    return event;
  }
  return std::exchange(last_, std::nullopt);
}

void ResultChannel::Next(std::function<void(QueryEvent)> on_event) {
  std::optional<QueryEvent> event;
  {
    const std::lock_guard lock(mutex_);
    event = TakeEvent();
    if (!event) {
      waiting_ = std::move(on_event);
      return;
    }
  }
  on_event(std::move(*event));
}

void ResultChannel::Abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  waiting_ = nullptr;
  space_.notify_all();
}

}  // namespace tarn::engine
