#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "http/message.h"

namespace tarn::http {

// Runs on an I/O thread and must not block it.
using Handler = std::function<boost::asio::awaitable<Response>(const Request&)>;

// One line of a server's table of routes.
struct Route {
  std::string method;
  std::string path;  // "/catalog/datasets/{name}"; {…} takes one segment, percent-decoded.
  Handler handler;
  // A body that no handler looks at is read and dropped up to this size.
  int64_t body_bytes_max = 8 * 1024;
  std::string too_large_message = "body too large";  // The text of 413.
  // Roles that may use the route. Without tokens, all clients may.
  auth::Roles roles = auth::Roles::All();
  bool is_public = false;  // Needs no token.
  // Health and metrics: served also when http.connections_max is reached.
  bool is_operational = false;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  struct Match {
    const Route* route = nullptr;        // None: see `allow`.
    std::vector<std::string> arguments;  // Of the {…} segments.
    std::string allow;                   // The methods that the path has; empty: unknown path.
    bool bad_encoding = false;           // A '%' without two hexadecimal digits.
  };
  // HEAD finds the route of GET.
  Match Find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace tarn::http
