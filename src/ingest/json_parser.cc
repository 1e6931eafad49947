#include "ingest/json_parser.h"

#include <algorithm>
#include <utility>

namespace tarn::ingest {
namespace {

// RFC 8259, section 6.
bool IsJsonNumber(std::string_view text) {
  const auto digits = [&text] {
    const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const auto take = [&text](std::string_view characters) {
    if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  };
  take("-");
  const bool has_zero = text.starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (has_zero && whole > 1)) return false;
  if (take(".") && digits() == 0) return false;
  if (take("eE")) {
    take("+-");
    if (digits() == 0) return false;
  }
  return text.empty();
}

}  // namespace

Error JsonError(simdjson::error_code code) {
  switch (code) {
    case simdjson::STRING_ERROR:
      return InvalidArgument("a string has an invalid escape, or half of a character");
    case simdjson::UNESCAPED_CHARS:
      return InvalidArgument("a string has a control character that is not escaped");
    case simdjson::UNCLOSED_STRING:
      return InvalidArgument("a string has no end");
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
      return {ErrorKind::kOutOfMemory, "there is not enough memory for a record"};
    case simdjson::DEPTH_ERROR:
      return InvalidArgument("lists and objects are nested too deep");
    default:
      return InvalidArgument("it is not JSON");
  }
}

Result<std::string_view> NumberText(JsonValue value) {
  // The token includes the white space up to the next one. JSON has only these four characters as
  // white space (RFC 8259, section 2).
  std::string_view text = value.raw_json_token();
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  if (IsJsonNumber(text)) return text;
  constexpr size_t kShown = 40;
  return InvalidArgument(fmt::format("\"{}\" is not a JSON number",
                                     Shortened(ToValidUtf8(text.substr(0, kShown)), kShown)));
}

Result<std::string_view> StringText(JsonValue value) {
  std::string_view text;
  const auto code = value.get_string().get(text);
  if (code != simdjson::SUCCESS) return JsonError(code);
  return text;
}

Result<bool> IsTrue(JsonValue value) {
  bool is_true = false;
  const auto code = value.get_bool().get(is_true);
  if (code != simdjson::SUCCESS) return JsonError(code);
  return is_true;
}

bool JsonParser::FindRefused(const JsonBatch& batch, size_t& index, Error& error) {
  for (size_t i = 0; i < batch.records.size(); ++i) {
    const size_t begin = batch.records[i].offset;
    const bool is_last = i + 1 == batch.records.size();
    const size_t end = (is_last ? batch.length : batch.records[i + 1].offset) - 1;
    const simdjson::padded_string record(std::string_view(batch.text).substr(begin, end - begin));
    const auto code = parser_.iterate(record).error();
    if (code == simdjson::SUCCESS) continue;
    index = i;
    error = JsonError(code);
    return true;
  }
  return false;
}

Error JsonParser::ErrorAt(const JsonBatch& batch, size_t index, Error error) {
  const std::string_view text(batch.text.data(), batch.length);
  size_t valid = 0;
  while (const size_t length = Utf8SequenceLength(text.substr(valid))) valid += length;
  if (valid < text.size()) {
    index = 0;
    while (index + 1 < batch.records.size() && batch.records[index + 1].offset <= valid) ++index;
    return InvalidArgument(fmt::format(
        "\"{}\", line {}: the byte 0x{:02X} is not UTF-8; set the encoding with --encoding", path_,
        batch.records[index].line, static_cast<unsigned char>(text[valid])));
  }
  if (index == 0) FindRefused(batch, index, error);
  index = std::min(index, batch.records.size() - 1);
  return error.Wrap(fmt::format("\"{}\", line {}", path_, batch.records[index].line));
}

}  // namespace tarn::ingest
