#pragma once

#include <cstdint>
#include <string>

#include "duck/vector.h"
#include "result/json_value.h"

namespace tarn::result {

// Appends the value of a VARIANT as the JSON for its actual type. The layout is that of DuckDB's
// VariantVector (src/include/duckdb/common/types/variant.hpp, storage version 1.5). A value with an
// invalid layout becomes null.
void AppendVariant(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                   std::string& out);

// Shared with json_value.cc.
void AppendJsonHugeint(duck::Int128 value, const JsonOptions& options, std::string& out);
void AppendJsonUhugeint(duck::Uint128 value, const JsonOptions& options, std::string& out);
void AppendJsonDecimal(duck::Int128 unscaled, uint8_t scale, const JsonOptions& options,
                       std::string& out);
void AppendJsonBignum(std::string_view encoded, const JsonOptions& options, std::string& out);
void AppendJsonTimestampTz(int64_t micros, std::string& out);

}  // namespace tarn::result
