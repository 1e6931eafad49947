#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "base/metrics.h"
#include "base/shared_slots.h"
#include "catalogd/service/change_feed.h"
#include "catalogd/store/store.h"
#include "config/lakehouse.h"

namespace tarn::catalogd {

// The state shared by the routes: the store, the thread pools for it, the waiting requests and the
// limits. Outlives the routes. Created before the first change of the store.
class Service {
 public:
  Service(Store& the_store, const CatalogdSettings& the_settings, Metrics& metrics);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Answers all current and future waiting requests. Call it before the server waits for its
  // requests.
  void EndWaits() { feed.Close(); }
  // Waits for pending calls of the store. No call may follow.
  void Join();

  Store& store;
  const CatalogdSettings settings;
  ChangeFeed feed;
  SharedSlots stream_slots;             // Of responses that take long to send.
  SharedSlots waiter_slots;             // Of requests that wait for a change.
  boost::asio::thread_pool writers{8};  // The number of changes that can share a commit.
  boost::asio::thread_pool readers{2};

  prometheus::Gauge& datasets;
  prometheus::Gauge& manifest_bytes;
  prometheus::Gauge& waiting;
  prometheus::Counter& lists_whole;
  prometheus::Counter& lists_changes;
  prometheus::Counter& lists_not_modified;
  prometheus::Counter& changes;
  prometheus::Counter& failures;
  prometheus::Counter& too_large;  // Changes beyond the limits of manifests.
  prometheus::Counter& forbidden;  // Changes outside of the datasets or keys of a token.

 private:
  void ShowSizes();
};

}  // namespace tarn::catalogd
