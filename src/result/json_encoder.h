#pragma once

#include <string>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::result {

// The JSON envelope of POST /sql:
//   {"columns":[{"name":"id","type":"BIGINT"}],"rows":[[1],[2]],"row_count":2}
// row_count comes after the rows, because the encoder does not know it earlier. "truncated":true
// follows it if a limit cut the rows.
class JsonEncoder : public ResultEncoder {
 public:
  JsonEncoder(std::vector<std::string> names, std::vector<duck::ColumnType> types,
              const JsonOptions& options)
      : names_(std::move(names)), types_(std::move(types)), options_(options) {}

  Result<> Begin(std::string& out) override;
  Result<> Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) override;
  Result<> End(const ResultSummary& summary, std::string& out) override;

 private:
  const std::vector<std::string> names_;
  const std::vector<duck::ColumnType> types_;
  const JsonOptions options_;
  bool has_rows_ = false;
};

// Appends the end of the last object of a result, for JSON and NDJSON:
//   "row_count":2,"truncated":true}
void AppendJsonSummary(const ResultSummary& summary, std::string& out);

}  // namespace tarn::result
