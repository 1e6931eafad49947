#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::engine {

// CSV as RFC 4180 has it, in UTF-8: a header line, CRLF after each line, quotes only around what
// needs them. Null is an empty field, an empty text is "". Nested values are their JSON.
class CsvEncoder : public ResultEncoder {
 public:
  CsvEncoder(std::vector<std::string> names, const JsonOptions& options)
      : names_(std::move(names)), options_(options) {}

  Result<> Begin(std::string& out) override;
  Result<> Rows(const duck::Chunk& chunk, uint64_t begin, uint64_t end, std::string& out) override;
  Result<> End(const ResultSummary& /*summary*/, std::string& /*out*/) override { return {}; }

 private:
  const std::vector<std::string> names_;
  const JsonOptions options_;
  std::string nested_;  // Scratch: the JSON of one value.
};

// The text as one field; what is not UTF-8 becomes U+FFFD.
void AppendCsvField(std::string_view text, std::string& out);

}  // namespace tarn::engine
