#pragma once

// Parses records, and returns the texts of their values as they are written.

#include <fmt/format.h>
#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "ingest/json_records.h"

namespace tarn::ingest {

using JsonValue = simdjson::ondemand::value;

// The text of a number; an error for other values.
Result<std::string_view> NumberText(JsonValue value);
Result<std::string_view> StringText(JsonValue value);
Result<bool> IsTrue(JsonValue value);
Error JsonError(simdjson::error_code code);

class JsonParser {
 public:
  explicit JsonParser(std::string path) : path_(std::move(path)) {}

  // Calls `use(value, index)` for each record, and adds its line to an error.
  template <class Use>
  Result<> ForEach(const JsonBatch& batch, const Use& use) {
    size_t index = 0;
    Result<> used = UseAll(batch.text, batch.length, index, use);
    if (used.ok() && index == batch.records.size()) return {};
    if (used.ok()) used = InvalidArgument("there is more than one value where one is expected");
    return ErrorAt(batch, index, used.error());
  }

 private:
  template <class Use>
  Result<> UseAll(const std::string& text, size_t length, size_t& index, const Use& use) {
    simdjson::ondemand::document document;
    simdjson::ondemand::array values;
    auto code = parser_.iterate(text.data(), length, text.size()).get(document);
    if (code == simdjson::SUCCESS) code = document.get_array().get(values);
    if (code != simdjson::SUCCESS) return JsonError(code);
    for (auto element : values) {
      JsonValue value;
      code = element.get(value);
      if (code != simdjson::SUCCESS) return JsonError(code);
      TARN_CHECK_OK(use(value, index));
      ++index;
    }
    return {};
  }
  Error ErrorAt(const JsonBatch& batch, size_t index, Error error);
  // Finds the first record that the parser rejects before it reads a value.
  bool FindRefused(const JsonBatch& batch, size_t& index, Error& error);

  std::string path_;
  simdjson::ondemand::parser parser_;
};

}  // namespace tarn::ingest
