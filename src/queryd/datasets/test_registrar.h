#pragma once

// A registrar for tests, with an engine and a catalogue that record calls and fail on request.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <set>

#include "queryd/datasets/registrar.h"

namespace tarn::queryd {

using testing::ElementsAre;
using testing::HasSubstr;

inline std::string KeyOf(const protocol::ViewSpec& view) { return std::string(view.keys[0]); }

// The whole status.
inline CatalogStatus StatusOf(const Registrar& registrar) {
  return registrar.Status(
      {.is_wanted = [](const std::string& /*name*/) { return true; }, .entries_max = SIZE_MAX});
}

// An engine that records changes of views, and fails the changes that the test names.
class RecordingEngine : public ViewTarget {
 public:
  std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests, Deadline) override {
    std::vector<PendingProbe> pending;
    for (const ProbeRequest& request : requests) {
      const std::string& name = request.view.name;
      if (request.only_etags) {
        calls.push_back("check " + name + " " + KeyOf(request.view) + " " +
                        std::string(request.view.etags[0]));
        std::promise<Result<Schema>> checked;
        checked.set_value(request.view.etags[0] == etag
                              ? Result<Schema>(Schema())
                              : Error{ErrorKind::kPrecondition, "overwritten"});
        pending.push_back({checked.get_future(), nullptr});
        continue;
      }
      calls.push_back("probe " + name + " " + KeyOf(request.view));
      retries[name] = request.is_retry;
      if (request.is_first) first.push_back(name);
      if (request.is_alone) alone.push_back(name);
      auto& probe = probes[name] = {};
      pending.push_back({probe.answer.get_future(), probe.objects_read, probe.suspect});
      if (!slow.contains(name)) Answer(name);
    }
    return pending;
  }
  // Sends the result of the probe of a slow dataset.
  void Answer(const std::string& name) {
    if (crashing.contains(name)) {
      *probes.at(name).suspect = 0;
      probes.at(name).answer.set_value(Error{ErrorKind::kCancelled, "the engine process ended"});
      return;
    }
    probes.at(name).answer.set_value(failing.contains(name) ? Result<Schema>(failure) : SchemaOf());
  }
  Schema SchemaOf() const {
    Schema schema{columns};
    if (!etag.empty()) schema.etags = {etag};
    return schema;
  }
  Result<> Apply(const ViewChange& change, Deadline) override {
    if (cannot_apply) return Internal("cannot change");
    std::string call = "apply " + std::to_string(change.revision);
    for (const std::string& name : change.drop) call += " -" + name;
    for (const std::string& name : change.pending) call += " ?" + name;
    for (const protocol::ViewPointer& each : change.put) {
      const protocol::ViewSpec& view = *each;
      if (!view.error.empty()) {
        call += (view.is_temporary ? " ~" : " !") + view.name;
        EXPECT_THAT(view.error, HasSubstr("it is registered, but it cannot be read since "));
        continue;
      }
      EXPECT_EQ(protocol::UnpackSchema(view.packed_schema).columns.size(), columns.size());
      call += " +" + view.name + ":" + KeyOf(view);
    }
    calls.push_back(call);
    return {};
  }

  std::vector<std::string> calls;
  std::set<std::string> failing;
  Error failure = InvalidArgument("no such object");
  std::set<std::string> crashing;  // Datasets whose probes end their process.
  std::vector<std::string> alone;  // Datasets that were probed alone.
  std::vector<std::string> first;  // Datasets that were probed because a query waits for them.
  std::set<std::string> slow;
  std::string etag;                                             // The ETag of all objects.
  std::vector<protocol::Column> columns = {{"id", "INTEGER"}};  // The columns of all datasets.
  struct Probing {
    std::promise<Result<Schema>> answer = {};
    std::shared_ptr<std::atomic<uint64_t>> objects_read = std::make_shared<std::atomic<uint64_t>>();
    std::shared_ptr<std::atomic<uint64_t>> suspect =
        std::make_shared<std::atomic<uint64_t>>(PendingProbe::kNoObject);
  };
  std::map<std::string, Probing> probes;
  std::map<std::string, bool> retries;
  bool cannot_apply = false;
};

// A catalogue that reports its changes if `tells` is true.
class ListedCatalog : public CatalogSource {
 public:
  Result<CatalogRead> Read(const std::string& position, Duration wait, Deadline,
                           const std::stop_token&) override {
    if (down) return Unavailable("connect: refused");
    waits.push_back(wait);
    CatalogRead read;
    read.revision = revision;
    if (tells) read.position = std::to_string(revision);
    if (position.empty() || forgot) {
      for (const auto& [name, manifest] : manifests) read.manifests.push_back(manifest);
      return read;
    }
    if (position == read.position) {
      read.changed = false;
      return read;
    }
    read.is_whole = false;
    const uint64_t since = std::stoull(position);
    for (const auto& [name, at] : changed_at) {
      if (at <= since) continue;
      const auto found = manifests.find(name);
      if (found == manifests.end()) {
        read.deleted.push_back(name);
      } else {
        read.manifests.push_back(found->second);
      }
    }
    return read;
  }
  void Add(const std::string& name, const std::string& key, int64_t updated_at,
           int64_t created_at = 0) {
    manifests[name] = {.name = name,
                       .content = {.objects = {{key}}},
                       .created_at = UnixMicros(std::chrono::microseconds(created_at)),
                       .updated_at = UnixMicros(std::chrono::microseconds(updated_at))};
    changed_at[name] = ++revision;
  }
  void Remove(const std::string& name) {
    manifests.erase(name);
    changed_at[name] = ++revision;
  }
  std::map<std::string, catalog::Manifest> manifests;
  std::map<std::string, uint64_t> changed_at;
  uint64_t revision = 0;
  bool tells = false;
  bool forgot = false;
  bool down = false;
  std::vector<Duration> waits;
};

constexpr size_t kProbedMax = 4;

class RegistrarTest : public testing::Test {
 protected:
  RecordingEngine engine;
  ListedCatalog catalog;
  Registrar registrar{engine,
                      catalog,
                      {.first = std::chrono::hours(1), .longest = std::chrono::hours(3)},
                      kProbedMax};

  RefreshResult Refresh(Deadline deadline = Deadline::Never()) {
    engine.calls.clear();
    return registrar.Refresh(deadline);
  }
  RefreshResult Follow() {
    engine.calls.clear();
    return registrar.Follow(std::chrono::seconds(7), std::chrono::seconds(5), {});
  }
  static std::string Counts(const RefreshResult& r) {
    return "created=" + std::to_string(r.created) + " updated=" + std::to_string(r.updated) +
           " dropped=" + std::to_string(r.dropped) + " skipped=" + std::to_string(r.skipped) +
           " errors=" + std::to_string(r.errors.size());
  }
};

}  // namespace tarn::queryd
