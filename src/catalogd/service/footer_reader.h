#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/metrics.h"
#include "catalog/manifest.h"
#include "catalogd/service/bytes_cache.h"
#include "catalogd/service/client_pool.h"
#include "catalogd/service/iceberg_options.h"
#include "parquet/footer_statistics.h"

namespace tarn::catalogd {

// The footer of a Parquet object in the bucket.
struct ObjectFooter {
  uint64_t object_bytes = 0;
  parquet::FooterStatistics statistics;
  uint64_t memory_bytes = 0;  // An estimate for the statistics.
};

// Reads footers with range requests and caches them by key and ETag. Thread-safe; blocks on the
// network.
class FooterReader {
 public:
  // `stopping` ends running requests.
  FooterReader(const IcebergOptions& options, const std::atomic<bool>& stopping, Metrics& metrics);

  // Returns null if the footer is not cached. Does not block.
  std::shared_ptr<const ObjectFooter> FindCached(const catalog::ObjectRef& object);

  // Errors name the object and the remedy. kInvalidArgument: the object is registered without an
  // ETag, missing, overwritten or not Parquet. kTooLarge: a limit. kUnavailable and kTimeout: the
  // object store.
  Result<std::shared_ptr<const ObjectFooter>> Read(const catalog::ObjectRef& object,
                                                   Deadline deadline);

 private:
  Result<ObjectFooter> Fetch(const catalog::ObjectRef& object, Deadline deadline);

  ClientPool clients_;
  const uint64_t footer_bytes_max_;
  const std::atomic<bool>& stopping_;
  BytesCache<ObjectFooter> cache_;
  prometheus::Counter& read_;
  prometheus::Counter& cached_;
  prometheus::Counter& failed_;
};

}  // namespace tarn::catalogd
