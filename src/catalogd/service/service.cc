#include "catalogd/service/service.h"

#include <algorithm>

namespace tarn::catalogd {
namespace {

prometheus::Counter& ListsCounter(Metrics& metrics, const char* answer) {
  return metrics.Counter("tarn_catalog_lists_total", "Responses of GET /catalog/list",
                         {{"answer", answer}});
}

}  // namespace

Service::Service(Store& the_store, const CatalogdSettings& the_settings, Metrics& metrics)
    : store(the_store),
      settings(the_settings),
      feed(settings.waiters_max),
      stream_slots(static_cast<size_t>(settings.list_streams_max)),
      waiter_slots(static_cast<size_t>(settings.waiters_max)),
      // Half the cores, so that small changes have the others.
      large_writers(std::max<size_t>(MachineCores() / 2, 1), "write-large"),
      datasets(metrics.Gauge("tarn_catalog_datasets", "Datasets in the catalogue")),
      manifest_bytes(metrics.Gauge("tarn_catalog_manifest_bytes",
                                   "Bytes of the manifests of all datasets in the list")),
      wal_bytes(metrics.Gauge("tarn_catalog_wal_bytes",
                              "Bytes of the write-ahead log after the last change")),
      waiting(metrics.Gauge("tarn_catalog_waiting", "Requests waiting for a change")),
      lists_whole(ListsCounter(metrics, "whole")),
      lists_changes(ListsCounter(metrics, "changes")),
      lists_not_modified(ListsCounter(metrics, "not_modified")),
      lists_ended(metrics.Counter("tarn_catalog_lists_ended_total",
                                  "Lists ended because they kept the write-ahead log")),
      changes(metrics.Counter("tarn_catalog_changes_total", "Changes of the catalogue")),
      failures(metrics.Counter("tarn_catalog_failures_total",
                               "Requests that failed because of the database")),
      too_large(metrics.Counter("tarn_catalog_too_large_total",
                                "Changes refused because of a limit of manifests")),
      forbidden(metrics.Counter("tarn_auth_failures_total",
                                "Requests rejected by authentication or authorization",
                                {{"reason", "dataset or key"}})) {
  ShowSizes();
  store.SetOnChange([this](const std::string& name) {
    changes.Increment();
    ShowSizes();
    feed.Announce(name);
  });
  store.SetOnLog([this](uint64_t bytes, size_t ended) {
    wal_bytes.Set(static_cast<double>(bytes));
    lists_ended.Increment(static_cast<double>(ended));
  });
}

Service::~Service() {
  Join();
  store.SetOnChange(nullptr);
  store.SetOnLog(nullptr);
}

void Service::ShowSizes() {
  datasets.Set(static_cast<double>(store.datasets()));
  manifest_bytes.Set(static_cast<double>(store.bytes()));
}

void Service::Join() {
  writers.Stop();
  large_writers.Stop();
  readers.Stop();
}

}  // namespace tarn::catalogd
