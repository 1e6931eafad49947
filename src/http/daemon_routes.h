#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "http/router.h"
#include "net/runtime.h"
#include "net/tls.h"

namespace tarn::http {

// Returns an error that names the reason while the daemon is not ready. Runs on an I/O thread.
using ReadyCheck = std::function<boost::asio::awaitable<Result<>>()>;

// The routes that every daemon has: GET /healthz, /readyz, /metrics and /openapi.json. `open_api`
// describes all routes of the daemon and outlives them.
std::vector<Route> DaemonRoutes(const Metrics& metrics, ReadyCheck ready,
                                std::string_view open_api);

// Reloads the certificate when its files change or on SIGHUP. Without TLS (`tls` is null), SIGHUP
// is ignored.
net::Runtime::BackgroundTasks TlsReloadTasks(net::ServerTls* tls);

}  // namespace tarn::http
