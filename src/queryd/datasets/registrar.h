#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "base/time.h"
#include "queryd/datasets/catalog_source.h"
#include "queryd/datasets/crashed_probes.h"
#include "queryd/datasets/probe_queue.h"
#include "queryd/datasets/schema_budget.h"
#include "queryd/datasets/wanted_dataset.h"
#include "queryd/execution/view_target.h"

namespace tarn::queryd {

struct RefreshResult {
  uint64_t created = 0;
  uint64_t updated = 0;
  uint64_t dropped = 0;
  uint64_t skipped = 0;
  // The errors of datasets, or the error of the catalogue.
  std::vector<std::string> errors;
  // Datasets whose objects were overwritten without a change of the catalogue.
  std::vector<std::string> overwritten;
  // The notes on datasets that went live, with their names; see protocol::DatasetSchema.
  std::vector<std::pair<std::string, std::string>> notes;
  // The number of received objects and columns, as a measure for the used memory.
  uint64_t items = 0;
  bool catalog_read = false;
  std::string catalog_error;  // The error of the catalogue; it is in `errors` too.
  Duration took{0};           // Does not include the wait for a change.

  bool changed() const { return created + updated + dropped > 0; }
  bool has_news() const { return changed() || !errors.empty() || !overwritten.empty(); }
};

// A dataset whose present state in the catalogue is not visible to queries.
struct FailedDataset {
  std::string name;
  std::string error;
  UnixMicros since;
  int tries = 0;
  bool has_former = false;  // Queries see its former state.
};

// A dataset that is being probed. Queries see its former state, or an error if it has none.
struct DatasetBeingRead {
  std::string name;
  UnixMicros since;
  size_t objects = 0;
  uint64_t objects_read = 0;
};

// A dataset as queries see it.
struct LiveDataset {
  size_t objects = 0;
  std::optional<int64_t> rows;   // The number in the catalogue.
  std::optional<int64_t> bytes;  // nullopt if the catalogue does not have the size of each object.
  protocol::ViewPointer view;
};

// The selection of the datasets in a status.
struct StatusRequest {
  std::function<bool(const std::string& name)> is_wanted;
  size_t entries_max = 0;  // The limit for each list.
};

// The bytes of the texts of an entry of a status.
inline size_t TextBytes(const FailedDataset& failed) {
  return failed.name.size() + failed.error.size();
}
inline size_t TextBytes(const DatasetBeingRead& dataset) { return dataset.name.size(); }
inline size_t TextBytes(const std::pair<std::string, std::string>& note) {
  return note.first.size() + note.second.size();
}

// The first entries of a list, and the number of all.
template <class Entry>
struct StatusList {
  // No entry is added to a list with more bytes of texts.
  static constexpr size_t kTextBytesMax = 2'000'000;

  std::vector<Entry> entries;
  size_t count = 0;
  size_t text_bytes = 0;

  // Counts an entry, and keeps it if there is room.
  template <class Make>
  void Add(size_t entries_max, const Make& make) {
    if (count++ >= entries_max || text_bytes > kTextBytesMax) return;
    entries.push_back(make());
    text_bytes += TextBytes(entries.back());
  }
};

struct CatalogStatus {
  uint64_t revision = 0;  // The revision that queries see; 0: unknown.
  size_t datasets = 0;
  bool follows = false;               // The catalogue reports its changes.
  std::optional<UnixMicros> read_at;  // The time of the last answer of the catalogue.
  std::string error;                  // The error of a later read; empty: no error.
  StatusList<FailedDataset> failed;   // Ordered by name.
  StatusList<DatasetBeingRead> being_read;
  // Notes for the users of a dataset: the name and the note, ordered by name.
  StatusList<std::pair<std::string, std::string>> notes;
};

// Updates the views of the engine from the catalogue. A dataset that has changed is probed, which
// delays no query, and then goes live together with the other datasets that are ready. A dataset
// whose probe is slow or fails keeps its former view and delays no other dataset. A failed probe is
// repeated.
//
// A dataset that was being decoded when the process of its probe ended is probed again, alone in a
// process. If that process ends too, the dataset is not probed again until it changes.
//
// Not thread-safe, except for Status, Live and Hurry.
class Registrar {
 public:
  // The pause before Follow probes a failed dataset again. It doubles with each try.
  struct Pauses {
    Duration first = std::chrono::seconds(1);
    Duration longest = std::chrono::seconds(30);
  };
  // `probed_max`: the most datasets that are probed at the same time. The others wait.
  Registrar(ViewTarget& views, CatalogSource& catalog, const Pauses& pauses, size_t probed_max,
            CrashedProbes crashed = {}, SchemaBudget::Limits schemas = {})
      : views_(views),
        catalog_(catalog),
        pauses_(pauses),
        probed_max_(probed_max),
        crashed_(std::move(crashed)),
        schemas_(schemas) {}

  // Drops the views of deleted datasets, creates those of new datasets, and replaces those of
  // datasets with another updated_at. Repeats all failed probes. The first call, and each call for
  // a catalogue that cannot report changes, waits until all probes have ended or the deadline has
  // passed. Probes that still run are collected by the next call of Refresh, Follow or Collect.
  RefreshResult Refresh(Deadline deadline, const std::stop_token& stop = {});

  // The same for changes within `wait`, and for failed datasets whose pause is over. `timeout` is
  // the time limit of the change itself. For a catalogue that can report changes.
  RefreshResult Follow(Duration wait, Duration timeout, const std::stop_token& stop);
  bool Follows() const { return !position_.empty(); }
  // Applies the results of probes that have ended, or end within a moment.
  RefreshResult Collect(Duration timeout);
  // Returns true if probes or checks for overwrites are running, or if probes wait.
  bool IsReading() const { return !reading_.empty() || !checks_.empty() || queue_.HasNew(); }
  // Moves a dataset before the others that wait for a probe, because a query waits for it.
  void Hurry(const std::string& dataset) { queue_.Hurry(dataset); }
  // Starts to compare the ETags of these datasets' objects with the ETags that were read with their
  // footers, for objects whose ETags are not in the catalogue. Checks at most `objects_max`
  // objects; the datasets that this limit leaves out are the first ones of the next call. A dataset
  // with an overwritten object is probed again.
  void CheckForOverwrites(const std::set<std::string>& names, uint64_t objects_max,
                          Deadline deadline);
  // The time of the next try of a failed dataset.
  std::optional<std::chrono::steady_clock::time_point> NextTry() const;

  // The datasets that have a view.
  size_t dataset_count() const { return live_.size(); }
  size_t probed_count() const { return reading_.size(); }
  // The datasets that wait for their first probe, or for the probe of a change.
  size_t waiting_count() const { return queue_.unread_count() + suspects_.size(); }
  // The versions of datasets that are not probed, because their probes ended processes.
  size_t crashed_count() const { return crashed_.size(); }
  // The memory for the columns of all datasets that have a view.
  uint64_t schema_bytes() const { return schemas_.bytes(); }
  CatalogStatus Status(const StatusRequest& request) const;
  // The time of the catalogue's latest answer, and the error since then; see CatalogStatus.
  struct LastRead {
    std::optional<UnixMicros> at;
    std::string error;
  };
  LastRead GetLastRead() const;
  // The handler is called after each change of the status.
  void OnStatus(std::function<void()> handler) { on_status_ = std::move(handler); }
  using LiveDatasets = std::map<std::string, std::shared_ptr<const LiveDataset>>;
  // The first `count` datasets whose names are after `name`, in the order of their names; nullopt:
  // from the first.
  std::vector<LiveDatasets::value_type> LiveAfter(const std::optional<std::string>& name,
                                                  size_t count) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Failure {
    std::string error;
    bool is_temporary = false;  // The object store does not respond, or not in time.
    UnixMicros since;
    int tries = 0;
    Clock::time_point next_try;
  };
  // A dataset that has an error in place of a view.
  struct BrokenView {
    std::string name;
    std::string reason;  // The reason of a failed probe; empty while the probe runs.
    bool is_temporary = false;
  };
  // A dataset that is being probed.
  struct Reading {
    protocol::ViewSpec view;
    PendingProbe probe;
    std::string owner = {};
    UnixMicros updated_at;  // That of the manifest.
    UnixMicros since;
    bool is_alone = false;  // See ProbeRequest.
    bool is_retry = false;  // See ProbeRequest.
  };
  // The ETags that were read with the footers, in the order of the dataset's objects.
  struct Learned {
    TextList etags;
    size_t next = 0;  // The next object to check, modulo their number.
  };
  // A change of the views.
  struct Change {
    std::vector<std::string> drop = {};
    std::vector<protocol::ViewPointer> put = {};  // Datasets whose probes succeeded.
    std::vector<BrokenView> put_broken = {};
    std::set<std::string> learned = {};  // The datasets of `put` whose ETags come from the probe.
    // The notes on the datasets of `put`; see protocol::DatasetSchema.
    std::map<std::string, std::vector<std::string>> notes = {};
  };

  // Updates wanted_ and dirty_ from a read of the catalogue.
  void Take(CatalogRead read, RefreshResult& result);
  void TakeManifest(const catalog::Manifest& manifest, RefreshResult& result);
  void Forget(const std::string& name);
  void TakeChecks(RefreshResult& result);
  // Adds a dataset of wanted_ to those that wait for a probe.
  void AddToQueue(const std::string& name);
  void AddToQueueLater(const std::string& name, Clock::time_point due);
  void AddForgotten();
  // Starts the probes of changed datasets.
  void StartProbes(Deadline deadline, bool all_failed, RefreshResult& result);
  // Starts waiting probes, up to the limit.
  void FillWindow(Deadline deadline, RefreshResult& result);
  struct Window;
  std::optional<std::string> NextToProbe(Window& window);
  void AddRequest(const std::string& name, bool is_hurried, Window& window, RefreshResult& result);
  void AddSuspect(Window& window, RefreshResult& result);
  void Start(Window window, Deadline deadline);
  // Handles a probe whose process ended.
  void TakeLost(const Reading& reading, RefreshResult& result);
  // Waits a moment for running probes, and applies the results of those that have ended.
  void ApplyReady(Deadline deadline, RefreshResult& result);
  void CollectProbes(Deadline until, Change& change, RefreshResult& result);
  // Adds the dataset of a probe that succeeded to the change.
  void TakeSchema(protocol::ViewSpec view, ViewTarget::Schema schema, Change& change,
                  RefreshResult& result);
  void GoLive(Change& change, Deadline deadline, RefreshResult& result);
  bool IsBroken(const std::string& name) const;
  // Returns the dataset that gets the view, among those in the catalogue whose names equal this
  // name except for ASCII case. It is the oldest one. Among equally old ones, it is the one with a
  // view, or else the first by name.
  std::string OldestNamesake(const std::string& name) const;
  // The names in wanted_ that equal this name except for case.
  std::vector<std::string> Namesakes(const std::string& name) const;
  // The name in live_ that equals this name except for case, or null.
  const std::string* LiveNamesake(const std::string& name) const;
  // Queues the datasets that could not have a view because of a removed one.
  void FreeName(const std::string& name);
  void PutBroken(Change& change) const;
  protocol::ViewPointer ToErrorView(const BrokenView& broken);
  void Fail(const std::string& name, const Error& error, RefreshResult& result);
  void Finish(Clock::time_point start, RefreshResult& result);
  void PublishStatus(const RefreshResult& result);

  ViewTarget& views_;
  CatalogSource& catalog_;
  const Pauses pauses_;
  const size_t probed_max_;
  std::function<void()> on_status_;

  // The last read state of the catalogue. Names in SQL ignore the case.
  std::map<std::string, WantedDataset, LessIgnoringCase> wanted_;
  // The datasets that have a view, with their updated_at. No two names are equal except for case.
  std::map<std::string, UnixMicros, LessIgnoringCase> live_;
  TextSet dirty_;                          // The names whose state differs in wanted_ and live_.
  std::set<std::string> to_drop_;          // The names that have a view and are not in wanted_.
  std::map<std::string, Failure> failed_;  // A part of dirty_.
  // Each name of dirty_ is in one of the next three.
  ProbeQueue queue_;
  std::map<std::string, Reading> reading_;
  // Datasets whose probes may have ended their process. They are probed one at a time.
  std::set<std::string> suspects_;
  uint64_t probes_started_ = 0;
  Duration object_timeout_{0};  // The time limit for the next probes.
  // Names whose error view may be missing or out of date.
  std::set<std::string> to_show_;
  CrashedProbes crashed_;
  SchemaBudget schemas_;  // For the datasets of live_.
  bool has_refreshed_ = false;
  TextMap<Learned> learned_;  // For datasets of live_.
  std::map<std::string, PendingProbe> checks_;
  std::vector<std::string> to_check_;  // The datasets beyond the limit of the last check.
  std::set<std::string> overwritten_;  // Names of dirty_ with overwritten objects.
  TextMap<BrokenView> broken_;         // By the name in lower case.
  std::string position_;               // The position of wanted_.
  uint64_t revision_ = 0;              // The revision of wanted_.
  uint64_t live_revision_ = 0;
  uint64_t last_version_ = 0;  // The last version of a view.

  mutable Mutex mutex_;
  CatalogStatus status_ TARN_GUARDED_BY(mutex_);                 // Without its lists.
  std::vector<FailedDataset> failures_ TARN_GUARDED_BY(mutex_);  // As of the last PublishStatus.
  // `objects_read` is null before the probe starts.
  struct ShownReading {
    DatasetBeingRead dataset;
    std::shared_ptr<const std::atomic<uint64_t>> objects_read = nullptr;
  };
  std::vector<ShownReading> readings_ TARN_GUARDED_BY(mutex_);                     // Not in queue_.
  LiveDatasets datasets_ TARN_GUARDED_BY(mutex_);                                  // From live_.
  std::map<std::string, std::vector<std::string>> notes_ TARN_GUARDED_BY(mutex_);  // From live_.
};

}  // namespace tarn::queryd
