#pragma once

// DuckDB's values as text: the part of the encodings that JSON, NDJSON and CSV share. Each
// function appends to `out`. The formats are those of docs/http-api.md, "Types".

#include <cstdint>
#include <string>
#include <string_view>

#include "duck/vector.h"

namespace tarn::engine {

void AppendInteger(int64_t value, std::string& out);
void AppendInteger(uint64_t value, std::string& out);
void AppendHugeint(duck::Int128 value, std::string& out);
void AppendUhugeint(duck::Uint128 value, std::string& out);

// `unscaled` / 10^scale, every digit of it: -5 at scale 2 is "-0.05".
void AppendDecimal(duck::Int128 unscaled, uint8_t scale, std::string& out);

// DuckDB's BIGNUM: three bytes of header, then the magnitude with the highest byte first, all
// inverted when the number is negative.
void AppendBignum(std::string_view encoded, std::string& out);

// The shortest text that reads back as the same value; "NaN", "Infinity" and "-Infinity".
void AppendFloat(float value, std::string& out);
void AppendDouble(double value, std::string& out);

// 2026-01-02; years outside of 0000 to 9999 get a sign and at least six digits (ISO 8601's
// expanded form); "infinity" and "-infinity".
void AppendDate(int32_t days, std::string& out);

// 03:04:05, with 3, 6 or 9 digits of fraction where there is one.
void AppendTime(int64_t micros, std::string& out);
void AppendTimeNs(int64_t nanos, std::string& out);
void AppendTimeTz(uint64_t encoded, std::string& out);  // 03:04:05+02:00

// A date, "T" and a time; "infinity" and "-infinity".
void AppendTimestampS(int64_t seconds, std::string& out);
void AppendTimestampMs(int64_t millis, std::string& out);
void AppendTimestampUs(int64_t micros, std::string& out);
void AppendTimestampNs(int64_t nanos, std::string& out);
void AppendTimestampTz(int64_t micros, std::string& out);  // With +00:00 where it is finite.

// An ISO 8601 duration with a sign on each part: P1Y2M-3DT4H5M6.5S; zero is PT0S.
void AppendInterval(const duck::IntervalValue& value, std::string& out);

void AppendUuid(duck::Int128 value, std::string& out);
void AppendBits(std::string_view encoded, std::string& out);  // "0101"
void AppendBase64(std::string_view bytes, std::string& out);

}  // namespace tarn::engine
