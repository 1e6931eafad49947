#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/text_hash.h"
#include "duck/database.h"
#include "engine/connection/watchdog.h"
#include "engine/views/object_check.h"
#include "protocol/messages.h"

namespace tarn::engine {

// The datasets of the current catalogue revision, and the views that DuckDB has for them.
//
// A new revision takes effect at once and completely, because no object is read for it. The view of
// a dataset is created when a query first names it, on the connection of that query. A query sees
// one revision in these steps:
//
//  1. TakeCut returns the datasets that the query names, all from the same revision.
//  2. Pin creates their views in DuckDB, and prevents other queries from replacing them.
//  3. The pins are released when the query is bound. From then on, later changes do not affect it.
//
// Queries of the same revision pin the same views. After a change, a query that names a changed
// dataset waits until the earlier queries are bound.
//
// Queries that list the datasets (SHOW TABLES) get outlines of the views that no query has named:
// views with the names and types of the columns, created without reading objects.
//
// Thread-safe.
class Views {
 public:
  Views(const protocol::ObjectStore& store, protocol::ApplyViews known);

  // Ignores the case of the name.
  bool IsDataset(std::string_view name) const;

  void Apply(protocol::ApplyViews change);

  // Datasets from one revision.
  class Cut;
  // Returns the cut of `datasets`, or of all datasets with `all`. Returns nullopt if one of
  // `datasets` is not a dataset, or one of `others` is. The gate must then check the query again.
  std::optional<Cut> TakeCut(const std::vector<std::string>& datasets,
                             const std::vector<std::string>& others, bool all) const;

  // Waits until no dataset of the cut is pending, or until the deadline.
  void WaitForPending(const Cut& cut, Deadline deadline) const;

  // Protects views from replacement while it exists.
  class Pins;
  // Creates and pins the views of a cut. Call it inside the query's task, on a connection without a
  // running statement. The error names the dataset whose view cannot be created.
  Result<Pins> Pin(duck::Connection& connection, const WatchedTask& task, const Cut& cut);

 private:
  using DatasetPointer = protocol::ViewPointer;

  // The view that DuckDB has under a name.
  struct Slot {
    std::string name;
    uint64_t version = 0;  // 0 if there is no view.
    bool is_outline = false;
    size_t pins = 0;
    bool is_changing = false;
  };
  // A name in lower case, and the dataset that DuckDB should have there; null for none.
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

  mutable Mutex mutex_;
  std::condition_variable_any changed_;          // A slot or its pins changed.
  mutable std::condition_variable_any applied_;  // A change was applied.
  uint64_t revision_ TARN_GUARDED_BY(mutex_);
  // The keys of both are names in lower case.
  TextMap<DatasetPointer> datasets_ TARN_GUARDED_BY(mutex_);
  TextMap<Slot> slots_ TARN_GUARDED_BY(mutex_);
};

class Views::Cut {
 public:
  uint64_t revision() const { return revision_; }
  std::vector<protocol::DatasetRead> Reads() const;
  // Returns the datasets that are still being read, without those that the query only lists.
  std::vector<std::string> Pending() const;
  // Returns the object of one of the datasets that an error message of DuckDB names.
  std::optional<KnownObject> FindObject(std::string_view message) const;
  // Returns the first objects of the datasets, at most `count_max`.
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
