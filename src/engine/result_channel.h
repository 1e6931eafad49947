#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "engine/engine.h"

namespace tarn::engine {

// The way of one result from the thread that computes it to whoever reads it: bounded, so that a
// slow reader holds its query back and memory does not grow with the result.
//
// Thread-safe; one writer and one reader.
class ResultChannel {
 public:
  explicit ResultChannel(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Blocks while the channel is full. False when nobody will read any more.
  bool Write(std::string bytes);
  // The last event: an end or an error. Never blocks; a second one is dropped.
  void Finish(QueryEvent last);

  // See QueryStream::Next.
  void Next(std::function<void(QueryEvent)> on_event);
  // Nobody reads any more: wakes the writer.
  void Abandon();

 private:
  std::optional<QueryEvent> TakeEvent();  // Needs mutex_.

  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable space_;
  std::deque<std::string> chunks_;           // guarded by mutex_
  size_t bytes_ = 0;                         // guarded by mutex_: of chunks_
  std::optional<QueryEvent> last_;           // guarded by mutex_
  bool finished_ = false;                    // guarded by mutex_: last_ was set once
  bool abandoned_ = false;                   // guarded by mutex_
  std::function<void(QueryEvent)> waiting_;  // guarded by mutex_: the reader's callback
};

}  // namespace tarn::engine
