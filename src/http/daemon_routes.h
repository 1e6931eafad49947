#pragma once

#include <functional>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "http/router.h"

namespace tarn::http {

// GET /healthz, /readyz and /metrics, which every daemon has. `ready` must not block; its error
// says what is missing.
std::vector<Route> DaemonRoutes(const Metrics& metrics, std::function<Result<>()> ready);

}  // namespace tarn::http
