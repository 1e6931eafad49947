// ingest/text_kinds: the type prints each text that fits it unchanged, except for zeros and the
// form of dates.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz.h"
#include "ingest/text_kinds.h"

using namespace tarn;          // NOLINT: the namespace under test
using namespace tarn::ingest;  // NOLINT: the namespace under test

namespace {

constexpr KindSet kAllKinds = kValueKinds | kStringKinds;

template <class T>
void CheckInteger(std::string_view text) {
  T value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  FUZZ_CHECK(read.ec == std::errc() && read.ptr == text.data() + text.size(), text);
  FUZZ_CHECK(std::to_string(value) == text, text);
}

void CheckDecimal(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  FUZZ_CHECK(!digits.empty() && digits.size() <= 38, text);
  FUZZ_CHECK(digits.find_first_not_of("0123456789") == std::string_view::npos, text);
  FUZZ_CHECK(digits == "0" || digits[0] != '0', text);
}

// The digits of a number without zeros at both ends, and the exponent of the first one.
struct Digits {
  bool is_negative = false;
  std::string digits;
  long exponent = 0;
  bool operator==(const Digits&) const = default;
};

Digits DigitsOf(std::string_view text) {
  Digits number;
  if (text.starts_with('-') || text.starts_with('+')) {
    number.is_negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const size_t e = text.find_first_of("eE");
  constexpr long kExponentMax = 100'000;
  long exponent = 0;
  if (e != std::string_view::npos) {
    exponent = std::strtol(std::string(text.substr(e + 1)).c_str(), nullptr, 10);
    exponent = std::clamp(exponent, -kExponentMax, kExponentMax);
  }
  text = text.substr(0, e);
  const size_t point = std::min(text.find('.'), text.size());
  number.exponent = static_cast<long>(point) + exponent;
  for (const char c : text) {
    if (c != '.') number.digits += c;
  }
  while (number.digits.starts_with('0')) {
    number.digits.erase(0, 1);
    --number.exponent;
  }
  while (number.digits.ends_with('0')) number.digits.pop_back();
  if (number.digits.empty()) number.exponent = 0;
  return number;
}

// The shortest text of the DOUBLE has the digits of the text.
void CheckDouble(std::string_view text) {
  const std::string lower = ToLowerAscii(text);
  if (lower.find('n') != std::string::npos) return;  // nan, inf, infinity
  char* end = nullptr;
  const std::string copy(text);
  const double value = std::strtod(copy.c_str(), &end);
  FUZZ_CHECK(end == copy.c_str() + copy.size(), text);
  FUZZ_CHECK(std::isfinite(value), text);
  const Digits given = DigitsOf(text);
  FUZZ_CHECK(given.digits.size() <= 17, text);
  FUZZ_CHECK((value == 0) == given.digits.empty(), text);
  char buffer[64];
  const char* const printed_end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  const std::string printed(buffer, static_cast<size_t>(printed_end - buffer));
  Digits found = DigitsOf(printed);
  found.is_negative = given.is_negative;
  FUZZ_CHECK(found == given, std::string(text) + " is " + printed);
}

// Returns the numbers in a date or time: "2026-1-05T9:30" is "2026 1 5 9 30".
std::vector<int> NumbersOf(std::string_view text) {
  std::vector<int> numbers;
  bool is_in = false;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (is_digit && !is_in) numbers.push_back(0);
    if (is_digit) numbers.back() = numbers.back() * 10 + (c - '0');
    is_in = is_digit;
  }
  return numbers;
}

bool IsDay(int year, int month, int day) {
  if (month < 1 || month > 12 || day < 1) return false;
  tm time{};
  time.tm_year = year - 1900;
  time.tm_mon = month - 1;
  time.tm_mday = day;
  timegm(&time);
  return time.tm_mon == month - 1 && time.tm_mday == day;
}

void CheckMoment(std::string_view text, KindSet kinds) {
  if (text.find("infinity") != std::string_view::npos) return;
  const size_t decimals_at = std::min(text.find('.'), text.size());
  const std::vector<int> numbers = NumbersOf(text.substr(0, decimals_at));
  size_t time_at = 0;
  if ((kinds & kTime) == 0) {
    FUZZ_CHECK(numbers.size() >= 3, text);
    FUZZ_CHECK(numbers[0] >= 1 && IsDay(numbers[0], numbers[1], numbers[2]), text);
    time_at = 3;
  }
  if ((kinds & kDate) != 0) FUZZ_CHECK(numbers.size() == 3, text);
  if (numbers.size() > time_at) {
    FUZZ_CHECK(numbers.size() >= time_at + 2, text);
    FUZZ_CHECK(numbers[time_at] <= 23 && numbers[time_at + 1] <= 59, text);
  }
  std::string_view decimals = text.substr(std::min(decimals_at + 1, text.size()));
  decimals = decimals.substr(0, decimals.find_first_not_of("0123456789"));
  while (decimals.ends_with('0')) decimals.remove_suffix(1);
  if ((kinds & (kTime | kTimestamp | kTimestampTz)) != 0) FUZZ_CHECK(decimals.size() <= 6, text);
  FUZZ_CHECK(decimals.size() <= 9, text);
  const bool has_zone = (kinds & (kTimestampTz | kTimestampTzNs)) != 0;
  if (has_zone) FUZZ_CHECK((kinds & (kTimestamp | kTimestampNs | kDate | kTime)) == 0, text);
}

void Check(std::string_view text) {
  const KindSet kinds = KindsOf(text, kAllKinds);
  for (KindSet among = 1; among <= kTimestampTzNs; among <<= 1) {
    FUZZ_CHECK(KindsOf(text, among) == (kinds & among), "a type does not depend on the others");
  }
  if (text != Trim(text)) FUZZ_CHECK(kinds == 0, text);
  if ((kinds & kBigint) != 0) CheckInteger<int64_t>(text);
  if ((kinds & kUbigint) != 0) CheckInteger<uint64_t>(text);
  if ((kinds & kDecimal38) != 0) CheckDecimal(text);
  if ((kinds & kDouble) != 0) CheckDouble(text);
  if ((kinds & kBoolean) != 0) {
    FUZZ_CHECK(ToLowerAscii(text) == "true" || ToLowerAscii(text) == "false", text);
  }
  if ((kinds & kUuid) != 0) {
    FUZZ_CHECK(text.size() == 36 && ToLowerAscii(text) == text, text);
  }
  if ((kinds & kMomentKinds) != 0) CheckMoment(text, kinds);
}

}  // namespace

// Each line is a value of one column.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = tarn::fuzz::Text(data, size);
  TextKinds all(kAllKinds);
  TextKinds first(kAllKinds);
  TextKinds second(kAllKinds);
  KindSet common = kAllKinds;
  for (size_t count = 0; !text.empty(); ++count) {
    const std::string_view value = tarn::fuzz::TakeLine(text);
    Check(value);
    common &= KindsOf(value, kAllKinds);
    all.Add(value);
    (count % 2 == 0 ? first : second).Add(value);
  }
  if (all.count() > 0 && common == 0) FUZZ_CHECK(all.Type() == "VARCHAR", all.Type());
  FUZZ_CHECK(all.Example().empty() || all.Type() == "VARCHAR", all.Type());
  first.Merge(second);
  FUZZ_CHECK(first.Type() == all.Type(), first.Type() + " instead of " + all.Type());
  FUZZ_CHECK(first.count() == all.count(), "count");
  return 0;
}
