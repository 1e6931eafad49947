#pragma once

#include <boost/asio/thread_pool.hpp>
#include <string_view>
#include <vector>

#include "catalogd/store.h"
#include "http/router.h"

namespace tarn::catalogd {

// openapi.json: describes these routes and those of every daemon.
std::string_view OpenApi();

// The catalogue's HTTP interface (docs/http-api.md). The store's calls run on the pool; store and
// pool outlive the routes.
std::vector<http::Route> CatalogRoutes(Store& store, boost::asio::thread_pool& pool,
                                       int64_t body_bytes_max);

}  // namespace tarn::catalogd
