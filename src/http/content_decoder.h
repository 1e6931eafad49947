#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace tarn::http {

// Decodes a request body with a Content-Encoding (RFC 9110, 8.4): gzip (RFC 1952, one or more
// members) or zstd (RFC 8878, one or more frames, with a window of at most 8 MiB as in RFC 9659). A
// body has at most 1,000 members or frames. Not thread-safe.
class ContentDecoder {
 public:
  // The value of Accept-Encoding in a 415 answer (RFC 9110, 15.5.16).
  static constexpr std::string_view kSupported = "gzip, zstd";

  // The Content-Encoding of a request in lower case; empty for none or `identity`. Several codings
  // or fields are joined with commas.
  static std::string CodingOf(const Request& request);
  static bool IsSupported(std::string_view coding);
  // Returns null for an unsupported coding.
  static std::unique_ptr<ContentDecoder> Make(std::string_view coding);

  virtual ~ContentDecoder() = default;

  // Consumes bytes from the front of `input`, the rest of the body, and appends at most `bytes_max`
  // (more than 0) decoded bytes to `out`. A call reads at most 256 KiB. Returns true at the end of
  // the body. kInvalidArgument if the body is damaged or truncated, or has too many members or
  // frames.
  virtual Result<bool> Decode(std::string_view& input, std::string& out, size_t bytes_max) = 0;
};

}  // namespace tarn::http
