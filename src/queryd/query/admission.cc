#include "queryd/query/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace tarn::queryd {

namespace asio = boost::asio;

class Admission::InQueue {
 public:
  InQueue(Admission& owner, Token& token, std::shared_ptr<Waiting> waiting)
      : owner_(owner), token_(token), waiting_(std::move(waiting)) {}
  ~InQueue() {
    const MutexLock lock(owner_.mutex_);
    if (!waiting_->has_left) Leave();
  }
  InQueue(const InQueue&) = delete;
  InQueue& operator=(const InQueue&) = delete;

  // Releases the slot, if one was granted. Requires the mutex of the owner, which Clang cannot
  // identify with that of the caller.
  void Leave() TARN_NO_THREAD_SAFETY_ANALYSIS {
    waiting_->has_left = true;
    if (waiting_->is_granted) {
      TARN_ASSERT(token_.running > 0 && owner_.running_ > 0, "a slot was given back twice");
      --token_.running;
      --owner_.running_;
    } else if (!waiting_->evicted) {
      std::erase(token_.queue, waiting_);
      --owner_.queued_;
    }
    owner_.Settle();
  }

 private:
  Admission& owner_;
  Token& token_;
  const std::shared_ptr<Waiting> waiting_;
};

asio::awaitable<Result<Admission::Permit>> Admission::Enter(Query& query) {
  const auto waiting = std::make_shared<Waiting>(query.shared_from_this());
  Token* token = nullptr;
  {
    const MutexLock lock(mutex_);
    token = &Find(query.user());
    // While a slot is free, all waiting queries belong to tokens at their limit.
    if (running_ < limits_.running_max && token->queue.empty() && MayRunMore(*token)) {
      Grant(*token);
      co_return Permit(*this, *token, ++last_permit_);
    }
    if (!MakeRoom(*token)) {
      const Error error = FullError(*token);
      Settle();
      co_return error;
    }
    waiting->arrival = ++last_arrival_;
    token->queue.push_back(waiting);
    ++queued_;
    Settle();
  }
  InQueue in_queue(*this, *token, waiting);
  const Deadline deadline = Deadline::After(limits_.queue_timeout);
  for (;;) {
    co_await query.wakeup().Wait(deadline);
    const MutexLock lock(mutex_);
    if (waiting->is_granted) {
      // Taken also by a cancelled query: the caller finds the reason and gives the slot back.
      waiting->has_left = true;
      co_return Permit(*this, *token, ++last_permit_);
    }
    const bool is_cancelled = query.cancel_reason().has_value();
    if (!is_cancelled && !waiting->evicted && !deadline.Passed()) continue;
    const Error error = EndOfWaitError(query, *waiting, *token);
    in_queue.Leave();
    co_return error;
  }
}

Admission::Token& Admission::Find(const auth::Identity& user) {
  Token& token = tokens_.try_emplace(user.name, Token{.name = user.name}).first->second;
  token.weight = static_cast<double>(user.weight);
  token.is_limited = !user.name.empty() && !user.is_sole_query_token;
  return token;
}

bool Admission::IsWithin(size_t count, size_t token_max, const Token& token) {
  return !token.is_limited || count < token_max;
}

bool Admission::MayRunMore(const Token& token) const {
  return IsWithin(token.running, limits_.token_running_max, token);
}

Error Admission::FullError(const Token& token) const {
  if (IsWithin(token.queue.size(), limits_.token_queue_max, token)) {
    return Unavailable(
        fmt::format("too many queries: {} run and {} wait, try again later", running_, queued_));
  }
  return Unavailable(
      fmt::format("too many queries of token \"{}\": {} run and {} wait, try again later",
                  token.name, token.running, token.queue.size()));
}

Error Admission::TimeoutError(const Token& token) const {
  const std::string within = FormatDuration(limits_.queue_timeout);
  if (MayRunMore(token)) {
    return Unavailable(fmt::format("too many queries: none of {} ended within {}, try again later",
                                   running_, within));
  }
  return Unavailable(
      fmt::format("too many queries of token \"{}\": none of {} ended within {}, try again later",
                  token.name, token.running, within));
}

Error Admission::EndOfWaitError(const Query& query, const Waiting& waiting,
                                const Token& token) const {
  if (query.cancel_reason()) return *query.cancel_reason();
  // Checked first, because the token of an evicted query may have been dropped.
  if (waiting.evicted) return *waiting.evicted;
  return TimeoutError(token);
}

bool Admission::MakeRoom(const Token& token) {
  if (!IsWithin(token.queue.size(), limits_.token_queue_max, token)) return false;
  if (queued_ < limits_.queue_max) return true;
  Token* longest = nullptr;
  for (auto& [name, other] : tokens_) {
    if (other.queue.empty()) continue;
    if (longest == nullptr || other.QueuedShare() > longest->QueuedShare()) longest = &other;
  }
  if (longest == nullptr || longest == &token ||
      longest->QueuedShare() <= token.Share(token.queue.size() + 1)) {
    return false;
  }
  const std::shared_ptr<Waiting> evicted = std::move(longest->queue.back());
  longest->queue.pop_back();
  --queued_;
  evicted->evicted = FullError(*longest);
  evicted->query->wakeup().Wake();
  return true;
}

void Admission::Grant(Token& token) {
  TARN_ASSERT(running_ < limits_.running_max, "more queries run than the limit allows");
  virtual_time_ = std::max(virtual_time_, token.start_tag);
  token.start_tag = virtual_time_ + 1 / token.weight;
  ++token.running;
  ++running_;
}

Admission::Token* Admission::NextToken() {
  const auto rank = [this](const Token& token) TARN_REQUIRES(mutex_) {
    return std::tuple(token.RunningShare(), std::max(virtual_time_, token.start_tag),
                      token.queue.front()->arrival);
  };
  Token* next = nullptr;
  for (auto& [name, token] : tokens_) {
    if (token.queue.empty() || !MayRunMore(token)) continue;
    if (next == nullptr || rank(token) < rank(*next)) next = &token;
  }
  return next;
}

void Admission::Settle() {
  Token* next = NextToken();
  while (next != nullptr && running_ < limits_.running_max) {
    const std::shared_ptr<Waiting> waiting = std::move(next->queue.front());
    next->queue.pop_front();
    --queued_;
    waiting->is_granted = true;
    waiting->query->wakeup().Wake();
    Grant(*next);
    next = NextToken();
  }
  if (next != nullptr) CancelBlockedFor(*next);
  // In an idle service, all tokens start again as equals.
  const bool is_idle = running_ == 0 && queued_ == 0;
  std::erase_if(tokens_, [&](const auto& entry) TARN_REQUIRES(mutex_) {
    const Token& token = entry.second;
    return token.running == 0 && token.slow_readers == 0 && token.queue.empty() &&
           (is_idle || token.start_tag <= virtual_time_);
  });
}

void Admission::CancelBlockedFor(const Token& token) {
  auto most = blocked_.end();
  for (auto it = blocked_.begin(); it != blocked_.end(); ++it) {
    const Token& other = *it->second.token;
    if (&other == &token || other.RunningShare() < token.Share(token.running + 1)) continue;
    if (most == blocked_.end() || other.RunningShare() > most->second.token->RunningShare()) {
      most = it;
    }
  }
  if (most == blocked_.end()) return;
  if (const auto query = most->second.query.lock()) {
    query->Cancel(Unavailable("the reader is slow and other queries wait, read faster"));
  }
  blocked_.erase(most);
}

void Admission::NoteSlowReader(Permit& permit, const std::shared_ptr<Query>& query) {
  const MutexLock lock(mutex_);
  if (permit.is_slow_reader_) return;
  Token& token = *permit.token_;
  if (slow_readers_ < limits_.slow_readers_max &&
      IsWithin(token.slow_readers, limits_.token_slow_readers_max, token)) {
    permit.is_slow_reader_ = true;
    ++slow_readers_;
    ++token.slow_readers;
    --token.running;
    --running_;
  } else {
    blocked_.emplace(permit.number_, Blocked{.token = &token, .query = query});
  }
  Settle();
}

void Admission::Leave(const Permit& permit) {
  const MutexLock lock(mutex_);
  if (permit.is_slow_reader_) {
    TARN_ASSERT(slow_readers_ > 0 && permit.token_->slow_readers > 0,
                "a permit was given back twice");
    --slow_readers_;
    --permit.token_->slow_readers;
  } else {
    TARN_ASSERT(running_ > 0 && permit.token_->running > 0, "a permit was given back twice");
    blocked_.erase(permit.number_);
    --permit.token_->running;
    --running_;
  }
  Settle();
}

size_t Admission::running() const {
  const MutexLock lock(mutex_);
  return running_;
}

size_t Admission::queued() const {
  const MutexLock lock(mutex_);
  return queued_;
}

}  // namespace tarn::queryd
