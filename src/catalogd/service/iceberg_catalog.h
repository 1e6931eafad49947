#pragma once

// The use cases of the Iceberg catalog, and their shared state. They are independent of the wire
// protocol. Each dataset is a table of one namespace.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/shared_slots.h"
#include "catalogd/service/bytes_cache.h"
#include "catalogd/service/datasets.h"
#include "catalogd/service/footer_reader.h"
#include "catalogd/service/iceberg_objects.h"
#include "net/fair_workers.h"
#include "net/wakeup.h"

namespace tarn::catalogd {

// The metadata of a table, whose objects are in the bucket.
struct IcebergTable {
  std::string dataset_id;
  uint64_t version = 0;  // Of the dataset.
  std::string metadata;  // JSON
  std::string metadata_location;
};

// Loads tables. Concurrent loads of one dataset share one making of its metadata. Outlives the
// coroutines of its functions. Thread-safe.
class IcebergCatalog {
 public:
  using TablePtr = std::shared_ptr<const IcebergTable>;

  IcebergCatalog(Service& service, IcebergOptions options, Metrics& metrics);
  ~IcebergCatalog();

  // Returns the table of the dataset's current version. kNotFound for a dataset outside of the
  // scope of the caller, here and below.
  boost::asio::awaitable<Result<TablePtr>> Load(const Caller& caller, const std::string& name);
  boost::asio::awaitable<Result<>> Require(const Caller& caller, const std::string& name);
  // Returns up to `count` names greater than `after`, in order.
  boost::asio::awaitable<Result<std::vector<std::string>>> List(const Caller& caller,
                                                                const std::string& after,
                                                                size_t count);

  const IcebergOptions& options() const { return options_; }
  void Start() { objects_.Start(); }
  // Ends requests to the bucket. Call it before the server waits for its requests.
  void EndRequests() { stopping_ = true; }
  // Ends the threads. No call may be pending or follow.
  void Join();

 private:
  // A table that is being made. Others wait for its result.
  struct Flight {
    uint64_t version = 0;  // The version that was current at the start.
    bool is_done = false;
    Result<TablePtr> result = Internal("the table was not made");
    std::vector<std::shared_ptr<net::Wakeup>> waiting;
  };
  struct Making;

  boost::asio::awaitable<Result<TablePtr>> LoadVersion(const Caller& caller,
                                                       const catalog::Manifest& manifest,
                                                       Deadline deadline, bool& is_final);
  boost::asio::awaitable<Result<TablePtr>> Wait(const std::shared_ptr<Flight>& flight,
                                                Deadline deadline);
  boost::asio::awaitable<Result<TablePtr>> Make(const Caller& caller,
                                                const catalog::Manifest& manifest,
                                                Deadline deadline);
  boost::asio::awaitable<Result<>> ReadFooters(const Caller& caller, Making& making);
  boost::asio::awaitable<void> ReadSome(const Caller& caller, Making& making);
  // The blocking parts, on a thread of workers_.
  Result<> Prepare(const catalog::Manifest& manifest, Making& making);
  Result<TablePtr> Finish(Making& making);
  // Returns null for the owner of the flight, who makes the table.
  std::shared_ptr<Flight> JoinFlight(const catalog::Manifest& manifest,
                                     std::shared_ptr<Flight>& own);
  void EndFlight(const std::string& dataset_id, const std::shared_ptr<Flight>& flight,
                 Result<TablePtr> result);
  bool IsDone(const std::shared_ptr<Flight>& flight);

  Service& service_;
  const IcebergOptions options_;
  std::atomic<bool> stopping_ = false;
  FooterReader footers_;
  IcebergObjects objects_;
  BytesCache<IcebergTable> tables_;  // By the id of the dataset.
  SharedSlots slots_;
  net::FairWorkers workers_;  // Tokens take turns.
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_ TARN_GUARDED_BY(mutex_);

  prometheus::Counter& loads_cached_;
  prometheus::Counter& loads_made_;
  prometheus::Counter& loads_unchanged_;
  prometheus::Counter& loads_failed_;
  prometheus::Histogram& making_seconds_;
};

}  // namespace tarn::catalogd
