#pragma once

// Private to src/http: rejects requests with a body of ambiguous length.

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <optional>
#include <string_view>

namespace tarn::http {

// The reason to reject a request and close its connection. A proxy in front could otherwise read a
// part of the body as the next request (request smuggling; RFC 9112, 11.2).
struct FramingError {
  int status = 400;
  std::string_view detail;
};

// Checks Transfer-Encoding and Content-Length of a header (RFC 9112, 6.1 to 6.3). An HTTP/1.1
// request may have one Transfer-Encoding, "chunked", or one Content-Length, a number. Other codings
// before a final "chunked" are not implemented (501; RFC 9112, 6.1). All other combinations are
// rejected with 400, including those that the RFC allows a server to repair, such as equal lengths.
std::optional<FramingError> CheckFraming(const boost::beast::http::fields& header,
                                         unsigned version);

// Maps a parser error; returns nullopt if the error does not concern framing.
std::optional<FramingError> FramingErrorOf(const boost::beast::error_code& code);

}  // namespace tarn::http
