#pragma once

// Converts DuckDB's values to text, for JSON, NDJSON and CSV. Each function appends to `out`.
// docs/http-api.md, "Types", has the formats.

#include <cstdint>
#include <string>
#include <string_view>

#include "duck/vector.h"

namespace tarn::result {

void AppendInteger(int64_t value, std::string& out);
void AppendInteger(uint64_t value, std::string& out);
void AppendHugeint(duck::Int128 value, std::string& out);
void AppendUhugeint(duck::Uint128 value, std::string& out);

// `unscaled` / 10^scale with all digits: -5 at scale 2 is "-0.05".
void AppendDecimal(duck::Int128 unscaled, uint8_t scale, std::string& out);

// DuckDB's BIGNUM has a header of three bytes, then the magnitude, big-endian. All bits of a
// negative number are inverted.
void AppendBignum(std::string_view encoded, std::string& out);

// The shortest text for exactly this value, or "NaN", "Infinity" or "-Infinity".
void AppendFloat(float value, std::string& out);
void AppendDouble(double value, std::string& out);

// 2026-01-02, "infinity" or "-infinity". Years outside of 0000 to 9999 have a sign and at least six
// digits (ISO 8601's expanded form).
void AppendDate(int32_t days, std::string& out);

// 03:04:05, with 3, 6 or 9 digits of a fraction if it is not zero.
void AppendTime(int64_t micros, std::string& out);
void AppendTimeNs(int64_t nanos, std::string& out);
void AppendTimeTz(uint64_t encoded, std::string& out);  // 03:04:05+02:00

// A date, "T" and a time; or "infinity" or "-infinity".
void AppendTimestampS(int64_t seconds, std::string& out);
void AppendTimestampMs(int64_t millis, std::string& out);
void AppendTimestampUs(int64_t micros, std::string& out);
void AppendTimestampNs(int64_t nanos, std::string& out);
void AppendTimestampTz(int64_t micros, std::string& out);  // With +00:00 if it is finite.

// An ISO 8601 duration whose parts have their own signs: P1Y2M-3DT4H5M6.5S. Zero is PT0S.
void AppendInterval(const duck::IntervalValue& value, std::string& out);

void AppendUuid(duck::Int128 value, std::string& out);
void AppendBits(std::string_view encoded, std::string& out);  // "0101"
void AppendBase64(std::string_view bytes, std::string& out);

}  // namespace tarn::result
