#pragma once

// Private to src/http: whether the length of a request's body is ambiguous.

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <optional>
#include <string_view>

namespace tarn::http {

// The reason to refuse a request and close its connection. A proxy in front could read part of
// the body as the next request (RFC 9112, 11.2: request smuggling).
struct FramingError {
  int status = 400;
  std::string_view detail;
};

// Judges Transfer-Encoding and Content-Length of a header (RFC 9112, 6.1 to 6.3). With HTTP/1.1, a
// request may have one Transfer-Encoding, which is "chunked", or one Content-Length, which is a
// number. Other codings before a final "chunked" are not implemented (501, RFC 9112, 6.1);
// everything else is 400, also what a server may repair by the RFC, such as equal lengths.
std::optional<FramingError> JudgeFraming(const boost::beast::http::fields& header,
                                         unsigned version);

// Maps a parser error; returns nullopt if the error is not about framing.
std::optional<FramingError> FramingErrorOf(const boost::beast::error_code& code);

}  // namespace tarn::http
