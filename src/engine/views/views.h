#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "duck/database.h"
#include "engine/connection/watchdog.h"
#include "engine/views/object_check.h"
#include "protocol/messages.h"

namespace tarn::engine {

// The datasets of one revision of the catalogue, and which of them DuckDB has a view for.
//
// Another revision takes effect at once and as a whole, since nothing is read for it: the view of
// a dataset is made when a query first names it, on the query's own connection. So that a query
// sees one revision,
//
//  1. TakeCut says what the datasets that it names are, as of one moment,
//  2. Pin gives DuckDB the views of these, and keeps others from replacing them
//  3. until the query is bound: from then on DuckDB reads what it has found, whatever comes.
//
// Queries of the same revision pin the same views. One that came after a change waits for the
// former ones to be bound, and only where it names a dataset that has changed.
//
// Whoever asks what there is (SHOW TABLES) gets outlines of views that no query has named yet:
// names and types of columns, made without reading.
//
// Thread-safe.
class Views {
 public:
  Views(const protocol::ObjectStore& store, protocol::ApplyViews known);

  // Whatever its case.
  bool IsDataset(std::string_view name) const;

  void Apply(protocol::ApplyViews change);

  // What some names are at one moment.
  class Cut;
  // None when not all of `datasets` are datasets, or one of `others` is: what was judged by that
  // must be judged again. With `all`, the cut has all datasets.
  std::optional<Cut> TakeCut(const std::vector<std::string>& datasets,
                             const std::vector<std::string>& others, bool all) const;

  // Waits until none of the cut's datasets is pending, or until the deadline.
  void WaitForPending(const Cut& cut, Deadline deadline) const;

  // Views that nobody replaces while this lives.
  class Pins;
  // On a connection that runs nothing, inside the query's task. The error names the dataset whose
  // view cannot be made.
  Result<Pins> Pin(duck::Connection& connection, const WatchedTask& task, const Cut& cut);

 private:
  using DatasetPointer = protocol::ViewPointer;

  // What DuckDB has under a name.
  struct Slot {
    std::string name;
    uint64_t version = 0;  // 0: nothing.
    bool is_outline = false;
    size_t pins = 0;
    bool is_changing = false;
  };
  // A name in lower case and what DuckDB should have there; null: nothing.
  struct Wanted {
    std::string key;
    DatasetPointer dataset;
    bool outline_is_enough;
  };

  static bool IsOutline(const Wanted& wanted);
  Result<> PinOne(duck::Connection& connection, const WatchedTask& task, const Wanted& wanted);
  Result<> Change(duck::Connection& connection, const Wanted& wanted, const std::string& former);
  void Unpin(const std::vector<std::string>& keys);

  const protocol::ObjectStore store_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;                           // A slot, or its pins.
  mutable std::condition_variable applied_;                   // A change.
  uint64_t revision_;                                         // guarded by mutex_
  std::unordered_map<std::string, DatasetPointer> datasets_;  // guarded by mutex_; in lower case
  std::unordered_map<std::string, Slot> slots_;               // guarded by mutex_; the same
};

class Views::Cut {
 public:
  uint64_t revision() const { return revision_; }
  std::vector<protocol::DatasetRead> Reads() const;
  // The datasets that are still being read, without those that the query only lists.
  std::vector<std::string> Pending() const;
  // The object of one of the datasets that an error message of DuckDB names.
  std::optional<KnownObject> FindObject(std::string_view message) const;
  // The first objects of the datasets, at most so many.
  std::vector<KnownObject> Objects(size_t count_max) const;

 private:
  friend class Views;
  uint64_t revision_ = 0;
  std::vector<Wanted> wanted_;  // In the order of their names, each once.
};

class Views::Pins {
 public:
  Pins(Pins&& other) noexcept;
  Pins& operator=(Pins&&) = delete;
  ~Pins();

 private:
  friend class Views;
  explicit Pins(Views& views) : views_(&views) {}

  Views* views_;
  std::vector<std::string> keys_;
};

}  // namespace tarn::engine
