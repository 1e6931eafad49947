#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "http/headers.h"
#include "http/tls.h"

namespace tarn::http {

struct Url {
  std::string host;
  std::string port;
  std::string path;  // Without a slash at the end; "" for none.
  bool https = false;
};

// "http://host[:port][/path]" or https://.
Result<Url> ParseHttpUrl(const std::string& text);

struct ClientResponse {
  int status = 0;
  std::string body;
  Headers headers = {};  // With those of the trailer.

  // The first of that name, whatever its case; empty when there is none.
  std::string_view Header(std::string_view name) const;
};

struct ClientRequest {
  std::string method = "GET";
  std::string path;          // Behind the URL's own.
  std::string body;          // Sent as application/json.
  std::string bearer_token;  // Empty: none.
  std::string accept = "application/json";
  Headers headers = {};                          // More of them.
  uint64_t answer_bytes_max = 64 * 1024 * 1024;  // Of a body that `on_body` does not take.
  // Takes the body of an answer of 200 as it comes, piece by piece. Its error ends the request.
  std::function<Result<>(std::string_view piece)> on_body = nullptr;
};

// Sends one request on a connection of its own. Blocks until the answer is there or the deadline
// has passed; not for an I/O thread. The error tells which host and what went wrong. `tls` is for
// https: its files are read each time, so that CAs can be changed. A stop ends it at once:
// kCancelled.
Result<ClientResponse> Send(const Url& url, const ClientRequest& request, Deadline deadline,
                            const ClientTls& tls = {}, const std::stop_token& stop = {});

}  // namespace tarn::http
