#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "duck/database.h"
#include "protocol/format.h"

namespace tarn::engine {

// A result in one of the formats of docs/http-api.md, "Formats", in pieces that can be sent as
// they come: Begin, Rows any number of times, then End or Failed. Each appends to `out`. What an
// encoder keeps does not grow with the result.
//
// Not thread-safe. Nothing more may be asked of an encoder that returned an error.
class ResultEncoder {
 public:
  virtual ~ResultEncoder() = default;

  virtual Result<> Begin(std::string& out) = 0;

  // Rows [begin, end) of the chunk, which is one of the result that the encoder was made for.
  // Error (kInvalidArgument): a value is larger than the format can hold.
  virtual Result<> Rows(const duck::Chunk& chunk, uint64_t begin, uint64_t end,
                        std::string& out) = 0;

  virtual Result<> End(const ResultSummary& summary, std::string& out) = 0;

  // In place of End: tells the reader that the result is not whole, where the format has a way
  // to. Elsewhere the transfer itself has to break.
  virtual void Failed(std::string_view /*message*/, std::string& /*out*/) {}
};

// For the result's names and types, of which it keeps copies; `rows` is not read. The options
// also hold for JSON that is a value within another format.
//
// Error (kInvalidArgument): a column's type has no encoding; it says which column and to cast it.
Result<std::unique_ptr<ResultEncoder>> MakeEncoder(Format format, const JsonOptions& options,
                                                   const duck::ResultStream& rows);

}  // namespace tarn::engine
