#pragma once

// Requests and responses as handlers see them: plain values, nothing of the library below.

#include <boost/asio/awaitable.hpp>
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

// Tells a handler that its client has gone: the client has closed its side of the connection, the
// connection has failed, the client took none of its answer for http.write_timeout, or the server
// closes the connection. A client that only shuts its sending side down counts as gone too: nothing
// tells the two apart.
//
// Used on the strand that the handler runs on, and nowhere else.
class ClientWatch {
 public:
  bool gone() const { return gone_; }

  // `f` runs once, on the strand, when the client goes; at once when it has gone already. Takes the
  // place of the function before it; nullptr takes that away. The server drops it with the request.
  void OnGone(std::function<void()> f);

  // Ends the connection in the middle of the answer, also while the client takes nothing of it:
  // what the handler sends is worth nothing any more.
  void Abort();

  // Called by the server, and by tests in its place.
  void MarkGone();
  void OnAbort(std::function<void()> f) { on_abort_ = std::move(f); }

 private:
  bool gone_ = false;
  std::function<void()> on_gone_;
  std::function<void()> on_abort_;
};

struct Request {
  std::string id;      // Of this request: X-Query-Id in the answer, query_id in the log.
  std::string method;  // "GET"
  std::string path;    // As sent, still percent-encoded, without the query.
  std::string query;   // What follows '?', as sent.
  // Host and port of a target in absolute-form: they count in place of Host (RFC 9112, 3.2.2).
  std::optional<std::string> authority;
  Headers headers;
  std::string body;
  std::vector<std::string> path_arguments;  // The {…} parts of the route, percent-decoded.
  std::shared_ptr<ClientWatch> client;      // Never null in a server's request.
  // Who asks. Never null in a handler.
  std::shared_ptr<const auth::Identity> identity = auth::Anonymous();
  std::string allowed_origin;  // Of a page of another origin that may read the answer.

  // The first header of that name, whatever its case; empty when there is none.
  std::string_view Header(std::string_view name) const;

  // The first parameter of that name in the query string, decoded; empty where its encoding is
  // broken.
  std::optional<std::string> Parameter(std::string_view name) const;

  // A parameter that is "true" or "false"; false without it. The error names the parameter.
  Result<bool> Flag(std::string_view name) const;

  // True when the client asks for JSON and so for errors as problem documents.
  bool WantsProblemJson() const;
};

// A body that is not known as a whole when the answer begins. Used on the session's strand.
class BodyStream {
 public:
  virtual ~BodyStream() = default;

  // The next bytes; none at the end. The header is sent with the first bytes, so that an error
  // before them is answered like the error of a handler. After a later one the connection is closed
  // without the last chunk, so that the client can tell that the answer is incomplete.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> Next() = 0;

  // What goes into the trailer section (RFC 9112, 7.1.2), asked once after the end. The names
  // belong into Response::trailer_names too. An HTTP/1.0 client gets none.
  virtual Headers Trailers() { return {}; }

  // Whether a client without the trailers would take the answer for complete although it is not.
  // Asked once after the end. The connection of an HTTP/1.0 client is then reset, as after an
  // error.
  virtual bool NeedsTrailers() { return false; }

  // The client has let one write wait for more than a second, which goes on. At most once.
  virtual void ReaderIsSlow() {}
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  // Empty: no header.
  Headers headers;
  // A text is sent with Content-Length, a stream chunked.
  std::variant<std::string, std::unique_ptr<BodyStream>> body;
  std::vector<std::string> trailer_names;  // Of a stream: announced in the header.

  static Response Json(int status, std::string body);
  static Response Text(int status, std::string body);
  static Response NoContent() { return {.status = 204, .content_type = "", .body = ""}; }
};

// The one place that maps error kinds to status codes: as text/plain with a newline, or as
// application/problem+json (RFC 9457) for a client that asks for JSON. A 503 has Retry-After: 1.
Response RenderError(const Error& error, const Request& request);
int StatusOf(ErrorKind kind);
Response RenderProblem(int status, std::string_view detail, bool problem_json);

// "Not Found" for 404.
std::string_view ReasonPhrase(int status);

}  // namespace tarn::http
