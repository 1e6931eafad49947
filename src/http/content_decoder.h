#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace tarn::http {

// Decodes the body of a request that has a Content-Encoding (RFC 9110, 8.4): gzip (RFC 1952, one or
// more members) or zstd (RFC 8878, one or more frames, with a window of at most 8 MiB as RFC 9659
// has it). A body has at most 1,000 members or frames. Not thread-safe.
class ContentDecoder {
 public:
  // The value of Accept-Encoding in a 415 answer (RFC 9110, 15.5.16).
  static constexpr std::string_view kSupported = "gzip, zstd";

  // The Content-Encoding of a request, in small letters; empty for none or `identity`. More than
  // one coding or field is a list, separated by commas.
  static std::string CodingOf(const Request& request);
  static bool IsSupported(std::string_view coding);
  // Null for a coding that is not supported.
  static std::unique_ptr<ContentDecoder> Make(std::string_view coding);

  virtual ~ContentDecoder() = default;

  // Takes bytes from the front of `input`, which is all that is left of the body, and appends at
  // most `bytes_max` (more than 0) decoded bytes to `out`. A call reads at most 256 KiB. True when
  // the body is decoded to its end. kInvalidArgument if it is damaged or truncated, or has too many
  // members or frames.
  virtual Result<bool> Decode(std::string_view& input, std::string& out, size_t bytes_max) = 0;
};

}  // namespace tarn::http
