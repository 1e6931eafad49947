#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/owner_turns.h"
#include "base/time.h"

namespace tarn::queryd {

// The datasets that wait for a probe. There may be very many of them: only some are probed at the
// same time.
//
// Those that a query waits for come first. Others take turns between their owners, so that the many
// datasets of one owner do not delay those of another, and so do those that failed, once they are
// due.
//
// Thread-safe.
class ProbeQueue {
 public:
  using Clock = std::chrono::steady_clock;

  struct Dataset {
    std::string name;
    std::string owner;
    size_t objects = 0;
  };
  // Adds a dataset that is new or has changed. An entry of the same name is replaced.
  void Add(Dataset dataset);
  // Adds a dataset whose probe is to be repeated. It is not taken before `due`.
  void AddLater(Dataset dataset, Clock::time_point due, bool has_failed);
  void Remove(const std::string& name);
  bool Contains(const std::string& name) const;

  // Has a dataset that was added by Add taken before the others: a query waits for it.
  void Hurry(const std::string& name);
  // Has all that were added by AddLater taken as if they were due.
  void MakeAllDue();

  // Each removes the dataset from the queue; nothing if there is none.
  std::optional<std::string> TakeHurried();
  std::optional<std::string> TakeNew();
  std::optional<std::string> TakeDue();

  bool HasNew() const;  // Hurried ones too.
  bool HasDue();
  // When the first of those that were added by AddLater is due.
  std::optional<Clock::time_point> NextDue() const;

  struct Waiting {
    std::string name;
    UnixMicros since;
    size_t objects = 0;
  };
  // The datasets of which no probe has failed.
  std::vector<Waiting> Unread() const;
  size_t unread_count() const;

 private:
  using Later = std::set<std::pair<Clock::time_point, std::string>>;
  struct Entry {
    Dataset dataset;
    const UnixMicros since;
    std::optional<Clock::time_point> due;  // Nothing: by Add.
    bool has_failed = false;
    bool is_due = false;  // In due_, and not in later_ any more.
    bool is_hurried = false;
    bool is_removed = false;  // Where a queue still has it.
  };
  using EntryPointer = std::shared_ptr<Entry>;

  // All need mutex_.
  void Put(EntryPointer entry);
  void Erase(const std::string& name);
  std::string Take(const EntryPointer& entry);
  void MoveDue(Clock::time_point until);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, EntryPointer> entries_;  // guarded by mutex_; by name
  // Of entries_, and some that were removed.
  OwnerTurns<EntryPointer> new_;      // guarded by mutex_
  OwnerTurns<EntryPointer> due_;      // guarded by mutex_
  std::deque<EntryPointer> hurried_;  // guarded by mutex_
  Later later_;                       // guarded by mutex_
  size_t new_count_ = 0;              // guarded by mutex_
  size_t due_count_ = 0;              // guarded by mutex_
  size_t failed_count_ = 0;           // guarded by mutex_
};

}  // namespace tarn::queryd
