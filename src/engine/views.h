#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "engine/connection_factory.h"
#include "engine/view_writer.h"
#include "engine/watchdog.h"
#include "protocol/messages.h"

namespace tarn::engine {

// The datasets that SQL can name, and which of them DuckDB has a view for.
//
// Making a view reads its objects. So one that is known to be good (another engine process had it)
// is made when a query first names it, on the query's own connection: a new process is ready at
// once, however many datasets there are.
//
// Thread-safe.
class Views {
 public:
  Views(const protocol::ObjectStore& store, ConnectionFactory& factory,
        std::shared_ptr<Watchdog> watchdog, const std::vector<protocol::ViewSpec>& known);

  // Whatever its case.
  bool IsDataset(std::string_view name) const;
  // Grows with each change: what was judged under another one must be judged again.
  uint64_t generation() const { return generation_; }

  // Makes those views that are not there yet; the error names the dataset. On a connection that
  // runs nothing, inside the query's task.
  Result<> Make(duck::Connection& connection, const WatchedTask& task,
                const std::vector<std::string>& names);
  Result<> MakeAll(duck::Connection& connection, const WatchedTask& task);

  // Creates or replaces the view at once, which reads its objects. After an error the former one
  // stays.
  Result<> Put(const protocol::ViewSpec& view, Deadline deadline);
  // The same for one that is known to be good.
  void PutKnown(const protocol::ViewSpec& view);
  // It is no error when the view is not there.
  Result<> Drop(const std::string& name, Deadline deadline);

 private:
  struct Entry {
    protocol::ViewSpec view;
    bool made = false;    // DuckDB has it.
    uint64_t put_at = 0;  // The generation that it began.
  };
  // One name is changed by one thread at a time. Claim waits until nobody else does, false when
  // `give_up` says so first.
  bool Claim(const std::string& key, const std::function<bool()>& give_up);
  void Release(const std::string& key);
  Result<> MakeOne(duck::Connection& connection, const WatchedTask& task, const std::string& key);

  const protocol::ObjectStore store_;
  ViewWriter writer_;
  std::atomic<uint64_t> generation_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::unordered_map<std::string, Entry> entries_;  // guarded by mutex_; by name in lower case
  std::unordered_set<std::string> claimed_;         // guarded by mutex_; the same names
};

}  // namespace tarn::engine
