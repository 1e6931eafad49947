#pragma once

#include <string>
#include <vector>

#include "catalogd/service/iceberg_catalog.h"
#include "http/router.h"

namespace tarn::catalogd {

// The path of the routes. Errors of the server for paths below it need SetIcebergErrorDocument.
inline constexpr const char* kIcebergPath = "/iceberg/";

// The Iceberg REST catalog, read-only (docs/http-api.md). Without a catalog (null), all routes
// answer 404 with the reason. The catalog outlives the routes.
// https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
std::vector<http::Route> IcebergRoutes(IcebergCatalog* catalog, const std::string& off_reason);

}  // namespace tarn::catalogd
