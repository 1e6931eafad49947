#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <type_traits>

#include "base/machine.h"
#include "base/metrics.h"
#include "base/shared_slots.h"
#include "catalogd/service/change_feed.h"
#include "catalogd/store/store.h"
#include "config/lakehouse.h"
#include "net/fair_workers.h"

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
  // Ends the threads for the store. No call may be pending or follow.
  void Join();

  // Makes a change on the threads for changes. `change(bool only_small)` returns a Result with an
  // `outcome`; see Store::ChangeOptions::only_small. `bytes` is the size of the content that the
  // client sent. Changes with large manifests have threads of their own, so that small ones do not
  // wait for them. Tokens take turns on both.
  template <class Change>
  boost::asio::awaitable<std::invoke_result_t<const Change&, bool>> MakeChange(
      const std::string& user, size_t bytes, const Change& change) {
    using R = std::invoke_result_t<const Change&, bool>;
    if (bytes <= Store::kLargeBytes) {
      const auto small = [&change] { return change(/*only_small=*/true); };
      R result = co_await writers.Run(user, small);
      const bool is_done = !result.ok() || result->outcome != Store::PutOutcome::kIsLarge;
      if (is_done) co_return std::move(result);
    }
    const auto large = [&change] {
      R result = change(/*only_small=*/false);
      // Parsing takes many times the memory of the text.
      ReturnFreeMemory();
      return result;
    };
    co_return co_await large_writers.Run(user, large);
  }

  Store& store;
  const CatalogdSettings settings;
  ChangeFeed feed;
  SharedSlots stream_slots;  // Responses that take long to send.
  SharedSlots waiter_slots;  // Requests that wait for a change.
  // Tokens take turns.
  net::FairWorkers writers{8, "write"};  // The number of changes that can share a commit.
  net::FairWorkers large_writers;
  net::FairWorkers readers{2, "read"};

  prometheus::Gauge& datasets;
  prometheus::Gauge& manifest_bytes;
  prometheus::Gauge& wal_bytes;
  prometheus::Gauge& waiting;
  prometheus::Counter& lists_whole;
  prometheus::Counter& lists_changes;
  prometheus::Counter& lists_not_modified;
  prometheus::Counter& lists_ended;  // To truncate the write-ahead log.
  prometheus::Counter& changes;
  prometheus::Counter& failures;
  prometheus::Counter& too_large;  // Changes that exceed a limit for manifests.
  prometheus::Counter& forbidden;  // Changes outside of the datasets or keys of a token.

 private:
  void ShowSizes();
};

}  // namespace tarn::catalogd
