#pragma once

// Requests and responses as handlers see them: plain values without types of the HTTP library.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "auth/identity.h"
#include "base/result.h"
#include "http/headers.h"

namespace tarn::http {

// Notifies a handler that its client has disconnected: the client has closed its side of the
// connection, the connection has failed, the client has read nothing for http.write_timeout, or the
// server closes the connection. A client that only shuts down its sending side counts as
// disconnected too, because the server cannot tell the difference.
//
// Used only on the strand that the handler runs on.
class ClientWatch {
 public:
  bool disconnected() const { return disconnected_; }

  // Sets the function that runs once, on the strand, when the client disconnects; at once if the
  // client is already disconnected. Replaces the previous function; nullptr removes it. The server
  // removes it at the end of the request.
  void OnDisconnect(std::function<void()> f);

  // Closes the connection in the middle of the response, even while a write is blocked.
  void Abort();

  // Called by the server and by tests.
  void MarkDisconnected();
  void OnAbort(std::function<void()> f) { on_abort_ = std::move(f); }

 private:
  bool disconnected_ = false;
  std::function<void()> on_disconnect_;
  std::function<void()> on_abort_;
};

struct Request {
  std::string id;      // Sent as X-Query-Id in the response and as query_id in the log.
  std::string method;  // "GET"
  std::string path;    // As sent: percent-encoded, without the query.
  std::string query;   // The part after '?', as sent.
  // Host and port of a target in absolute-form, which take precedence over Host (RFC 9112, 3.2.2).
  std::optional<std::string> authority;
  Headers headers;
  std::string body;
  std::vector<std::string> path_arguments;  // The {…} parts of the route, percent-decoded.
  std::shared_ptr<ClientWatch> client;      // Never null in a server's request.
  // The authenticated identity. Never null in a handler.
  std::shared_ptr<const auth::Identity> identity = auth::Anonymous();
  // See ReserveResponse. Null in tests: no limit.
  std::function<Result<>(uint64_t bytes)> reserve_response = nullptr;
  std::string allowed_origin;  // Another origin whose pages may read the response.

  // Takes memory for a response of at most this size from http.body_memory_max. A handler calls it
  // before it makes a large response, possibly on another thread: otherwise many responses could be
  // complete before the first one is refused. kUnavailable if too much is in use.
  Result<> ReserveResponse(uint64_t bytes) const {
    return reserve_response ? reserve_response(bytes) : Result<>();
  }

  // The first header with that name (case-insensitive); empty if there is none.
  std::string_view Header(std::string_view name) const;

  // The first query parameter with that name, decoded; empty if its encoding is malformed.
  std::optional<std::string> Parameter(std::string_view name) const;

  // A parameter with the value "true" or "false"; false if absent. The error names the parameter.
  Result<bool> Flag(std::string_view name) const;

  // A parameter with a whole number from 1; `otherwise` if absent. The error names the parameter.
  Result<uint64_t> Count(std::string_view name, uint64_t otherwise) const;

  // True if the client accepts JSON, and so gets errors as problem documents.
  bool WantsProblemJson() const;
};

// A response body that is produced while it is sent. Used on the session's strand.
class BodyStream {
 public:
  virtual ~BodyStream() = default;

  // Returns the next bytes, or nullopt at the end. The header is sent with the first bytes, so that
  // an error before them becomes an error response. After a later error the connection is closed
  // without the last chunk, so that the client can tell that the response is incomplete.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> Next() = 0;

  // The fields of the trailer section (RFC 9112, 7.1.2), requested once after the end. Their names
  // must also be in Response::trailer_names. An HTTP/1.0 client gets no trailers.
  virtual Headers Trailers() { return {}; }

  // True if a client that does not see the trailers would take an incomplete response for complete.
  // Called once after the end. The connection of an HTTP/1.0 client is then reset, as after an
  // error.
  virtual bool NeedsTrailers() { return false; }

  // Called at most once, when one write has been blocked by the client for more than a second. The
  // write continues.
  virtual void OnSlowReader() {}
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  // Empty: no Content-Type header.
  Headers headers;
  // A string is sent with Content-Length, a stream chunked.
  std::variant<std::string, std::unique_ptr<BodyStream>> body;
  std::vector<std::string> trailer_names;  // Announced in the header of a stream.
  std::string problem = {};                // The message of RenderProblem; empty otherwise.

  static Response Json(int status, std::string body);
  static Response Text(int status, std::string body);
  static Response NoContent() { return {.status = 204, .content_type = "", .body = ""}; }
};

// Maps an error kind to a status code, for all handlers. The body is text/plain with a newline, or
// application/problem+json (RFC 9457) for a client that accepts JSON. A 503 has Retry-After: 1.
Response RenderError(const Error& error, const Request& request);
int StatusOf(ErrorKind kind);
Response RenderProblem(int status, std::string_view detail, bool problem_json);

// "Not Found" for 404.
std::string_view ReasonPhrase(int status);

}  // namespace tarn::http
