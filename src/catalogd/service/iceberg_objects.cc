#include "catalogd/service/iceberg_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"

namespace tarn::catalogd {
namespace {

prometheus::Counter& ObjectsCounter(Metrics& metrics, const char* change) {
  return metrics.Counter("tarn_iceberg_objects_total",
                         "Metadata objects of tables, written or removed", {{"change", change}});
}

prometheus::Counter& FailuresCounter(Metrics& metrics, const char* change) {
  return metrics.Counter("tarn_iceberg_object_failures_total",
                         "Metadata objects of tables that could not be written or removed",
                         {{"change", change}});
}

// The URIs that the metadata lists, and its own.
std::set<std::string> LiveObjects(const iceberg::Table& table) {
  std::set<std::string> live = {table.metadata_location};
  const auto metadata = nlohmann::json::parse(table.metadata);
  for (const auto& snapshot : metadata.at("snapshots")) {
    live.insert(snapshot.at("manifest-list").get<std::string>());
  }
  for (const auto& entry : metadata.at("metadata-log")) {
    live.insert(entry.at("metadata-file").get<std::string>());
  }
  return live;
}

}  // namespace

IcebergObjects::IcebergObjects(Store& store, const IcebergOptions& options,
                               const std::atomic<bool>& stopping, Metrics& metrics)
    : store_(store),
      clients_(options.metadata),
      bucket_uri_(options.bucket_uri),
      keep_(options.settings.snapshot_keep),
      old_objects_max_(static_cast<size_t>(options.settings.old_objects_max)),
      stopping_(stopping),
      written_(ObjectsCounter(metrics, "written")),
      removed_(ObjectsCounter(metrics, "removed")),
      write_failures_(FailuresCounter(metrics, "write")),
      remove_failures_(FailuresCounter(metrics, "remove")) {}

IcebergObjects::~IcebergObjects() { Stop(); }

std::optional<std::string> IcebergObjects::KeyOf(const std::string& uri) const {
  if (!uri.starts_with(bucket_uri_)) return std::nullopt;
  return uri.substr(bucket_uri_.size());
}

Result<> IcebergObjects::Write(const catalog::Manifest& dataset, const iceberg::Table& table,
                               Deadline deadline) {
  std::vector<std::string> uris;
  for (const iceberg::TableObject& object : table.objects) uris.push_back(object.uri);
  const IcebergState state{.field_ids = table.field_ids.ToJson(),
                           .metadata = table.metadata,
                           .metadata_location = table.metadata_location};
  const std::shared_lock lock(objects_mutex_);
  TARN_CHECK_OK(store_.BeginIcebergObjects(dataset, state, uris));
  TARN_CHECK_OK(Upload(table.objects, deadline));
  return store_.SaveIcebergState(dataset, state, LiveObjects(table));
}

Result<> IcebergObjects::Upload(const std::vector<iceberg::TableObject>& objects,
                                Deadline deadline) {
  const auto is_cancelled = [this] { return stopping_.load(); };
  for (const iceberg::TableObject& object : objects) {
    const auto write = [&](s3::Client& client) {
      return client.WriteBytes(*KeyOf(object.uri), object.bytes, deadline, is_cancelled);
    };
    const auto written = clients_.Use(write);
    if (!written.ok()) {
      write_failures_.Increment();
      return Unavailable(fmt::format(
          "cannot write {}: {}: give iceberg.access_key_id (or the keys of [s3]) the right to "
          "write below iceberg.metadata_prefix",
          object.uri, written.error().message));
    }
    written_.Increment();
  }
  return {};
}

void IcebergObjects::Start() {
  thread_ = std::thread([this] { RemoveUntilStopped(); });
  pthread_setname_np(thread_.native_handle(), "iceberg-remove");
}

void IcebergObjects::Stop() {
  {
    const MutexLock lock(mutex_);
    stop_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void IcebergObjects::RemoveUntilStopped() {
  constexpr Duration kIntervalMin = std::chrono::seconds(1);
  constexpr Duration kIntervalMax = std::chrono::minutes(5);
  const Duration interval = std::clamp<Duration>(keep_ / 10, kIntervalMin, kIntervalMax);
  while (!stopping_) {
    try {
      RemoveOld();
    } catch (const std::exception& e) {
      remove_failures_.Increment();
      log::Error("cannot remove old Iceberg metadata", {{"error", e.what()}});
    }
    MutexLock lock(mutex_);
    if (!stopping_) stop_.wait_for(lock, interval);
  }
}

void IcebergObjects::RemoveOld() {
  constexpr size_t kBatch = 100;
  const UnixMicros before =
      NowMicros() - std::chrono::duration_cast<std::chrono::microseconds>(keep_);
  for (bool has_more = true; has_more && !stopping_;) {
    const Result<std::vector<std::string>> uris = store_.OldIcebergObjects(before, kBatch);
    if (!uris.ok()) {
      remove_failures_.Increment();
      log::Warn("cannot list old Iceberg metadata", {{"error", uris.error().message}});
      return;
    }
    for (const std::string& uri : *uris) {
      if (stopping_) return;
      has_more = RemoveOne(uri, before);
      if (!has_more) break;
    }
    has_more = has_more && uris->size() == kBatch;
  }
  const Result<size_t> trimmed = store_.TrimIcebergObjects(old_objects_max_);
  if (trimmed.ok() && *trimmed > 0) {
    remove_failures_.Increment(static_cast<double>(*trimmed));
    log::Warn("old Iceberg metadata stays in the bucket: over iceberg.old_objects_max",
              {{"objects", *trimmed}});
  }
}

bool IcebergObjects::RemoveOne(const std::string& uri, UnixMicros before) {
  constexpr Duration kTimeout = std::chrono::seconds(5);
  const std::unique_lock lock(objects_mutex_);
  const auto remove = [&]() -> Result<> {
    // It may have been written again in the meantime.
    TARN_TRY(const bool is_old, store_.IsOldIcebergObject(uri, before));
    if (!is_old) return {};
    if (const std::optional<std::string> key = KeyOf(uri)) {
      const auto is_cancelled = [this] { return stopping_.load(); };
      const auto send = [&](s3::Client& client) {
        return client.Delete(*key, Deadline::After(kTimeout), is_cancelled);
      };
      TARN_CHECK_OK(clients_.Use(send));
      removed_.Increment();
    } else {
      log::Warn("old Iceberg metadata stays in another bucket", {{"object", uri}});
    }
    return store_.ForgetIcebergObjects({uri});
  };
  const Result<> removed = remove();
  if (removed.ok()) return true;
  remove_failures_.Increment();
  log::Warn("cannot remove old Iceberg metadata",
            {{"object", uri}, {"error", removed.error().message}});
  return false;
}

}  // namespace tarn::catalogd
