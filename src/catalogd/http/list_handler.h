#pragma once

// Private to src/catalogd.

#include <boost/asio/awaitable.hpp>

#include "catalogd/service/service.h"
#include "http/message.h"

namespace tarn::catalogd {

// GET /catalog/list: the complete catalogue, the changes `since` a position, or 304; at once or
// after the next change.
boost::asio::awaitable<Result<http::Response>> HandleList(Service& service,
                                                          const http::Request& request);

// GET /catalog/backup: a copy of the database.
boost::asio::awaitable<Result<http::Response>> HandleBackup(Service& service,
                                                            const http::Request& request);

}  // namespace tarn::catalogd
