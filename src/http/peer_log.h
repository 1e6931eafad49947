#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/mutex.h"
#include "base/text_hash.h"

namespace tarn::http {

// Writes at most one log line for each client address and interval, so that a client cannot fill
// the log. The first line is written at once. Later lines within the interval are counted, and one
// line at its end reports their number.
//
// Thread-safe. Owned by a shared pointer, because its timers hold references.
class PeerLog : public std::enable_shared_from_this<PeerLog> {
 public:
  // The limit of addresses with their own line in an interval. Further addresses share one line.
  static constexpr size_t kPeersMax = 1000;

  struct Line {
    std::string peer;
    std::string detail;       // The detail given to the last Add().
    uint64_t suppressed = 0;  // The number of lines not written since the previous one.
  };
  using Writer = std::function<void(const Line&)>;

  PeerLog(Duration interval, Writer write) : interval_(interval), write_(std::move(write)) {}

  // `executor` runs the timer of the interval.
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
  Mutex mutex_;
  TextMap<Counted> counted_ TARN_GUARDED_BY(mutex_);  // Those in an interval.
};

}  // namespace tarn::http
