#pragma once

#include <atomic>
#include <condition_variable>
#include <shared_mutex>
#include <string>
#include <thread>

#include "base/metrics.h"
#include "base/mutex.h"
#include "catalogd/service/client_pool.h"
#include "catalogd/service/iceberg_options.h"
#include "catalogd/store/store.h"
#include "iceberg/table.h"

namespace tarn::catalogd {

// The metadata objects of tables in the bucket: writes them, and removes old ones on a thread of
// its own. Thread-safe; blocks on the network.
class IcebergObjects {
 public:
  // `stopping` ends running requests. The store outlives this.
  IcebergObjects(Store& store, const IcebergOptions& options, const std::atomic<bool>& stopping,
                 Metrics& metrics);
  ~IcebergObjects();

  // Writes the objects of a table and stores its new state. kUnavailable if the object store
  // refuses; the error names the setting. kNotFound if the dataset was deleted.
  Result<> Write(const catalog::Manifest& dataset, const iceberg::Table& table, Deadline deadline);

  // Starts to remove old objects.
  void Start();
  // Ends the thread. `stopping` must be true.
  void Stop();

 private:
  Result<> Upload(const std::vector<iceberg::TableObject>& objects, Deadline deadline);
  void RemoveUntilStopped();
  void RemoveOld();
  // Returns false if the object store fails.
  bool RemoveOne(const std::string& uri, UnixMicros before);
  // The key of an object; nullopt if it is in another bucket.
  std::optional<std::string> KeyOf(const std::string& uri) const;

  Store& store_;
  ClientPool clients_;
  const std::string bucket_uri_;
  const Duration keep_;
  const size_t old_objects_max_;
  const std::atomic<bool>& stopping_;
  // Held exclusively while an object is removed, so that it is not written at the same time.
  std::shared_mutex objects_mutex_;
  prometheus::Counter& written_;
  prometheus::Counter& removed_;
  prometheus::Counter& write_failures_;
  prometheus::Counter& remove_failures_;

  Mutex mutex_;
  std::condition_variable_any stop_;  // With mutex_.
  std::thread thread_;
};

}  // namespace tarn::catalogd
