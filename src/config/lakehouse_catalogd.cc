// The settings of catalogd, and of its Iceberg catalog.

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

std::vector<Setting> IcebergTable(IcebergSettings& iceberg) {
  return {
      {.key = "iceberg.enabled",
       .target = &iceberg.enabled,
       .help = "Serve the datasets as Iceberg tables at `/iceberg`. Needs a bucket.",
       .default_text = "`true` with a bucket"},
      {.key = "iceberg.namespace",
       .target = &iceberg.name_space,
       .help = "The namespace of the tables."},
      {.key = "iceberg.metadata_prefix",
       .target = &iceberg.metadata_prefix,
       .help = "The prefix in the bucket below which catalogd writes the metadata of the tables. "
               "Ends with `/`."},
      {.key = "iceberg.access_key_id",
       .target = &iceberg.access_key_id,
       .help = "The key id with which catalogd writes and deletes objects below "
               "`metadata_prefix`. With it, `secret_access_key` and `session_token` of this "
               "section apply too. catalogd reads the Parquet objects with the keys of `[s3]`, or "
               "with these if `[s3]` has none.",
       .secret = true,
       .default_text = "the keys of `[s3]`"},
      {.key = "iceberg.secret_access_key",
       .target = &iceberg.secret_access_key,
       .help = "The secret key of `access_key_id`.",
       .secret = true},
      {.key = "iceberg.session_token",
       .target = &iceberg.session_token,
       .help = "The session token of temporary credentials.",
       .secret = true},
      {.key = "iceberg.vended_access_key_id",
       .target = &iceberg.vended_access_key_id,
       .help = "A key id that catalogd sends to clients with each table, for tokens that may read "
               "all datasets. It must be able to read the whole bucket and to write nothing. It "
               "must differ from the other keys. Empty: clients need keys of their own.",
       .secret = true},
      {.key = "iceberg.vended_secret_access_key",
       .target = &iceberg.vended_secret_access_key,
       .help = "The secret key of `vended_access_key_id`.",
       .secret = true},
      {.key = "iceberg.vended_session_token",
       .target = &iceberg.vended_session_token,
       .help = "The session token of `vended_access_key_id`.",
       .secret = true},
      {.key = "iceberg.snapshot_keep",
       .target = &iceberg.snapshot_keep,
       .help = "How long the metadata objects of a former snapshot stay in the bucket after the "
               "table no longer lists it. Longer than the longest query of any client."},
      {.key = "iceberg.snapshots_max",
       .target = &iceberg.snapshots_max,
       .help = "The maximum number of snapshots that a table lists.",
       .min = 2,
       .max = 100,
       .unit = "snapshots"},
      {.key = "iceberg.load_timeout",
       .target = &iceberg.load_timeout,
       .help = "How long catalogd may take to make the metadata of a table. The footers that it "
               "has read are cached for the next request."},
      {.key = "iceberg.loads_max",
       .target = &iceberg.loads_max,
       .help = "The maximum number of tables whose metadata is made at the same time. One token "
               "may have half of them. Further requests are answered 503.",
       .min = 1,
       .max = 1000,
       .unit = "tables"},
      {.key = "iceberg.workers",
       .target = &iceberg.workers,
       .help = "The number of threads that read footers and write metadata. Tokens take turns.",
       .min = 1,
       .max = 256,
       .unit = "threads"},
      {.key = "iceberg.footer_bytes_max",
       .target = &iceberg.footer_bytes_max,
       .help = "The largest footer of a Parquet object. A table with a larger one is refused.",
       .min = 1'000'000,
       .max = 1'000'000'000,
       .unit = "bytes"},
      {.key = "iceberg.footers_bytes_max",
       .target = &iceberg.footers_bytes_max,
       .help = "The memory for the footers of one table. A table that needs more is refused.",
       .min = 1'000'000,
       .max = 100'000'000'000,
       .unit = "bytes"},
      {.key = "iceberg.footer_cache_bytes",
       .target = &iceberg.footer_cache_bytes,
       .help = "The memory for cached footers.",
       .max = 100'000'000'000,
       .unit = "bytes"},
      {.key = "iceberg.metadata_bytes_max",
       .target = &iceberg.metadata_bytes_max,
       .help = "The largest metadata of a table. catalogd stores the last metadata of each table "
               "in its database. A table with larger metadata is refused.",
       .min = 100'000,
       .max = 100'000'000,
       .unit = "bytes"},
      {.key = "iceberg.tables_bytes_max",
       .target = &iceberg.tables_bytes_max,
       .help = "The maximum size of the field ids and the metadata of all tables in the database. "
               "The tables of one token may take half of it. Further tables are refused.",
       .min = 1'000'000,
       .max = 1'000'000'000'000,
       .unit = "bytes"},
      {.key = "iceberg.table_cache_bytes",
       .target = &iceberg.table_cache_bytes,
       .help = "The memory for the cached metadata of tables.",
       .max = 100'000'000'000,
       .unit = "bytes"},
      {.key = "iceberg.old_objects_max",
       .target = &iceberg.old_objects_max,
       .help = "The maximum number of old metadata objects that catalogd remembers in order to "
               "remove them. Beyond it, the oldest ones stay in the bucket.",
       .min = 1000,
       .max = 100'000'000,
       .unit = "objects"},
  };
}

}  // namespace tarn
