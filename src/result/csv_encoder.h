#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::result {

// CSV according to RFC 4180, in UTF-8: a header line, CRLF after each line, quotes only where
// necessary. Null is an empty field, an empty text is "". Nested values are JSON.
class CsvEncoder : public ResultEncoder {
 public:
  CsvEncoder(std::vector<std::string> names, const JsonOptions& options)
      : names_(std::move(names)), options_(options) {}

  Result<> Begin(std::string& out) override;
  Result<> Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) override;
  Result<> End(const ResultSummary& /*summary*/, std::string& /*out*/) override { return {}; }

 private:
  const std::vector<std::string> names_;
  const JsonOptions options_;
  std::string nested_;  // A buffer for the JSON of one value.
};

// Appends the text as a field. Replaces invalid UTF-8 by U+FFFD.
void AppendCsvField(std::string_view text, std::string& out);

}  // namespace tarn::result
