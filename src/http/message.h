#pragma once

// Requests and responses as handlers see them: plain values, nothing of the library below.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace tarn::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string id;      // Of this request: X-Query-Id in the answer, query_id in the log.
  std::string method;  // "GET"
  std::string path;    // As sent, still percent-encoded, without the query.
  std::string query;   // What follows '?', as sent.
  Headers headers;
  std::string body;
  std::vector<std::string> path_arguments;  // The {…} parts of the route, percent-decoded.

  // The first header of that name, whatever its case; empty when there is none.
  std::string_view Header(std::string_view name) const;

  // True when the client asks for JSON and so for errors as problem documents.
  bool WantsProblemJson() const;
};

// A body that is not known as a whole when the answer begins.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The next bytes; none at the end. After an error the connection is closed without the last
  // chunk, so that the client can tell that the answer is incomplete.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> Next() = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  // Empty: no header.
  Headers headers;
  // A text is sent with Content-Length, a stream chunked.
  std::variant<std::string, std::unique_ptr<BodyStream>> body;

  static Response Json(int status, std::string body);
  static Response Text(int status, std::string body);
  static Response NoContent() { return {.status = 204, .content_type = "", .body = ""}; }
};

// The one place that maps error kinds to status codes: as text/plain with a newline, or as
// application/problem+json (RFC 9457) for a client that asks for JSON.
Response RenderError(const Error& error, const Request& request);
int StatusOf(ErrorKind kind);
Response RenderProblem(int status, std::string_view detail, bool problem_json);

// "Not Found" for 404.
std::string_view ReasonPhrase(int status);

}  // namespace tarn::http
