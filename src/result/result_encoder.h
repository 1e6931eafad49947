#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "duck/types.h"
#include "duck/vector.h"
#include "protocol/format.h"

namespace tarn::result {

// Encodes a result in one of the formats of docs/http-api.md, "Formats". Call Begin, then Rows any
// number of times, then End or Failed. Each appends to `out`. The memory of an encoder does not
// grow with the result.
//
// Not thread-safe. Do not use an encoder after it has returned an error.
class ResultEncoder {
 public:
  virtual ~ResultEncoder() = default;

  virtual Result<> Begin(std::string& out) = 0;

  // The columns of some rows of the result, in the layout of duck/vector.h. They may belong to a
  // chunk of DuckDB, or to another engine.
  using Columns = std::vector<duck::VectorView>;

  // Encodes rows [begin, end) of these columns.
  // Error (kInvalidArgument): a value is too large for the format.
  virtual Result<> Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) = 0;

  virtual Result<> End(const ResultSummary& summary, std::string& out) = 0;

  // Ends a result that is incomplete, in place of End. Writes the error if the format has a place
  // for it; otherwise the caller must abort the transfer.
  virtual void Failed(std::string_view /*message*/, std::string& /*out*/) {}
};

// Makes an encoder for columns of these names and types, which it copies. The options also apply to
// JSON values within other formats.
//
// Error (kInvalidArgument): the type of a column has no encoding.
Result<std::unique_ptr<ResultEncoder>> MakeEncoder(Format format, const JsonOptions& options,
                                                   const std::vector<std::string>& names,
                                                   const std::vector<duck::ColumnType>& types);

}  // namespace tarn::result
