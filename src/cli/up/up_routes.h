#pragma once

#include <vector>

#include "base/metrics.h"
#include "catalogd/service/service.h"
#include "http/router.h"
#include "queryd/service.h"

namespace tarn::cli {

// Returns the routes of both daemons, for one port. Clients can only read the catalogue, because
// the folder or bucket determines it. All arguments must outlive the routes.
std::vector<http::Route> UpRoutes(queryd::Service& queries, catalogd::Service& catalogue,
                                  const Metrics& metrics);

}  // namespace tarn::cli
