#pragma once

#include <cstdint>
#include <string>

#include "base/deadline.h"
#include "base/result.h"

namespace tarn::http {

struct Url {
  std::string host;
  std::string port;
  std::string path;  // Without a slash at the end; "" for none.
};

// "http://host[:port][/path]". https is an error that says so.
Result<Url> ParseHttpUrl(const std::string& text);

struct ClientResponse {
  int status = 0;
  std::string body;
};

// GET on a connection of its own. Blocks until the answer is there or the deadline has passed;
// not for an I/O thread. The error tells which host and what went wrong.
Result<ClientResponse> Get(const Url& url, const std::string& path, uint64_t body_bytes_max,
                           Deadline deadline);

}  // namespace tarn::http
