#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "http/headers.h"
#include "net/tls.h"

namespace tarn::http {

struct Url {
  std::string host;
  std::string port;
  std::string path;  // Without a trailing slash; may be empty.
  bool https = false;
};

// Parses "http://host[:port][/path]" or the same with https.
Result<Url> ParseHttpUrl(const std::string& text);

struct ClientResponse {
  int status = 0;
  std::string body;
  Headers headers = {};  // Includes the trailer fields.

  // The first header with that name (case-insensitive); empty if there is none.
  std::string_view Header(std::string_view name) const;
};

struct ClientRequest {
  std::string method = "GET";
  std::string path;          // Appended to the path of the URL.
  std::string body;          // Sent as application/json.
  std::string bearer_token;  // Empty: no Authorization header.
  std::string accept = "application/json";
  Headers headers = {};                          // Additional headers.
  uint64_t answer_bytes_max = 64 * 1024 * 1024;  // Limit for a body without `on_body`.
  // Receives the body of a 200 response piece by piece. An error from it ends the request.
  std::function<Result<>(std::string_view piece)> on_body = nullptr;
};

// Sends one request on its own connection. Blocks until the response is complete or the deadline
// has passed, so it must not run on an I/O thread. The error names the host and the failed step.
// The CA file of `tls` is read for each request, so that it can be replaced at run time. `stop`
// ends the request at once with kCancelled.
Result<ClientResponse> Send(const Url& url, const ClientRequest& request, Deadline deadline,
                            const net::ClientTls& tls = {}, const std::stop_token& stop = {});

}  // namespace tarn::http
