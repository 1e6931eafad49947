#pragma once

// Decimal numbers in texts, and the floating-point numbers that represent them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarn::ingest {

// The number 0.DIGITS * 10^exponent.
struct Decimal {
  bool is_negative = false;  // False for 0.
  std::string digits;        // Without zeros at both ends; empty for 0.
  int64_t exponent = 0;

  bool IsSameNumber(const Decimal& other) const {
    return is_negative == other.is_negative && digits == other.digits && exponent == other.exponent;
  }
};

// Texts such as "-1.5", "+.5", "5." and "1e-7"; nullopt for others.
std::optional<Decimal> ParseDecimal(std::string_view text);

// True for texts of infinity and NaN.
bool IsNotFinite(std::string_view text);

// True if the shortest text of the nearest DOUBLE is the same number. False for
// 0.10000000000000001 and 4e-324.
bool IsTextOfDouble(std::string_view text);

// True if the nearest DOUBLE, written with as many digits as the text, is the same number. True for
// 0.10000000000000001, false for 4e-324 and 1.23456789012345678901.
bool FitsDouble(std::string_view text);
// The same for FLOAT.
bool FitsFloat(std::string_view text);

}  // namespace tarn::ingest
