#pragma once

#include <functional>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "http/router.h"

namespace tarn::http {

// Runs on an I/O thread. Its error says what is missing.
using ReadyCheck = std::function<boost::asio::awaitable<Result<>>()>;

// GET /healthz, /readyz and /metrics, which every daemon has.
std::vector<Route> DaemonRoutes(const Metrics& metrics, ReadyCheck ready);

}  // namespace tarn::http
