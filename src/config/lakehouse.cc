#include "config/lakehouse.h"

#include <cstdlib>
#include <utility>

#include "base/files.h"
#include "config/lakehouse_tables.h"

namespace tarn {

SettingsTable LakehouseSettings::Table() {
  std::vector<Setting> settings = {
      {.key = "s3.endpoint",
       .target = &s3.endpoint,
       .help = "The object store: a URL, or `host:port`. Without `use_ssl`, the scheme of "
               "the URL selects TLS. `file:///dir` is a folder instead of a store, with one "
               "subfolder per bucket. Empty means AWS."},
      {.key = "s3.region", .target = &s3.region, .help = "The region for request signatures."},
      {.key = "s3.bucket",
       .target = &s3.bucket,
       .help = "The bucket of the lake. Required by queryd."},
      {.key = "s3.access_key_id",
       .target = &s3.access_key_id,
       .help = "The key id, if `queryd.secrets_path` has none.",
       .secret = true},
      {.key = "s3.secret_access_key",
       .target = &s3.secret_access_key,
       .help = "The secret key of `access_key_id`.",
       .secret = true},
      {.key = "s3.session_token",
       .target = &s3.session_token,
       .help = "The session token of temporary credentials.",
       .secret = true},
      {.key = "s3.use_path_style",
       .target = &s3.use_path_style,
       .help = "Use `http://host/bucket/key` instead of `http://bucket.host/key`.",
       .default_text = "`true` with an `endpoint`, else `false`"},
      {.key = "s3.use_ssl",
       .target = &s3.use_ssl,
       .help = "Use TLS for the object store.",
       .default_text = "by the scheme of `endpoint`, else `true`"},

      {.key = "queryd.bind",
       .target = &queryd.bind,
       .help = "The address to listen on, as `host:port`. Port 0 selects a free port; the "
               "log shows it."},
      {.key = "queryd.catalogd_url",
       .target = &queryd.catalogd_url,
       .help = "The URL of catalogd, such as `http://127.0.0.1:3212`. Required by queryd."},
      {.key = "queryd.catalogd_token_path",
       .target = &queryd.catalogd_token_path,
       .help = "A file with queryd's token for catalogd (role `catalog`). Only its owner may "
               "have access. Read again at each refresh."},
      {.key = "queryd.secrets_path",
       .target = &queryd.secrets_path,
       .help = "A TOML file with `[s3.primary]` credentials, which override those of `[s3]`. "
               "Only its owner may have access."},
      {.key = "queryd.extension_dir",
       .target = &queryd.extension_dir,
       .help = "The folder of `httpfs.duckdb_extension`.",
       .default_text = "`../lib/tarn` beside the program"},
      {.key = "queryd.refresh_every",
       .target = &queryd.refresh_every,
       .help = "The interval between refreshes of the views from the catalogue."},
      {.key = "queryd.refresh_timeout",
       .target = &queryd.refresh_timeout,
       .help =
           "The time limit of one refresh, and of reading the columns of one object. Datasets that "
           "are still being read go live later."},
      {.key = "queryd.overwrite_checks_max",
       .target = &queryd.overwrite_checks_max,
       .help = "The maximum number of objects that each refresh checks for overwrites. "
               "queryd checks only objects of datasets that queries use, and whose ETags "
               "are not in the catalogue. 0 turns the check off.",
       .min = 0,
       .max = 1'000'000,
       .unit = "objects"},
      {.key = "queryd.probes_max",
       .target = &queryd.probes_max,
       .help = "The maximum number of objects of new or changed datasets whose columns are "
               "read at the same time. Retries of failed datasets use at most half of it.",
       .min = 1,
       .max = 1000,
       .unit = "objects"},
      {.key = "queryd.probed_datasets_max",
       .target = &queryd.probed_datasets_max,
       .help = "The maximum number of new or changed datasets whose objects are read at the "
               "same time. The others wait. Datasets that a query waits for come first. For "
               "the others, the tokens that registered them take turns.",
       .min = 1,
       .max = 100'000,
       .unit = "datasets"},
      {.key = "queryd.probe_memory_limit",
       .target = &queryd.probe_memory_limit,
       .help = "DuckDB's memory limit in the process that reads these columns. A process "
               "that exceeds it by more than a quarter and 256 MB is replaced.",
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
       .help = "The maximum depth of the schema of a Parquet object. A list or a map takes "
               "two levels, a struct one. A dataset with a deeper schema is refused.",
       .min = 8,
       .max = 1000,
       .unit = "levels"},
      {.key = "queryd.schema_bytes_max",
       .target = &queryd.schema_bytes_max,
       .help = "The memory for the names and types of the columns of one dataset. A dataset that "
               "needs more is refused.",
       .min = 10'000,
       .max = 64'000'000,
       .unit = "bytes"},
      {.key = "queryd.schemas_bytes_max",
       .target = &queryd.schemas_bytes_max,
       .help = "The same for all datasets together. The datasets of each token may "
               "have half of it. A dataset for which no memory is left keeps its former state, or "
               "is refused if it is new. An engine process needs up to five times as much.",
       .max = 900'000'000,
       .unit = "bytes",
       .default_text = "`512000000`, or a tenth of `memory_hard_limit` if that is less"},
      {.key = "queryd.shutdown_timeout",
       .target = &queryd.shutdown_timeout,
       .help = "How long running queries may continue after SIGTERM before they are "
               "interrupted."},
      {.key = "queryd.max_concurrent_queries",
       .target = &queryd.max_concurrent_queries,
       .help = "The maximum number of running queries. Further queries are queued.",
       .max = 1024,
       .unit = "queries",
       .default_text = "the number of cores"},
      {.key = "queryd.queue_limit",
       .target = &queryd.queue_limit,
       .help = "The maximum number of queued queries. If the queue is full, a new query "
               "replaces the newest query of the token that has the most queued queries, or "
               "is answered 503.",
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.max_concurrent_queries_per_token",
       .target = &queryd.max_concurrent_queries_per_token,
       .help = "The maximum number of running queries of one token. A value below "
               "`max_concurrent_queries` keeps slots free for other tokens.",
       .max = 1024,
       .unit = "queries",
       .default_text = "`max_concurrent_queries` less a quarter of it, and at least one less"},
      {.key = "queryd.queue_limit_per_token",
       .target = &queryd.queue_limit_per_token,
       .help = "The maximum number of queued queries of one token. Further queries are "
               "answered 503.",
       .max = 1'000'000,
       .unit = "queries",
       .default_text = "`queue_limit`"},
      {.key = "queryd.slow_readers_max",
       .target = &queryd.slow_readers_max,
       .help = "The maximum number of queries that give up their slots because their "
               "clients have read nothing for a second. Beyond it, a query keeps its slot, "
               "and is cancelled if a query of a token with fewer slots waits.",
       .max = 1024,
       .unit = "queries",
       .default_text = "`max_concurrent_queries`, at least 4"},
      {.key = "queryd.slow_readers_max_per_token",
       .target = &queryd.slow_readers_max_per_token,
       .help = "The same limit for the queries of one token.",
       .max = 1024,
       .unit = "queries",
       .default_text = "half of `slow_readers_max`, rounded up"},
      {.key = "queryd.queue_timeout",
       .target = &queryd.queue_timeout,
       .help = "How long a query may be queued before it is answered 503."},
      {.key = "queryd.query_timeout",
       .target = &queryd.query_timeout,
       .help = "How long a query may take, from its arrival to the last byte of the "
               "response, before it is answered 504. A request can set a lower limit "
               "(`timeout_ms`)."},
      {.key = "queryd.cancel_grace",
       .target = &queryd.cancel_grace,
       .help = "How long a cancelled query may take to stop before its engine process is "
               "replaced."},
      {.key = "queryd.drain_timeout",
       .target = &queryd.drain_timeout,
       .help = "How long the queries of a replaced engine process may continue in it."},
      {.key = "queryd.engine_starts_burst",
       .target = &queryd.engine_starts_burst,
       .help = "The maximum number of engine processes that start without a pause; further "
               "ones start every `engine_start_interval`. All sets of datasets share these "
               "starts. Each set also has one start of its own, which it gets again after "
               "`engine_starts_burst` times `engine_start_interval`. Queries wait while no "
               "process runs.",
       .min = 1,
       .max = 1000,
       .unit = "processes"},
      {.key = "queryd.engine_start_interval",
       .target = &queryd.engine_start_interval,
       .help = "The time between starts of engine processes after `engine_starts_burst` of "
               "them."},
      {.key = "queryd.quarantine_time",
       .target = &queryd.quarantine_time,
       .help = "How long a query that ended or broke two engine processes is refused, and how "
               "long each of them counts against its token."},
      {.key = "queryd.quarantine_entries_max",
       .target = &queryd.quarantine_entries_max,
       .help = "The maximum number of queries, and of tokens, that are remembered because of "
               "engine processes that ended or broke. The oldest are dropped first.",
       .min = 1,
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.crashes_max",
       .target = &queryd.crashes_max,
       .help = "The maximum number of engine processes that the queries of one token may "
               "end or break within `quarantine_time`. Then all its queries are answered "
               "503. Without tokens, only the queries that ended or broke the processes are "
               "refused.",
       .min = 1,
       .max = 1000,
       .unit = "processes"},
      {.key = "queryd.suspect_queue_limit",
       .target = &queryd.suspect_queue_limit,
       .help = "The maximum number of queries that wait to run in an engine process of "
               "their own, for each set of datasets. Further ones are answered 503.",
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.suspect_queue_timeout",
       .target = &queryd.suspect_queue_timeout,
       .help = "The maximum time that such a query waits. Then it is answered 503."},
      {.key = "queryd.row_limit",
       .target = &queryd.row_limit,
       .help = "The maximum number of rows of a result. Further rows are cut off, and the "
               "response says so. A request can set a lower limit. 0 means no limit.",
       .unit = "rows"},
      {.key = "queryd.byte_limit",
       .target = &queryd.byte_limit,
       .help = "The maximum size of a result before compression. 0 means no limit.",
       .unit = "bytes"},
      {.key = "queryd.query_history",
       .target = &queryd.query_history,
       .help = "The number of ended queries that `GET /queries` shows. Beyond it, the oldest "
               "query of the token with the most queries is dropped.",
       .max = 1'000'000,
       .unit = "queries"},
      {.key = "queryd.plan_cache_entries",
       .target = &queryd.plan_cache_entries,
       .help = "The number of statements that each connection caches after they passed the "
               "checks. Statements that run in less than 5 ms are cached with their plans.",
       .max = 100'000,
       .unit = "plans"},
      {.key = "queryd.cache_objects",
       .target = &queryd.cache_objects,
       .help = "Cache the sizes, ETags and footers of objects, and their data as far as "
               "`memory_limit` allows. Set it to `false` if other programs overwrite "
               "objects in the bucket."},
      {.key = "queryd.result_cache_bytes",
       .target = &queryd.result_cache_bytes,
       .help = "The memory for cached results. A result is reused until one of its datasets "
               "changes. 0 disables the cache.",
       .max = 1'000'000'000'000,
       .unit = "bytes"},
      {.key = "queryd.allow_direct_reads",
       .target = &queryd.allow_direct_reads,
       .help = "Allow SQL to read any object of the bucket with `read_parquet` and similar "
               "functions, and to list the bucket with `glob`. Without it, SQL reads only "
               "datasets."},
      {.key = "queryd.nesting_max",
       .target = &queryd.nesting_max,
       .help = "The maximum nesting depth of brackets or comments in a statement. Deeper "
               "statements are refused, because DuckDB cannot be interrupted while it parses "
               "them.",
       .min = 10,
       .max = 1000,
       .unit = "levels"},
      {.key = "queryd.subquery_depth_max",
       .target = &queryd.subquery_depth_max,
       .help = "The maximum nesting depth of subqueries in expressions. Each level doubles "
               "DuckDB's planning time, which cannot be interrupted.",
       .min = 1,
       .max = 20,
       .unit = "levels"},
      {.key = "queryd.expression_depth_max",
       .target = &queryd.expression_depth_max,
       .help = "The maximum nesting depth of expressions and types: DuckDB's "
               "`max_expression_depth`. Each level of a type counts as several levels.",
       .min = 50,
       .max = 1000,
       .unit = "levels"},
      {.key = "queryd.json_depth_max",
       .target = &queryd.json_depth_max,
       .help = "The maximum nesting depth of JSON that SQL reads. Deeper JSON is an error of "
               "the query, because DuckDB's functions would overflow the stack and end the "
               "engine process.",
       .min = 10,
       .max = 10000,
       .unit = "levels"},
      {.key = "queryd.threads",
       .target = &queryd.threads,
       .help = "The number of DuckDB's threads, shared by all queries.",
       .max = 1024,
       .unit = "threads",
       .default_text = "the number of cores"},
      {.key = "queryd.memory_limit",
       .target = &queryd.memory_limit,
       .help = "The memory that DuckDB may use for all queries together before it spills to "
               "`temp_directory`.",
       .unit = "bytes",
       .default_text = "60 % of the machine's memory"},
      {.key = "queryd.memory_hard_limit",
       .target = &queryd.memory_hard_limit,
       .help = "The maximum memory of the engine process, including memory that DuckDB does "
               "not count. Allocations beyond it fail, and a process beyond it is replaced.",
       .unit = "bytes",
       .default_text = "`memory_limit` and a quarter, and 256 MB"},
      {.key = "queryd.engines_memory_limit",
       .target = &queryd.engines_memory_limit,
       .help = "The maximum memory of all engine processes together. Beyond it, one is "
               "ended: draining processes first, oldest first, then the process that "
               "exceeds its `memory_limit` most.",
       .unit = "bytes",
       .default_text = "`memory_hard_limit` and half of `memory_limit`, at most 90 % of the "
                       "machine's memory, at least `memory_hard_limit`"},
      {.key = "queryd.scoped_engines_max",
       .target = &queryd.scoped_engines_max,
       .help = "The maximum number of engine processes for tokens that are limited to "
               "datasets. There is one process for each set of datasets. Queries of further "
               "sets wait for one of them, up to `queue_timeout`.",
       .min = 1,
       .max = 64,
       .unit = "processes"},
      {.key = "queryd.scoped_memory_limit",
       .target = &queryd.scoped_memory_limit,
       .help = "The `memory_limit` of each of these processes.",
       .unit = "bytes",
       .default_text = "`memory_limit` divided by twice `scoped_engines_max`"},
      {.key = "queryd.scoped_idle_timeout",
       .target = &queryd.scoped_idle_timeout,
       .help = "The time without a query after which such a process is ended."},
      {.key = "queryd.temp_directory",
       .target = &queryd.temp_directory,
       .help = "The folder for spilled data. Each process creates a subfolder and removes it "
               "at its end.",
       .default_text = "the system's, `$TMPDIR` or `/tmp`"},
      {.key = "queryd.temp_directory_limit",
       .target = &queryd.temp_directory_limit,
       .help = "The maximum size of spilled data. 0 disables spilling.",
       .unit = "bytes"},
      {.key = "queryd.sandbox",
       .target = Choice(
           &queryd.sandbox,
           {{"on", SandboxUse::kOn}, {"off", SandboxUse::kOff}, {"require", SandboxUse::kRequire}}),
       .help = "The sandbox in which the engine process gives up programs, files, ports and "
               "privileges that it does not need. `on` uses the parts that the kernel "
               "supports. `require` refuses to start with an incomplete sandbox. `off` is "
               "for debuggers."},
      {.key = "queryd.sql_body_bytes_max",
       .target = &queryd.sql_body_bytes_max,
       .help = "The maximum size of the body of `POST /sql`.",
       .min = 1024,
       .max = 64 * 1024 * 1024,
       .unit = "bytes"},
      {.key = "queryd.result_buffer_bytes",
       .target = &queryd.result_buffer_bytes,
       .help = "The size of the buffer for one result. If it is full, the query waits for "
               "the client to read. A result that fits is sent whole, with Content-Length, "
               "and its errors keep their status.",
       .min = 64 * 1024,
       .max = 1024 * 1024 * 1024,
       .unit = "bytes"},
  };
  const auto add = [&settings](const std::vector<Setting>& more) {
    settings.insert(settings.end(), more.begin(), more.end());
  };
  add(CatalogdTable(catalogd));
  add(IcebergTable(iceberg));
  add({
      {.key = "http.header_timeout",
       .target = &http.header_timeout,
       .help = "How long a client may take to send the header of a request."},
      {.key = "http.idle_timeout",
       .target = &http.idle_timeout,
       .help = "How long a connection may be open without a request."},
      {.key = "http.body_timeout",
       .target = &http.body_timeout,
       .help = "How long a client may take to send the body of a request."},
      {.key = "http.write_timeout",
       .target = &http.write_timeout,
       .help = "How long a client may read nothing of a response."},
      {.key = "http.header_bytes_max",
       .target = &http.header_bytes_max,
       .help = "The maximum size of a request header.",
       .min = 1024,
       .max = 1024 * 1024,
       .unit = "bytes"},
      {.key = "http.body_memory_max",
       .target = &http.body_memory_max,
       .help = "The memory for the bodies of all requests and responses that are larger than 64 "
               "KiB. One token may have half of it. Beyond that, requests are answered 503. A "
               "request that needs more for itself is answered 413.",
       .min = 1'000'000,
       .max = 1'000'000'000'000,
       .unit = "bytes"},
      {.key = "http.connections_max",
       .target = &http.connections_max,
       .help = "The maximum number of open connections. A new connection beyond it replaces "
               "one that waits for a complete request: the oldest one of the client address "
               "with the most waiting connections. If every connection has a request, the "
               "new one is answered 503.",
       .min = 1,
       .max = 1'000'000,
       .unit = "connections"},
      {.key = "http.connections_per_address_max",
       .target = &http.connections_per_address_max,
       .help = "The maximum number of open connections of one client address (of one /64 "
               "network with IPv6). Behind a reverse proxy on another machine, all clients "
               "share its address: set this to `connections_max`.",
       .max = 1'000'000,
       .unit = "connections",
       .default_text = "half of `connections_max`; all of it for a loopback address"},
      {.key = "http.reserved_connections",
       .target = &http.reserved_connections,
       .help = "The number of additional connections that serve only `GET /healthz`, "
               "`/readyz` and `/metrics`.",
       .min = 1,
       .max = 10'000,
       .unit = "connections"},
      {.key = "http.peer_log_interval",
       .target = &http.peer_log_interval,
       .help = "The interval in which repeated errors of one client address (unknown "
               "tokens, requests of ambiguous length, too many connections) share one log "
               "line. The line has the number of suppressed lines."},
      {.key = "http.allowed_hosts",
       .target = &http.allowed_hosts,
       .help = "Host names under which clients may reach a daemon (`Host`): "
               "`[\"tarn.example.com\"]`. On a loopback address, `localhost`, `127.0.0.1` "
               "and `[::1]` are always allowed; on other addresses, an empty list allows "
               "every name."},
      {.key = "http.allowed_origins",
       .target = &http.allowed_origins,
       .help = "Origins whose pages may send requests from a browser, in addition to the "
               "daemon's own: `[\"https://app.example.com\"]`."},

      {.key = "auth.tokens_path",
       .target = &auth.tokens_path,
       .help = "The token file that `tarn token` writes. With it, both daemons require a "
               "token. Only its owner may have access. Reloaded within a second of a change."},
      {.key = "auth.allow_anonymous",
       .target = &auth.allow_anonymous,
       .help = "Without tokens, also listen on addresses that other machines can reach."},
      {.key = "tls.cert_path",
       .target = &tls.cert_path,
       .help = "The certificate of the daemons, followed by its intermediate certificates, "
               "in PEM. With `cert_path` and `key_path`, they accept only HTTPS."},
      {.key = "tls.key_path",
       .target = &tls.key_path,
       .help = "The private key of the certificate in PEM. Only its owner may have access."},
      {.key = "tls.ca_path",
       .target = &tls.ca_path,
       .help = "The trusted CAs, in PEM, for the certificates of catalogd and the object "
               "store. Empty means the system's CAs."},
      {.key = "tls.verify",
       .target = &tls.verify,
       .help = "Check the certificates of catalogd and of the object store. `false` is only "
               "for tests: an attacker on the network can then read and change all traffic."},

      {.key = "log.format",
       .target = Choice(&log.format, {{"text", log::Format::kText}, {"json", log::Format::kJson}}),
       .help = "Lines of text, or one JSON object per line."},
      {.key = "log.level",
       .target = Choice(&log.level, {{"debug", log::Level::kDebug},
                                     {"info", log::Level::kInfo},
                                     {"warn", log::Level::kWarn},
                                     {"error", log::Level::kError}}),
       .help = "The lowest level that is written."},
      {.key = "log.client_lines_per_second",
       .target = &log.client_lines_per_second,
       .help = "The maximum number of log lines per second that a token or address can cause, "
               "for each message about its queries, its changes or aborted responses. Further "
               "lines are left out, and one line per second reports their number. 0: no limit.",
       .min = 0,
       .max = 1'000'000},
  });
  return SettingsTable(std::move(settings));
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
