#pragma once

#include <vector>

#include "base/metrics.h"
#include "catalogd/service/service.h"
#include "http/router.h"
#include "queryd/service.h"

namespace tarn::cli {

// Those of both daemons, on one port. The place that is served is the truth, so the catalogue can
// only be read. All three outlive the routes.
std::vector<http::Route> UpRoutes(queryd::Service& queries, catalogd::Service& catalogue,
                                  const Metrics& metrics);

}  // namespace tarn::cli
