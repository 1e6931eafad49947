#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "duck/database.h"
#include "engine/json_value.h"

namespace tarn::engine {

// The JSON envelope of POST /sql, in pieces that can be sent as they come:
//   {"columns":[{"name":"id","type":"BIGINT"}],"rows":[[1],[2]],"row_count":2}
// row_count comes last, so that nothing has to be known before the rows are.
class JsonEncoder {
 public:
  explicit JsonEncoder(JsonOptions options) : options_(options) {}

  void Begin(const std::vector<std::string>& names, const std::vector<duck::ColumnType>& types,
             std::string& out);
  void Rows(const duck::Chunk& chunk, std::string& out);
  void End(std::string& out);

  uint64_t row_count() const { return row_count_; }

 private:
  const JsonOptions options_;
  uint64_t row_count_ = 0;
};

}  // namespace tarn::engine
