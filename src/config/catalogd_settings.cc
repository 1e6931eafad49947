// The settings of catalogd.

#include "config/lakehouse_tables.h"

namespace tarn {

std::vector<Setting> CatalogdTable(CatalogdSettings& catalogd) {
  return {
      {.key = "catalogd.bind",
       .target = &catalogd.bind,
       .help = "The address to listen on, as `host:port`. Port 0 selects a free port; the "
               "log shows it."},
      {.key = "catalogd.data_dir",
       .target = &catalogd.data_dir,
       .help = "The folder of the catalogue's database; created if it does not exist."},
      {.key = "catalogd.shutdown_timeout",
       .target = &catalogd.shutdown_timeout,
       .help = "How long running requests may continue after SIGTERM."},
      {.key = "catalogd.body_bytes_max",
       .target = &catalogd.body_bytes_max,
       .help = "The maximum size of a manifest in a PUT.",
       .min = 1024,
       .max = 1024 * 1024 * 1024,
       .unit = "bytes"},
      {.key = "catalogd.json_values_max",
       .target = &catalogd.json_values_max,
       .help = "The maximum number of JSON values in a manifest of a PUT: an object with a "
               "key, a size and an ETag counts as four. Parsing a value takes up to 200 "
               "bytes of memory.",
       .min = 100,
       .max = 100'000'000,
       .unit = "values"},
      {.key = "catalogd.datasets_bytes_max",
       .target = &catalogd.datasets_bytes_max,
       .help = "The maximum size of the list of all datasets. A change that would exceed it is "
               "answered 413. queryd accepts every list up to the maximum of this setting, and "
               "needs memory for several times its size.",
       .min = 1'000'000,
       .max = kDatasetsBytesMax,
       .unit = "bytes"},
      {.key = "catalogd.datasets_bytes_max_per_token",
       .target = &catalogd.datasets_bytes_max_per_token,
       .help = "The same for the datasets of each token: those that it changed last. Only for "
               "tokens that are limited to datasets.",
       .max = kDatasetsBytesMax,
       .unit = "bytes",
       .default_text = "a quarter of `datasets_bytes_max`"},
      {.key = "catalogd.datasets_max_per_token",
       .target = &catalogd.datasets_max_per_token,
       .help = "The maximum number of datasets that such a token may have. `0` means no limit.",
       .max = 1'000'000'000,
       .unit = "datasets"},
      {.key = "catalogd.wait_max",
       .target = &catalogd.wait_max,
       .help = "The maximum time that `GET /catalog/list?wait=` waits for a change. A longer "
               "`wait` is reduced to it."},
      {.key = "catalogd.waiters_max",
       .target = &catalogd.waiters_max,
       .help = "The maximum number of requests that wait for a change. One token may have half "
               "of them. Further ones are answered 503. Each holds a connection, so "
               "`http.connections_max` must be "
               "larger, and for many waiting requests from one address "
               "`http.connections_per_address_max` too.",
       .max = 1'000'000,
       .unit = "requests"},
      {.key = "catalogd.list_streams_max",
       .target = &catalogd.list_streams_max,
       .help = "The maximum number of concurrent backups and lists of more than 1 MiB. One token "
               "may have half of them. Further ones are answered 503.",
       .min = 1,
       .max = 1000,
       .unit = "requests"},
      {.key = "catalogd.list_timeout",
       .target = &catalogd.list_timeout,
       .help = "How long a client may take to read such a list before it is cut off. "
               "Meanwhile the database cannot reuse the space of its log."},
      {.key = "catalogd.wal_bytes_max",
       .target = &catalogd.wal_bytes_max,
       .help = "The maximum size of the database's write-ahead log before it is truncated. Lists "
               "that were opened more than 2 seconds ago are then cut off, because the log cannot "
               "be truncated while they are read. Above twice this size all lists are cut off; "
               "above four times, changes are answered 503.",
       .min = 16'000'000,
       .max = 1'000'000'000'000,
       .unit = "bytes"},
      {.key = "catalogd.history_versions_max",
       .target = &catalogd.history_versions_max,
       .help = "The number of versions kept of each dataset, including the current one.",
       .min = 1,
       .max = 1'000'000,
       .unit = "versions"},
      {.key = "catalogd.history_bytes_max_per_token",
       .target = &catalogd.history_bytes_max_per_token,
       .help = "The maximum size of the former versions and deletions that each token made. Beyond "
               "it, the oldest ones are removed. Only for tokens that are limited to datasets.",
       .min = 1'000'000,
       .max = 1'000'000'000'000,
       .unit = "bytes"},
      {.key = "catalogd.deleted_keep",
       .target = &catalogd.deleted_keep,
       .help = "How long a deleted dataset can be restored. A client that has not read the "
               "catalogue for longer must read all of it again."},
  };
}

}  // namespace tarn
