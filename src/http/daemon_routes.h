#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "http/router.h"
#include "http/runtime.h"
#include "http/tls.h"

namespace tarn::http {

// Runs on an I/O thread. Its error says what is missing.
using ReadyCheck = std::function<boost::asio::awaitable<Result<>>()>;

// GET /healthz, /readyz, /metrics and /openapi.json, which every daemon has. `open_api` describes
// all of its routes and outlives them.
std::vector<Route> DaemonRoutes(const Metrics& metrics, ReadyCheck ready,
                                std::string_view open_api);

// What a daemon does while it waits: it reads its certificate again when that has changed or SIGHUP
// comes. Without TLS, SIGHUP does nothing. `tls` may be null.
Runtime::Chores TlsChores(ServerTls* tls);

}  // namespace tarn::http
