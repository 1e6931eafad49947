#pragma once

#include <string>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::engine {

// An object a line for each row, and a line about all of them at the end:
//   {"id":1,"name":"x"}
//   {"status":"ok","row_count":1}
class NdjsonEncoder : public ResultEncoder {
 public:
  NdjsonEncoder(const std::vector<std::string>& names, const JsonOptions& options);

  Result<> Begin(std::string& /*out*/) override { return {}; }
  Result<> Rows(const duck::Chunk& chunk, uint64_t begin, uint64_t end, std::string& out) override;
  Result<> End(const ResultSummary& summary, std::string& out) override;

  // {"status":"error","error":"…"}
  void Failed(std::string_view message, std::string& out) override;

 private:
  std::vector<std::string> keys_;  // What stands before each value: {"id": and then ,"name":
  const JsonOptions options_;
};

// The names as DuckDB makes them distinct in a subquery, where a repeated `a` becomes `a_1`;
// upper and lower case are the same to it.
std::vector<std::string> DistinctNames(const std::vector<std::string>& names);

}  // namespace tarn::engine
