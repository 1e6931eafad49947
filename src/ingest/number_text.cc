#include "ingest/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace tarn::ingest {
namespace {

// Consumes digits from the beginning of a text, and returns them.
std::string_view TakeDigits(std::string_view& text) {
  const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool TakeAny(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

template <class T>
std::optional<T> Nearest(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

template <class T>
bool Fits(std::string_view text) {
  // The exact value of a DOUBLE has at most 767 digits.
  constexpr size_t kDigitsMax = 800;
  const std::optional<Decimal> number = ParseDecimal(text);
  if (!number || number->digits.size() > kDigitsMax) return false;
  if (number->digits.empty()) return true;
  const std::optional<T> value = Nearest<T>(text);
  if (!value) return false;
  std::array<char, kDigitsMax + 20> written{};
  std::snprintf(written.data(), written.size(), "%.*e", static_cast<int>(number->digits.size() - 1),
                static_cast<double>(*value));
  const std::optional<Decimal> back = ParseDecimal(written.data());
  return back && back->IsSameNumber(*number);
}

// No type has such a number. The number of digits can be added without overflow.
constexpr int64_t kExponentMax = 1'000'000'000'000'000;

}  // namespace

std::optional<Decimal> ParseDecimal(std::string_view text) {
  Decimal number;
  number.is_negative = text.starts_with('-');
  TakeAny(text, "+-");
  std::string_view whole = TakeDigits(text);
  const std::string_view decimals = TakeAny(text, ".") ? TakeDigits(text) : std::string_view();
  if (whole.empty() && decimals.empty()) return std::nullopt;
  if (TakeAny(text, "eE")) {
    const bool is_negative = text.starts_with('-');
    TakeAny(text, "+-");
    const std::string_view digits = TakeDigits(text);
    const char* const end = digits.data() + digits.size();
    const bool is_number = std::from_chars(digits.data(), end, number.exponent).ec == std::errc();
    if (!is_number || number.exponent > kExponentMax) return std::nullopt;
    if (is_negative) number.exponent = -number.exponent;
  }
  if (!text.empty()) return std::nullopt;
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  number.digits = std::string(whole) + std::string(decimals);
  number.exponent += static_cast<int64_t>(whole.size());
  const size_t zeros = std::min(number.digits.find_first_not_of('0'), number.digits.size());
  number.digits.erase(0, zeros);
  number.exponent -= static_cast<int64_t>(zeros);
  while (number.digits.ends_with('0')) number.digits.pop_back();
  if (number.digits.empty()) {
    number.exponent = 0;
    number.is_negative = false;
  }
  return number;
}

bool IsNotFinite(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return EqualsIgnoreCase(text, "nan") || EqualsIgnoreCase(text, "inf") ||
         EqualsIgnoreCase(text, "infinity");
}

bool IsTextOfDouble(std::string_view text) {
  const std::optional<Decimal> number = ParseDecimal(text);
  if (!number) return false;
  if (number->digits.empty()) return true;
  const std::optional<double> value = Nearest<double>(text);
  if (!value) return false;
  std::array<char, 32> written{};
  const char* const end =
      std::to_chars(written.data(), written.data() + written.size(), *value).ptr;
  const std::optional<Decimal> back =
      ParseDecimal({written.data(), static_cast<size_t>(end - written.data())});
  return back && back->IsSameNumber(*number);
}

bool FitsDouble(std::string_view text) { return Fits<double>(text); }
bool FitsFloat(std::string_view text) { return Fits<float>(text); }

}  // namespace tarn::ingest
