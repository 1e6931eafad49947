#include "http/peer_log.h"

#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace tarn::http {

namespace asio = boost::asio;

void PeerLog::Add(const asio::any_io_executor& executor, const std::string& peer,
                  std::string detail) {
  static const std::string kOthers = "others";
  std::string key;
  {
    const MutexLock lock(mutex_);
    const bool has_room = counted_.size() < kPeersMax || counted_.contains(peer);
    key = has_room ? peer : kOthers;
    const auto [counted, is_first] = counted_.try_emplace(key);
    if (!is_first) {
      ++counted->second.suppressed;
      counted->second.detail = std::move(detail);
      return;
    }
  }
  write_({.peer = key, .detail = std::move(detail)});
  StartInterval(executor, key);
}

void PeerLog::StartInterval(const asio::any_io_executor& executor, const std::string& peer) {
  const auto timer = std::make_shared<asio::steady_timer>(executor, interval_);
  timer->async_wait(
      [self = shared_from_this(), timer, executor, peer](const boost::system::error_code& code) {
        if (!code) self->EndInterval(executor, peer);
      });
}

void PeerLog::EndInterval(const asio::any_io_executor& executor, const std::string& peer) {
  Line line{.peer = peer};
  {
    const MutexLock lock(mutex_);
    const auto counted = counted_.find(peer);
    if (counted == counted_.end()) return;
    line.suppressed = std::exchange(counted->second.suppressed, 0);
    line.detail = std::move(counted->second.detail);
    if (line.suppressed == 0) {
      counted_.erase(counted);
      return;
    }
  }
  write_(line);
  StartInterval(executor, peer);
}

}  // namespace tarn::http
