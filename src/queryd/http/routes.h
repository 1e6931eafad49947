#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "http/router.h"
#include "net/fair_workers.h"
#include "queryd/datasets/registrar.h"
#include "queryd/http/console_files.h"
#include "queryd/query/query_service.h"

namespace tarn::queryd {

// Returns openapi.json, which describes these routes and those of every daemon.
std::string_view OpenApi();

// POST /sql (docs/http-api.md). Service and registrar must outlive the routes.
std::vector<http::Route> SqlRoutes(QueryService& service, const Registrar& registrar,
                                   int64_t body_bytes_max);

// GET /queries, GET and DELETE /queries/{id}. The workers build the lists, here and below.
std::vector<http::Route> QueriesRoutes(QueryService& service, net::FairWorkers& workers);

// GET /catalog/status: the revision that queries see, and the datasets that they cannot see. GET
// /catalog/datasets: the sizes of datasets.
std::vector<http::Route> CatalogStatusRoutes(const Registrar& registrar, net::FairWorkers& workers);

// GET / and GET /console/{file}: the web console. `files` must outlive the routes. Without files
// there are no routes. The page is public, but its requests need a token.
std::vector<http::Route> ConsoleRoutes(std::span<const ConsoleFile> files);

}  // namespace tarn::queryd
