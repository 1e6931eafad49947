// ingest/json_records and ingest/json_parser: accept exactly the texts that are JSON, and divide a
// file into the same records for all sizes of blocks.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fuzz.h"
#include "ingest/json_parser.h"
#include "ingest/json_records.h"
#include "memory_file.h"

using namespace tarn;          // NOLINT: the namespace under test
using namespace tarn::ingest;  // NOLINT: the namespace under test

namespace {

struct Divided {
  std::string error;
  std::vector<std::string> records;
  std::vector<uint64_t> lines;
};

// Parses all values of a record.
Result<> Visit(JsonValue value) {
  using simdjson::ondemand::json_type;
  json_type type = json_type::null;
  if (const auto code = value.type().get(type); code != simdjson::SUCCESS) return JsonError(code);
  if (type == json_type::array) {
    simdjson::ondemand::array elements;
    auto code = value.get_array().get(elements);
    if (code != simdjson::SUCCESS) return JsonError(code);
    for (auto element : elements) {
      JsonValue each;
      code = element.get(each);
      if (code != simdjson::SUCCESS) return JsonError(code);
      TARN_CHECK_OK(Visit(each));
    }
  } else if (type == json_type::object) {
    simdjson::ondemand::object object;
    auto code = value.get_object().get(object);
    if (code != simdjson::SUCCESS) return JsonError(code);
    for (auto field : object) {
      std::string_view key;
      JsonValue each;
      code = field.unescaped_key().get(key);
      if (code == simdjson::SUCCESS) code = field.value().get(each);
      if (code != simdjson::SUCCESS) return JsonError(code);
      TARN_CHECK_OK(Visit(each));
    }
  } else if (type == json_type::number) {
    TARN_TRY([[maybe_unused]] const std::string_view text, NumberText(value));
  } else if (type == json_type::string) {
    TARN_TRY([[maybe_unused]] const std::string_view text, StringText(value));
  } else if (type == json_type::boolean) {
    TARN_TRY([[maybe_unused]] const bool is_true, IsTrue(value));
  } else {
    bool is_null = false;
    const auto code = value.is_null().get(is_null);
    if (code != simdjson::SUCCESS || !is_null) return InvalidArgument("it is not JSON");
  }
  return {};
}

Result<> Divide(const std::string& path, size_t block_bytes, Divided& divided) {
  const JsonFile file{.text = {.path = path, .block_bytes = block_bytes}};
  TARN_TRY(JsonRecords records, JsonRecords::Open(file, [](uint64_t) { return Result<>(); }));
  JsonParser parser(path);
  for (JsonBatch batch;;) {
    TARN_TRY(const bool has_records, records.Next(batch));
    if (!has_records) return {};
    TARN_CHECK_OK(parser.ForEach(batch, [](JsonValue value, uint64_t) { return Visit(value); }));
    for (size_t i = 0; i < batch.records.size(); ++i) {
      const size_t begin = batch.records[i].offset;
      const bool is_last = i + 1 == batch.records.size();
      const size_t end = (is_last ? batch.length : batch.records[i + 1].offset) - 1;
      divided.records.push_back(batch.text.substr(begin, end - begin));
      divided.lines.push_back(batch.records[i].line);
    }
  }
}

Divided Divide(const std::string& path, size_t block_bytes) {
  Divided divided;
  const Result<> done = Divide(path, block_bytes, divided);
  if (!done.ok()) divided.error = done.error().message;
  return divided;
}

size_t DepthOf(std::string_view text) {
  size_t depth = 0;
  size_t most = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') most = std::max(most, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return most;
}

// Also returns true for numbers that are too large for nlohmann.
bool IsJson(const std::string& text) {
  try {
    return !nlohmann::json::parse(text).is_discarded();
  } catch (const nlohmann::json::out_of_range&) {
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = tarn::fuzz::Text(data, size);
  const std::string_view line = tarn::fuzz::TakeLine(text);
  const size_t block_bytes = line.empty() ? 7 : 1 + static_cast<uint8_t>(line[0]) % 64;
  // If a file has two faults, one of them in its compression or encoding, the block size decides
  // which is found first.
  const bool is_utf16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  if (text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd")) return 0;
  const tarn::fuzz::MemoryFile file(text);
  const Divided whole = Divide(file.Path(), kBlockBytes);
  const Divided pieces = Divide(file.Path(), block_bytes);
  FUZZ_CHECK(whole.error.empty() == pieces.error.empty(), whole.error + pieces.error);
  if (is_utf16 && !whole.error.empty()) return 0;
  FUZZ_CHECK(whole.error == pieces.error, whole.error + " and " + pieces.error);
  FUZZ_CHECK(whole.records == pieces.records, "records");
  FUZZ_CHECK(whole.lines == pieces.lines, "lines");
  constexpr size_t kDepthMax = 1000;  // simdjson has 1,024.
  if (DepthOf(text) > kDepthMax) return 0;
  for (const std::string& record : whole.records) {
    // Records before an error have been parsed too.
    FUZZ_CHECK(IsJson(record) && record.find('\0') == std::string::npos, record);
  }
  // nlohmann takes a NUL for the end of the text.
  const bool is_plain =
      text.find('\0') == std::string_view::npos && !is_utf16 && !text.starts_with("\xEF\xBB\xBF");
  if (!is_plain || !nlohmann::json::accept(text)) return 0;
  FUZZ_CHECK(whole.error.empty(), whole.error);
  const auto expected = nlohmann::json::parse(text);
  const size_t count = expected.is_array() ? expected.size() : 1;
  FUZZ_CHECK(whole.records.size() == count, "one record for each element");
  for (size_t i = 0; i < count; ++i) {
    const auto& record = expected.is_array() ? expected[i] : expected;
    FUZZ_CHECK(nlohmann::json::parse(whole.records[i]) == record, whole.records[i]);
  }
  return 0;
}
