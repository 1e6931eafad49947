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
  };
  const auto append = [&settings](const std::vector<Setting>& more) {
    settings.insert(settings.end(), more.begin(), more.end());
  };
  append(QuerydTable(queryd));
  append(CatalogdTable(catalogd));
  append({
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
