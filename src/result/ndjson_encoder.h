#pragma once

#include <string>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::result {

// One line with an object for each row, and a last line with the status:
//   {"id":1,"name":"x"}
//   {"status":"ok","row_count":1}
class NdjsonEncoder : public ResultEncoder {
 public:
  NdjsonEncoder(const std::vector<std::string>& names, const JsonOptions& options);

  Result<> Begin(std::string& /*out*/) override { return {}; }
  Result<> Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) override;
  Result<> End(const ResultSummary& summary, std::string& out) override;

  // {"status":"error","error":"…"}
  void Failed(std::string_view message, std::string& out) override;

 private:
  std::vector<std::string> keys_;  // The text before each value, such as {"id": and ,"name":
  const JsonOptions options_;
};

// Makes names distinct, like DuckDB in a subquery: a repeated `a` becomes `a_1`. Ignores case.
std::vector<std::string> DistinctNames(const std::vector<std::string>& names);

}  // namespace tarn::result
