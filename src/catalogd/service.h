#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "base/lakehouse.h"
#include "base/metrics.h"
#include "catalogd/change_feed.h"
#include "catalogd/store.h"

namespace tarn::catalogd {

// What the routes work with: the store, the threads that it may block, who waits for changes, and
// the limits. Outlives the routes; made before the store is changed.
class Service {
 public:
  Service(Store& the_store, const CatalogdSettings& the_settings, Metrics& metrics);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Answers all who wait for a change, those to come too: before the server waits for its requests.
  void EndWaits() { feed.Close(); }
  // Waits for what the store is asked. Nothing may come after.
  void Join();

  // A long answer that is under way counts as long as it keeps this. Null when there are too many.
  using StreamSlot = std::shared_ptr<void>;
  StreamSlot TakeStreamSlot();

  Store& store;
  const CatalogdSettings settings;
  ChangeFeed feed;
  boost::asio::thread_pool writers{8};  // As many changes share a commit.
  boost::asio::thread_pool readers{2};

  prometheus::Gauge& waiting;
  prometheus::Counter& lists_whole;
  prometheus::Counter& lists_changes;
  prometheus::Counter& lists_not_modified;
  prometheus::Counter& changes;
  prometheus::Counter& failures;
  prometheus::Counter& forbidden;  // Changes beyond the datasets or keys of a token.

 private:
  std::atomic<int64_t> streams_ = 0;
};

}  // namespace tarn::catalogd
