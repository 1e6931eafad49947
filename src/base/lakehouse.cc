#include "base/lakehouse.h"

#include <cstdlib>
#include <utility>

#include "base/files.h"

namespace tarn {

log::Format LogSettings::Format() const {
  return format == "json" ? log::Format::kJson : log::Format::kText;
}

log::Level LogSettings::Level() const {
  if (level == "debug") return log::Level::kDebug;
  if (level == "warn") return log::Level::kWarn;
  if (level == "error") return log::Level::kError;
  return log::Level::kInfo;
}

SettingsTable LakehouseSettings::Table() {
  return SettingsTable({
      {.key = "s3.endpoint",
       .target = &s3.endpoint,
       .help = "Where the object store is: a URL, whose scheme decides TLS where `use_ssl` is not "
               "given, or `host:port`. `file:///dir` is a folder in place of a store, with one "
               "subfolder a bucket. Empty means AWS."},
      {.key = "s3.region",
       .target = &s3.region,
       .help = "The region that requests are signed for."},
      {.key = "s3.bucket",
       .target = &s3.bucket,
       .help = "The bucket of the lake. Required by queryd."},
      {.key = "s3.access_key_id",
       .target = &s3.access_key_id,
       .help = "Key id, where `queryd.secrets_path` gives none.",
       .secret = true},
      {.key = "s3.secret_access_key",
       .target = &s3.secret_access_key,
       .help = "Its secret.",
       .secret = true},
      {.key = "s3.session_token",
       .target = &s3.session_token,
       .help = "The token of temporary credentials.",
       .secret = true},
      {.key = "s3.use_path_style",
       .target = &s3.use_path_style,
       .help = "`http://host/bucket/key` in place of `http://bucket.host/key`.",
       .default_text = "`true` with an `endpoint`, else `false`"},
      {.key = "s3.use_ssl",
       .target = &s3.use_ssl,
       .help = "TLS towards the store.",
       .default_text = "by the scheme of `endpoint`, else `true`"},

      {.key = "queryd.bind",
       .target = &queryd.bind,
       .help = "`host:port` to listen on. Port 0 takes a free one, which the log tells."},
      {.key = "queryd.catalogd_url",
       .target = &queryd.catalogd_url,
       .help = "Where catalogd is, as in `http://127.0.0.1:3212`. Required by queryd."},
      {.key = "queryd.catalogd_token_path",
       .target = &queryd.catalogd_token_path,
       .help = "A file that holds queryd's token for catalogd (role `catalog`), readable by its "
               "owner alone. Read anew at each refresh."},
      {.key = "queryd.secrets_path",
       .target = &queryd.secrets_path,
       .help =
           "A TOML file with `[s3.primary]` credentials, readable by its owner alone. Wins over "
           "those of `[s3]`."},
      {.key = "queryd.extension_dir",
       .target = &queryd.extension_dir,
       .help = "Where `httpfs.duckdb_extension` is.",
       .default_text = "`../lib/tarn` beside the program"},
      {.key = "queryd.refresh_every",
       .target = &queryd.refresh_every,
       .help = "How often the views are brought in step with the catalogue."},
      {.key = "queryd.refresh_timeout",
       .target = &queryd.refresh_timeout,
       .help =
           "The time limit of one refresh, and of reading the columns of one object. Datasets that "
           "are still being read go live later."},
      {.key = "queryd.overwrite_checks_max",
       .target = &queryd.overwrite_checks_max,
       .help =
           "The most objects that each refresh checks for overwrites. Only objects of datasets "
           "that queries use, and whose ETags are not in the catalogue, are checked. 0 turns it "
           "off.",
       .min = 0,
       .max = 1'000'000,
       .unit = "objects"},
      {.key = "queryd.probes_max",
       .target = &queryd.probes_max,
       .help = "The most objects of new or changed datasets whose columns are read at the same "
               "time. Retries of failed datasets take at most half of it.",
       .min = 1,
       .max = 1000,
       .unit = "objects"},
      {.key = "queryd.probed_datasets_max",
       .target = &queryd.probed_datasets_max,
       .help = "The most new or changed datasets whose objects are read at the same time. The "
               "others wait. Those that a query waits for come first, and else the tokens that "
               "registered them take turns.",
       .min = 1,
       .max = 100'000,
       .unit = "datasets"},
      {.key = "queryd.probe_memory_limit",
       .target = &queryd.probe_memory_limit,
       .help =
           "The memory of DuckDB in the process that reads these columns. A process that takes a "
           "quarter and 256 MB more than that is replaced.",
       .unit = "bytes",
       .default_text = "a quarter of `memory_limit`"},
      {.key = "queryd.footer_bytes_max",
       .target = &queryd.footer_bytes_max,
       .help = "The largest footer of a Parquet object. A dataset with a larger one is refused.",
       .min = 1'000'000,
       .max = 1'000'000'000,
       .unit = "bytes"},
      {.key = "queryd.schema_depth_max",
       .target = &queryd.schema_depth_max,
       .help = "How many levels the schema of a Parquet object may have: a list or a map takes "
               "two, a struct one. A dataset with a deeper one is refused.",
       .min = 8,
       .max = 1000,
       .unit = "levels"},
      {.key = "queryd.shutdown_timeout",
       .target = &queryd.shutdown_timeout,
       .help = "How long running queries may go on after SIGTERM; the rest is interrupted."},
      {.key = "queryd.max_concurrent_queries",
       .target = &queryd.max_concurrent_queries,
       .help = "Queries that run at once; the others wait in a queue.",
       .max = 1024,
       .unit = "queries",
       .default_text = "the number of cores"},
      {.key = "queryd.queue_limit",
       .target = &queryd.queue_limit,
       .help = "Queries that may wait. If the queue is full, a new query takes the place of the "
               "newest one of the token that has the most waiting; else it is answered 503.",
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.max_concurrent_queries_per_token",
       .target = &queryd.max_concurrent_queries_per_token,
       .help = "Queries of one token that run at once. Less than `max_concurrent_queries` keeps "
               "slots free for other tokens, whatever one token runs.",
       .max = 1024,
       .unit = "queries",
       .default_text = "three quarters of `max_concurrent_queries`, rounded up"},
      {.key = "queryd.queue_limit_per_token",
       .target = &queryd.queue_limit_per_token,
       .help = "Queries of one token that may wait. More are answered 503.",
       .max = 1'000'000,
       .unit = "queries",
       .default_text = "`queue_limit`"},
      {.key = "queryd.slow_readers_max",
       .target = &queryd.slow_readers_max,
       .help = "Queries that give up their slots to others because their readers have taken "
               "nothing for a second. Beyond that number a query keeps its slot, and is cancelled "
               "if a query of a token that holds fewer slots waits for one.",
       .max = 1024,
       .unit = "queries",
       .default_text = "`max_concurrent_queries`, at least 4"},
      {.key = "queryd.slow_readers_max_per_token",
       .target = &queryd.slow_readers_max_per_token,
       .help = "The same for the queries of one token.",
       .max = 1024,
       .unit = "queries",
       .default_text = "half of `slow_readers_max`, rounded up"},
      {.key = "queryd.queue_timeout",
       .target = &queryd.queue_timeout,
       .help = "How long a query may wait for its turn; then it is answered 503."},
      {.key = "queryd.query_timeout",
       .target = &queryd.query_timeout,
       .help =
           "How long a query may take, from its arrival to the last byte of its answer; then it "
           "is answered 504. A request can ask for less (`timeout_ms`)."},
      {.key = "queryd.cancel_grace",
       .target = &queryd.cancel_grace,
       .help = "A query that was cancelled has so long to stop; then its engine process is "
               "replaced."},
      {.key = "queryd.drain_timeout",
       .target = &queryd.drain_timeout,
       .help = "How long the queries of an engine process that was replaced may go on in it."},
      {.key = "queryd.engine_starts_burst",
       .target = &queryd.engine_starts_burst,
       .help = "Engine processes that may start in a row without a pause, whatever the reason; "
               "then one each `engine_start_interval`. All sets of datasets share these starts, "
               "and each has one more in the time of a whole burst. Queries wait if no process "
               "runs.",
       .min = 1,
       .max = 1000,
       .unit = "processes"},
      {.key = "queryd.engine_start_interval",
       .target = &queryd.engine_start_interval,
       .help = "The time between starts of engine processes after `engine_starts_burst` of them. "
               "`0s` means no pause."},
      {.key = "queryd.quarantine_time",
       .target = &queryd.quarantine_time,
       .help = "How long a query that ended or broke two engine processes is refused, and how "
               "long each of them counts against its token. `0s` refuses nothing."},
      {.key = "queryd.quarantine_entries_max",
       .target = &queryd.quarantine_entries_max,
       .help = "The most queries, and the most tokens, that are remembered because of engine "
               "processes that ended or broke. The oldest are forgotten first.",
       .min = 1,
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.crashes_max",
       .target = &queryd.crashes_max,
       .help = "Engine processes that the queries of one token may end or break within "
               "`quarantine_time`; then all its queries are answered 503. Without tokens, only the "
               "queries that did it are refused.",
       .min = 1,
       .max = 1000,
       .unit = "processes"},
      {.key = "queryd.suspect_queue_limit",
       .target = &queryd.suspect_queue_limit,
       .help = "Queries that may wait to run in an engine process of their own, of each set of "
               "datasets. More are answered 503.",
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.suspect_queue_timeout",
       .target = &queryd.suspect_queue_timeout,
       .help = "How long such a query may wait for its turn; then it is answered 503."},
      {.key = "queryd.row_limit",
       .target = &queryd.row_limit,
       .help = "The most rows of a result; the rest is cut off and the answer says so. A request "
               "can ask for less. 0 means no limit.",
       .unit = "rows"},
      {.key = "queryd.byte_limit",
       .target = &queryd.byte_limit,
       .help = "The most bytes of a result, before compression. 0 means no limit.",
       .unit = "bytes"},
      {.key = "queryd.query_history",
       .target = &queryd.query_history,
       .help = "Ended queries that `GET /queries` still shows. If there are more, the token with "
               "the most of them loses its oldest one.",
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.plan_cache_entries",
       .target = &queryd.plan_cache_entries,
       .help =
           "Texts that a connection keeps judged, and planned too where they run in under 5 ms.",
       .max = 100'000,
       .unit = "plans"},
      {.key = "queryd.cache_objects",
       .target = &queryd.cache_objects,
       .help = "The engine keeps the sizes, ETags and footers of objects, and their data as far as "
               "`memory_limit` allows. `false` is for buckets whose objects others overwrite."},
      {.key = "queryd.result_cache_bytes",
       .target = &queryd.result_cache_bytes,
       .help =
           "Memory for results that are given again while the datasets that they were read from "
           "are the same. 0 means that each query runs.",
       .max = 1'000'000'000'000,
       .unit = "bytes"},
      {.key = "queryd.allow_direct_reads",
       .target = &queryd.allow_direct_reads,
       .help =
           "SQL may read whatever lies in the bucket, with `read_parquet` and its like, and list "
           "it with `glob`; without, it reads datasets only."},
      {.key = "queryd.nesting_max",
       .target = &queryd.nesting_max,
       .help = "The maximum nesting depth of brackets or comments in a statement. Deeper "
               "statements are refused, because DuckDB's time for them cannot be interrupted.",
       .min = 10,
       .max = 1000,
       .unit = "levels"},
      {.key = "queryd.subquery_depth_max",
       .target = &queryd.subquery_depth_max,
       .help = "The maximum nesting depth of subqueries in expressions. Each level doubles the "
               "time that DuckDB plans, which cannot be interrupted.",
       .min = 1,
       .max = 20,
       .unit = "levels"},
      {.key = "queryd.expression_depth_max",
       .target = &queryd.expression_depth_max,
       .help = "How deep an expression or a type may be nested: DuckDB's "
               "`max_expression_depth`. A type takes several levels for each of its own.",
       .min = 50,
       .max = 1000,
       .unit = "levels"},
      {.key = "queryd.json_depth_max",
       .target = &queryd.json_depth_max,
       .help = "The maximum nesting depth of JSON that SQL reads. Deeper JSON is an error of the "
               "query: DuckDB's functions would run out of stack and end the engine process.",
       .min = 10,
       .max = 10000,
       .unit = "levels"},
      {.key = "queryd.threads",
       .target = &queryd.threads,
       .help = "Threads that DuckDB computes with, for all queries together.",
       .max = 1024,
       .unit = "threads",
       .default_text = "the number of cores"},
      {.key = "queryd.memory_limit",
       .target = &queryd.memory_limit,
       .help = "What DuckDB may use for all queries together before it spills to "
               "`temp_directory`.",
       .unit = "bytes",
       .default_text = "60 % of the machine's memory"},
      {.key = "queryd.memory_hard_limit",
       .target = &queryd.memory_hard_limit,
       .help = "What the engine process may use at all, also past DuckDB's own accounting. An "
               "allocation beyond it fails, and a process beyond it is replaced.",
       .unit = "bytes",
       .default_text = "`memory_limit` and a quarter, and 256 MB"},
      {.key = "queryd.engines_memory_limit",
       .target = &queryd.engines_memory_limit,
       .help = "The memory that all engine processes may use together. Beyond it, one is ended: "
               "draining processes first, oldest first, then the process that exceeds its "
               "`memory_limit` most.",
       .unit = "bytes",
       .default_text = "`memory_hard_limit` and half of `memory_limit`, at most 90 % of the "
                       "machine's memory, at least `memory_hard_limit`"},
      {.key = "queryd.scoped_engines_max",
       .target = &queryd.scoped_engines_max,
       .help = "Tokens that are limited to datasets have engine processes of their own, one for "
               "each set of datasets. More at once than this are answered 503.",
       .min = 1,
       .max = 64,
       .unit = "processes"},
      {.key = "queryd.scoped_memory_limit",
       .target = &queryd.scoped_memory_limit,
       .help = "`memory_limit` of each of these processes.",
       .unit = "bytes",
       .default_text = "`memory_limit` divided by twice `scoped_engines_max`"},
      {.key = "queryd.scoped_idle_timeout",
       .target = &queryd.scoped_idle_timeout,
       .help = "Such a process that has had no query for so long is ended."},
      {.key = "queryd.temp_directory",
       .target = &queryd.temp_directory,
       .help = "Where DuckDB spills what does not fit into memory, in a folder that is made for "
               "this process and removed after it.",
       .default_text = "the system's, `$TMPDIR` or `/tmp`"},
      {.key = "queryd.temp_directory_limit",
       .target = &queryd.temp_directory_limit,
       .help = "The most that is spilled at once. 0 means that nothing is.",
       .unit = "bytes"},
      {.key = "queryd.sandbox",
       .target = &queryd.sandbox,
       .help = "The engine process gives up programs, files, ports and privileges that it does not "
               "need: as far as the kernel can (`on`), or it does not start (`require`). `off` is "
               "for debuggers.",
       .one_of = {"on", "off", "require"}},
      {.key = "queryd.sql_body_bytes_max",
       .target = &queryd.sql_body_bytes_max,
       .help = "The largest body of `POST /sql`.",
       .min = 1024,
       .max = 64 * 1024 * 1024,
       .unit = "bytes"},
      {.key = "queryd.result_buffer_bytes",
       .target = &queryd.result_buffer_bytes,
       .help = "How much of one result is held for a slow reader before the query waits. A result "
               "that fits is sent whole, with Content-Length, and its errors keep their status.",
       .min = 64 * 1024,
       .max = 1024 * 1024 * 1024,
       .unit = "bytes"},

      {.key = "catalogd.bind",
       .target = &catalogd.bind,
       .help = "`host:port` to listen on. Port 0 takes a free one, which the log tells."},
      {.key = "catalogd.data_dir",
       .target = &catalogd.data_dir,
       .help = "The folder of the catalogue's database; made when it is not there."},
      {.key = "catalogd.shutdown_timeout",
       .target = &catalogd.shutdown_timeout,
       .help = "How long running requests may go on after SIGTERM."},
      {.key = "catalogd.body_bytes_max",
       .target = &catalogd.body_bytes_max,
       .help = "The largest manifest that a PUT may send.",
       .min = 1024,
       .max = 1024 * 1024 * 1024,
       .unit = "bytes"},
      {.key = "catalogd.json_values_max",
       .target = &catalogd.json_values_max,
       .help =
           "The most JSON values in a manifest that a PUT may send: an object with a key, a size "
           "and an ETag counts as four. A value takes up to 200 bytes of memory while it is read.",
       .min = 100,
       .max = 100'000'000,
       .unit = "values"},
      {.key = "catalogd.wait_max",
       .target = &catalogd.wait_max,
       .help = "The longest that `GET /catalog/list?wait=` waits for a change. Who asks for more "
               "waits so long."},
      {.key = "catalogd.waiters_max",
       .target = &catalogd.waiters_max,
       .help = "The most requests that wait for a change. More are answered 503. Each holds a "
               "connection, so `http.connections_max` must be larger, and for many waiting "
               "requests from one address `http.connections_per_address_max` too.",
       .max = 1'000'000,
       .unit = "requests"},
      {.key = "catalogd.list_streams_max",
       .target = &catalogd.list_streams_max,
       .help = "Lists of more than 1 MiB, and backups, that are sent at once. More are answered "
               "503.",
       .min = 1,
       .max = 1000,
       .unit = "requests"},
      {.key = "catalogd.list_timeout",
       .target = &catalogd.list_timeout,
       .help = "How long a client may take for such a list; then it is cut off. The database "
               "cannot reuse space in its log meanwhile."},
      {.key = "catalogd.history_versions_max",
       .target = &catalogd.history_versions_max,
       .help = "The versions that are kept of each dataset, the current one among them.",
       .min = 1,
       .max = 1'000'000,
       .unit = "versions"},
      {.key = "catalogd.deleted_keep",
       .target = &catalogd.deleted_keep,
       .help = "How long a deleted dataset can be brought back. Who has not read the catalogue for "
               "longer reads all of it anew."},

      {.key = "http.header_timeout",
       .target = &http.header_timeout,
       .help = "The time a client has to send a request's header."},
      {.key = "http.idle_timeout",
       .target = &http.idle_timeout,
       .help = "How long a connection may stay open with no request."},
      {.key = "http.body_timeout",
       .target = &http.body_timeout,
       .help = "The time a client has to send a request's body."},
      {.key = "http.write_timeout",
       .target = &http.write_timeout,
       .help = "How long a client may take none of its answer."},
      {.key = "http.header_bytes_max",
       .target = &http.header_bytes_max,
       .help = "The largest request header.",
       .min = 1024,
       .max = 1024 * 1024,
       .unit = "bytes"},
      {.key = "http.connections_max",
       .target = &http.connections_max,
       .help = "The most open connections. A new connection beyond this limit replaces one that "
               "waits for a complete request: the oldest of the client address with the most of "
               "them. If every connection has a request, the new one is answered 503.",
       .min = 1,
       .max = 1'000'000,
       .unit = "connections"},
      {.key = "http.connections_per_address_max",
       .target = &http.connections_per_address_max,
       .help = "The most open connections of one client address (of one /64 network with IPv6). "
               "Behind a reverse proxy on another machine, all clients share its address: set this "
               "to `connections_max`.",
       .max = 1'000'000,
       .unit = "connections",
       .default_text = "half of `connections_max`; all of it for a loopback address"},
      {.key = "http.reserved_connections",
       .target = &http.reserved_connections,
       .help = "Additional connections, which serve only `GET /healthz`, `/readyz` and `/metrics`.",
       .min = 1,
       .max = 10'000,
       .unit = "connections"},
      {.key = "http.peer_log_interval",
       .target = &http.peer_log_interval,
       .help = "The interval in which repeated errors of one client address (tokens that are not "
               "known, requests of ambiguous length, too many connections) share one log line. The "
               "line has the number of suppressed ones."},
      {.key = "http.allowed_hosts",
       .target = &http.allowed_hosts,
       .help = "Names that clients may call a daemon by (`Host`), separated by commas: "
               "`tarn.example.com`. On a loopback address `localhost`, `127.0.0.1` and `[::1]` "
               "always work; elsewhere every name does while this is empty."},
      {.key = "http.allowed_origins",
       .target = &http.allowed_origins,
       .help = "Pages that may send requests from a browser, beside those of the daemon itself, "
               "separated by commas: `https://app.example.com`."},

      {.key = "auth.tokens_path",
       .target = &auth.tokens_path,
       .help =
           "The file of the tokens, as `tarn token` writes it, readable by its owner alone. With "
           "it both daemons ask for a token. Read anew within a second of a change."},
      {.key = "auth.allow_anonymous",
       .target = &auth.allow_anonymous,
       .help = "Without tokens, also listen where others than this machine can connect."},
      {.key = "tls.cert_path",
       .target = &tls.cert_path,
       .help = "The certificate that the daemons show, and those between it and its CA, in PEM. "
               "With it and `key_path` they speak HTTPS and nothing else."},
      {.key = "tls.key_path",
       .target = &tls.key_path,
       .help = "Its private key in PEM, readable by its owner alone."},
      {.key = "tls.ca_path",
       .target = &tls.ca_path,
       .help = "The CAs, in PEM, that may have signed the certificates of catalogd and of the "
               "object store. Empty means those of the system."},
      {.key = "tls.verify",
       .target = &tls.verify,
       .help = "Whether those certificates are checked. `false` is for trying things out: whoever "
               "is on the way can read and change everything."},

      {.key = "log.format",
       .target = &log.format,
       .help = "A line of text for people, or a JSON object a line.",
       .one_of = {"text", "json"}},
      {.key = "log.level",
       .target = &log.level,
       .help = "The least important level that is written.",
       .one_of = {"debug", "info", "warn", "error"}},
  });
}

Result<LakehouseSettings> LakehouseSettings::Load(const std::string& path,
                                                  LakehouseSettings defaults) {
  const Result<std::string> text = ReadFile(path);
  if (!text.ok()) return text.error();
  SettingsTable table = defaults.Table();
  if (const Result<> loaded = table.LoadToml(*text, path); !loaded.ok()) {
    return loaded.error().Wrap(path);
  }
  return FromEnvironment(std::move(defaults));
}

Result<LakehouseSettings> LakehouseSettings::FromEnvironment(LakehouseSettings defaults) {
  SettingsTable table = defaults.Table();
  if (const Result<> loaded =
          table.LoadEnvironment([](const char* name) -> const char* { return std::getenv(name); });
      !loaded.ok()) {
    return loaded.error().Wrap("environment");
  }
  return defaults;
}

}  // namespace tarn
