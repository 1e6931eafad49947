#pragma once

#include <functional>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "http/router.h"
#include "http/runtime.h"
#include "http/tls.h"

namespace tarn::http {

// Runs on an I/O thread. Its error says what is missing.
using ReadyCheck = std::function<boost::asio::awaitable<Result<>>()>;

// GET /healthz, /readyz and /metrics, which every daemon has.
std::vector<Route> DaemonRoutes(const Metrics& metrics, ReadyCheck ready);

// What a daemon does while it waits: it reads its certificate again when that has changed or SIGHUP
// comes. Without TLS, SIGHUP does nothing. `tls` may be null.
Runtime::Chores TlsChores(ServerTls* tls);

}  // namespace tarn::http
