#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "http/router.h"
#include "queryd/datasets/registrar.h"
#include "queryd/http/console_files.h"
#include "queryd/http/fair_workers.h"
#include "queryd/query/query_service.h"

namespace tarn::queryd {

// openapi.json: describes these routes and those of every daemon.
std::string_view OpenApi();

// POST /sql (docs/http-api.md). Service and registrar outlive the routes.
std::vector<http::Route> SqlRoutes(QueryService& service, const Registrar& registrar,
                                   int64_t body_bytes_max);

// GET /queries, GET and DELETE /queries/{id}. The workers build the lists, here and below.
std::vector<http::Route> QueriesRoutes(QueryService& service, FairWorkers& workers);

// GET /catalog/status: which revision queries see, and what of it they do not. GET
// /catalog/datasets: how large what they see is.
std::vector<http::Route> CatalogStatusRoutes(const Registrar& registrar, FairWorkers& workers);

// GET / and GET /console/{file}: the web console. `files` outlive the routes; where there are none,
// there are no routes. The page is public: what it asks for needs a token like everything else.
std::vector<http::Route> ConsoleRoutes(std::span<const ConsoleFile> files);

}  // namespace tarn::queryd
