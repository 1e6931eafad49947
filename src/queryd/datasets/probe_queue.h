#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/owner_turns.h"
#include "base/text_hash.h"
#include "base/time.h"

namespace tarn::queryd {

// The datasets that wait for a probe. There can be 100,000 of them, and only a few are probed at
// the same time.
//
// Datasets that a query waits for come first. New datasets take turns between their owners, so that
// an owner with many datasets does not delay the others. So do those that a query waits for, and
// retries, once they are due.
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
  // Adds a dataset for another probe, not before `due`.
  void AddLater(Dataset dataset, Clock::time_point due, bool has_failed);
  void Remove(const std::string& name);
  bool Contains(const std::string& name) const;

  // Moves a dataset that was added by Add before the others, because a query waits for it.
  void Hurry(const std::string& name);
  // Makes all datasets that were added by AddLater due.
  void MakeAllDue();

  // Each removes a dataset of an owner for which `may_take` returns true, and returns its name;
  // nullopt if there is none.
  using MayTake = std::function<bool(const std::string& owner)>;
  std::optional<std::string> TakeHurried(const MayTake& may_take);
  std::optional<std::string> TakeNew(const MayTake& may_take);
  std::optional<std::string> TakeDue(const MayTake& may_take);

  bool HasNew() const;  // Includes hurried datasets.
  bool HasDue();
  // The earliest due time of the datasets that were added by AddLater.
  std::optional<Clock::time_point> NextDue() const;

  struct Waiting {
    std::string name;
    UnixMicros since;
    size_t objects = 0;
  };
  // Calls the function for each dataset without a failed probe. It must not use the queue.
  void VisitUnread(const std::function<void(const Waiting&)>& visit) const;
  size_t unread_count() const;

 private:
  using Later = std::set<std::pair<Clock::time_point, std::string>>;
  struct Entry {
    Dataset dataset;
    const UnixMicros since;
    std::optional<Clock::time_point> due;  // nullopt: added by Add.
    bool has_failed = false;
    bool is_due = false;  // In due_, no longer in later_.
    bool is_hurried = false;
    bool is_removed = false;  // A queue may still contain the entry.
  };
  using EntryPointer = std::shared_ptr<Entry>;

  void Put(EntryPointer entry) TARN_REQUIRES(mutex_);
  void Erase(const std::string& name) TARN_REQUIRES(mutex_);
  std::optional<std::string> TakeFrom(OwnerTurns<EntryPointer>& turns, const MayTake& may_take)
      TARN_REQUIRES(mutex_);
  void MoveDue(Clock::time_point until) TARN_REQUIRES(mutex_);

  mutable Mutex mutex_;
  TextMap<EntryPointer> entries_ TARN_GUARDED_BY(mutex_);  // By name.
  // Entries of entries_, and some that were removed.
  OwnerTurns<EntryPointer> new_ TARN_GUARDED_BY(mutex_);
  OwnerTurns<EntryPointer> due_ TARN_GUARDED_BY(mutex_);
  OwnerTurns<EntryPointer> hurried_ TARN_GUARDED_BY(mutex_);
  Later later_ TARN_GUARDED_BY(mutex_);
  size_t new_count_ TARN_GUARDED_BY(mutex_) = 0;
  size_t due_count_ TARN_GUARDED_BY(mutex_) = 0;
  size_t failed_count_ TARN_GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::queryd
