#pragma once

#include <string_view>
#include <vector>

#include "catalogd/service.h"
#include "http/router.h"

namespace tarn::catalogd {

// openapi.json: describes these routes and those of every daemon.
std::string_view OpenApi();

// The catalogue's HTTP interface (docs/http-api.md). The service outlives the routes.
std::vector<http::Route> CatalogRoutes(Service& service);

// For this folder: an error of the store, which is logged and counted where it is the store's own.
http::Response RenderStoreError(Service& service, const Error& error, const http::Request& request);

}  // namespace tarn::catalogd
