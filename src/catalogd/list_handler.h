#pragma once

// Private to src/catalogd.

#include <boost/asio/awaitable.hpp>

#include "catalogd/service.h"
#include "http/message.h"

namespace tarn::catalogd {

// GET /catalog/list: all, what has changed `since`, or 304; at once or with the next change.
boost::asio::awaitable<http::Response> HandleList(Service& service, const http::Request& request);

// GET /catalog/backup: the database as a file.
boost::asio::awaitable<http::Response> HandleBackup(Service& service, const http::Request& request);

}  // namespace tarn::catalogd
