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

// Runs on an I/O thread and must not block it. The session renders an error (RenderError).
using Handler = std::function<boost::asio::awaitable<Result<Response>>(const Request&)>;

// An entry of a server's route table.
struct Route {
  std::string method;
  std::string path;  // "/catalog/datasets/{name}"; {…} takes one segment, percent-decoded.
  Handler handler;
  // The size limit of the body, also of a body that the handler ignores.
  int64_t body_bytes_max = 8 * 1024;
  std::string too_large_message = "body too large";  // The error text of the 413 response.
  // Roles that may use the route. Without tokens, all clients may.
  auth::Roles roles = auth::Roles::All();
  bool is_public = false;  // No token is required.
  // Health and metrics: also served beyond http.connections_max.
  bool is_operational = false;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  struct Match {
    const Route* route = nullptr;        // Null if no route matches.
    std::vector<std::string> arguments;  // The values of the {…} segments.
    std::string allow;                   // The methods of the path; empty if the path is unknown.
    bool bad_encoding = false;           // A '%' is not followed by two hexadecimal digits.
  };
  // HEAD matches the routes of GET.
  Match Find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace tarn::http
