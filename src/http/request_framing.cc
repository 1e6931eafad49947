#include "http/request_framing.h"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include "base/text.h"

namespace tarn::http {

namespace bhttp = boost::beast::http;

namespace {

constexpr FramingError kUncertainLength = {
    400,
    "the length of the body is ambiguous: send Content-Length once, or Transfer-Encoding: "
    "chunked with HTTP/1.1"};
constexpr FramingError kUnknownCoding = {
    501, "Transfer-Encoding: only chunked is supported, use Content-Encoding to compress a body"};

bool IsChunked(std::string_view coding) { return EqualsIgnoreCase(coding, "chunked"); }

// True for a list of codings (RFC 9110, 5.6.1) that ends in its only "chunked".
bool EndsInChunked(std::string_view list) {
  const size_t comma = list.rfind(',');
  if (comma == std::string_view::npos || !IsChunked(Trim(list.substr(comma + 1)))) return false;
  list = list.substr(0, comma);
  if (list.empty()) return false;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view coding = Trim(list.substr(0, end));
    if (coding.empty() || IsChunked(coding)) return false;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return true;
}

}  // namespace

std::optional<FramingError> CheckFraming(const bhttp::fields& header, unsigned version) {
  std::string_view codings;
  std::string_view length;
  int coding_fields = 0;
  int length_fields = 0;
  for (const auto& field : header) {
    const std::string_view value(field.value().data(), field.value().size());
    if (field.name() == bhttp::field::transfer_encoding) {
      codings = value;
      ++coding_fields;
    } else if (field.name() == bhttp::field::content_length) {
      length = value;
      ++length_fields;
    }
  }
  if (length_fields > 1 || coding_fields > 1) return kUncertainLength;
  if (length_fields == 1) {
    const bool number = !length.empty() && std::all_of(length.begin(), length.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
    if (!number || coding_fields > 0) return kUncertainLength;
  }
  if (coding_fields == 0) return std::nullopt;
  if (version < 11) return kUncertainLength;
  if (IsChunked(codings)) return std::nullopt;
  return EndsInChunked(codings) ? kUnknownCoding : kUncertainLength;
}

std::optional<FramingError> FramingErrorOf(const boost::beast::error_code& code) {
  if (code == bhttp::error::bad_transfer_encoding || code == bhttp::error::bad_content_length ||
      code == bhttp::error::multiple_content_length) {
    return kUncertainLength;
  }
  return std::nullopt;
}

}  // namespace tarn::http
