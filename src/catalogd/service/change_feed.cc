#include "catalogd/service/change_feed.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tarn::catalogd {

namespace asio = boost::asio;

void ChangeFeed::Wake(const std::shared_ptr<Waiter::State>& state) {
  asio::post(state->timer.get_executor(), [state] { state->timer.cancel(); });
}

void ChangeFeed::Announce(std::string_view name) {
  const MutexLock lock(mutex_);
  for (const auto& state : waiters_) {
    // A waiter with a pending change has already been woken.
    if (state->scope.Allows(name) && !state->changed.exchange(true)) Wake(state);
  }
}

void ChangeFeed::Close() {
  closed_ = true;
  const MutexLock lock(mutex_);
  for (const auto& state : waiters_) Wake(state);
}

size_t ChangeFeed::waiting() const {
  const MutexLock lock(mutex_);
  return waiters_.size();
}

std::unique_ptr<ChangeFeed::Waiter> ChangeFeed::Join(const asio::any_io_executor& executor,
                                                     const auth::DatasetScope& scope) {
  auto state = std::make_shared<Waiter::State>(executor, scope);
  const MutexLock lock(mutex_);
  if (waiters_.size() >= waiters_max_) return nullptr;
  waiters_.insert(state);
  return std::unique_ptr<Waiter>(new Waiter(*this, std::move(state)));
}

ChangeFeed::Waiter::~Waiter() {
  const MutexLock lock(feed_.mutex_);
  feed_.waiters_.erase(state_);
}

asio::awaitable<ChangeFeed::Outcome> ChangeFeed::Waiter::Wait(Deadline deadline,
                                                              http::ClientWatch& client) {
  State& state = *state_;
  client.OnDisconnect([&state] { state.timer.cancel(); });
  Outcome outcome = Outcome::kTimeout;
  // All conditions are checked on the strand. A later change posts its cancel to the strand, where
  // it runs after the wait has begun.
  while (true) {
    if (client.disconnected()) {
      outcome = Outcome::kDisconnected;
    } else if (state.changed.exchange(false)) {
      outcome = Outcome::kChanged;
    } else if (feed_.closed_) {
      outcome = Outcome::kClosed;
    } else if (!deadline.Passed()) {
      state.timer.expires_at(deadline.At());
      co_await state.timer.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    break;
  }
  client.OnDisconnect(nullptr);
  co_return outcome;
}

}  // namespace tarn::catalogd
