#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/duration.h"

namespace tarn::http {

// Writes at most one log line for each client address and interval,
// so that a client cannot fill the log. The first one is written at once. Those that follow within
// the interval are counted, and one line at its end has their number.
//
// Thread-safe. Owned by a shared pointer: its timers keep it.
class PeerLog : public std::enable_shared_from_this<PeerLog> {
 public:
  // Addresses with a line in this interval. All others share one.
  static constexpr size_t kPeersMax = 1000;

  struct Line {
    std::string peer;
    std::string detail;       // As given to Add(); of several, the last.
    uint64_t suppressed = 0;  // Lines that this one stands for, besides itself: 0 for the first.
  };
  using Writer = std::function<void(const Line&)>;

  PeerLog(Duration interval, Writer write) : interval_(interval), write_(std::move(write)) {}

  // The executor runs the interval's timer.
  void Add(const boost::asio::any_io_executor& executor, const std::string& peer,
           std::string detail = "");

 private:
  struct Counted {
    uint64_t suppressed = 0;
    std::string detail;
  };
  void StartInterval(const boost::asio::any_io_executor& executor, const std::string& peer);
  void EndInterval(const boost::asio::any_io_executor& executor, const std::string& peer);

  const Duration interval_;
  const Writer write_;
  std::mutex mutex_;
  std::unordered_map<std::string, Counted> counted_;  // guarded by mutex_; those in an interval
};

}  // namespace tarn::http
