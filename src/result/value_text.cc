#include "result/value_text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace tarn::result {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

template <class T>
void AppendChars(T value, std::string& out) {
  std::array<char, 32> buffer;
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

// Texts of bounded length are built on the stack and appended at once. To append single bytes would
// check the capacity of the string each time.
constexpr std::array<char, 200> MakeDigitPairs() {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}
constexpr std::array<char, 200> kDigitPairs = MakeDigitPairs();

// Each Put function writes at `p` and returns the end of its output. Files can contain times out of
// range. Surplus digits are cut, so no function reads or writes out of bounds.
char* PutTwoDigits(int64_t value, char* p) {
  std::memcpy(p, &kDigitPairs[static_cast<uint64_t>(value) % 100 * 2], 2);
  return p + 2;
}

// The lowest `width` digits of value, with leading zeros.
char* PutPadded(uint64_t value, int width, char* p) {
  for (int i = width - 1; i >= 0; --i) {
    p[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return p + width;
}

void AppendPadded(uint64_t value, int width, std::string& out) {
  std::array<char, 20> digits;
  PutPadded(value, width, digits.data());
  out.append(digits.data(), static_cast<size_t>(width));
}

template <class T>
void AppendFloatingPoint(T value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else if (value == 0 && std::signbit(value)) {
    out += "-0.0";  // Many readers read "-0" as the integer 0.
  } else {
    AppendChars(value, out);
  }
}

struct CivilDate {
  int64_t year;
  int64_t month;
  int64_t day;
};

// Howard Hinnant's civil_from_days (https://howardhinnant.github.io/date_algorithms.html), in 64
// bits. DuckDB's years exceed five million, but std::chrono::year ends at 32,767.
CivilDate CivilFromDays(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

// A sign, the 12 digits of the last year in 64 bits of seconds, and "-12-31".
constexpr size_t kDateBytesMax = 19;

// Days of the years with four digits: 0000-01-01 to 9999-12-31.
constexpr int64_t kFirstShortDay = -719'528;
constexpr int64_t kLastShortDay = 2'932'896;

char* PutMonthAndDay(int64_t month, int64_t day, char* p) {
  *p++ = '-';
  p = PutTwoDigits(month, p);
  *p++ = '-';
  return PutTwoDigits(day, p);
}

char* PutCivilDate(int64_t days, char* p) {
  if (days >= kFirstShortDay && days <= kLastShortDay) {
    // Faster than CivilFromDays, because it divides 32-bit numbers.
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    const int year = static_cast<int>(date.year());
    p = PutTwoDigits(year / 100, p);
    p = PutTwoDigits(year, p);
    return PutMonthAndDay(static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                          p);
  }
  const CivilDate date = CivilFromDays(days);
  const auto magnitude = static_cast<uint64_t>(std::abs(date.year));
  *p++ = date.year < 0 ? '-' : '+';
  p = magnitude < 1'000'000 ? PutPadded(magnitude, 6, p) : std::to_chars(p, p + 12, magnitude).ptr;
  return PutMonthAndDay(date.month, date.day, p);
}

// Writes a point and three, six or nine digits, or nothing for 0.
char* PutFraction(int64_t nanos, char* p) {
  if (nanos == 0) return p;
  *p++ = '.';
  if (nanos % 1'000'000 == 0) return PutPadded(static_cast<uint64_t>(nanos / 1'000'000), 3, p);
  if (nanos % 1'000 == 0) {
    const int64_t micros = nanos / 1'000;
    p = PutTwoDigits(micros / 10'000, p);
    p = PutTwoDigits(micros / 100, p);
    return PutTwoDigits(micros, p);
  }
  return PutPadded(static_cast<uint64_t>(nanos), 9, p);
}

// 03:04:05.123456789
constexpr size_t kClockBytesMax = 18;

char* PutClock(int64_t seconds, int64_t nanos, char* p) {
  p = PutTwoDigits(seconds / 3600, p);
  *p++ = ':';
  p = PutTwoDigits(seconds / 60 % 60, p);
  *p++ = ':';
  p = PutTwoDigits(seconds % 60, p);
  return PutFraction(nanos, p);
}

void AppendClock(int64_t seconds, int64_t nanos, std::string& out) {
  std::array<char, kClockBytesMax> text;
  out.append(text.data(), PutClock(seconds, nanos, text.data()));
}

void AppendIntervalPart(int64_t value, char unit, std::string& out) {
  if (value == 0) return;
  AppendChars(value, out);
  out += unit;
}

bool IsFiniteTimestamp(int64_t value) {
  return value != std::numeric_limits<int64_t>::max() &&
         value != -std::numeric_limits<int64_t>::max();
}

}  // namespace

void AppendInteger(int64_t value, std::string& out) { AppendChars(value, out); }
void AppendInteger(uint64_t value, std::string& out) { AppendChars(value, out); }

void AppendUhugeint(duck::Uint128 value, std::string& out) {
  constexpr uint64_t kChunk = 1'000'000'000'000'000'000;
  if (value < kChunk) {
    AppendChars(static_cast<uint64_t>(value), out);
    return;
  }
  AppendUhugeint(value / kChunk, out);
  AppendPadded(static_cast<uint64_t>(value % kChunk), 18, out);
}

void AppendHugeint(duck::Int128 value, std::string& out) {
  if (value < 0) out += '-';
  const auto bits = static_cast<duck::Uint128>(value);
  AppendUhugeint(value < 0 ? -bits : bits, out);
}

namespace {

// Writes from the last digit to the first. Most decimals fit into 64 bits.
void AppendShortDecimal(int64_t unscaled, uint8_t scale, std::string& out) {
  std::array<char, 64> text;  // A scale is at most 38.
  char* const end = text.data() + text.size();
  char* p = end;
  auto magnitude = static_cast<uint64_t>(unscaled);
  if (unscaled < 0) magnitude = -magnitude;
  const auto put_digit = [&] {
    *--p = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  };
  for (uint8_t i = 0; i < scale; ++i) put_digit();
  if (scale > 0) *--p = '.';
  do {
    put_digit();
  } while (magnitude != 0);
  if (unscaled < 0) *--p = '-';
  out.append(p, end);
}

}  // namespace

void AppendDecimal(duck::Int128 unscaled, uint8_t scale, std::string& out) {
  if (unscaled == static_cast<int64_t>(unscaled)) {
    return AppendShortDecimal(static_cast<int64_t>(unscaled), scale, out);
  }
  if (unscaled < 0) out += '-';
  const auto bits = static_cast<duck::Uint128>(unscaled);
  const size_t start = out.size();
  AppendUhugeint(unscaled < 0 ? -bits : bits, out);
  if (scale == 0) return;
  const size_t digits = out.size() - start;
  if (digits <= scale) out.insert(start, scale + 1 - digits, '0');
  out.insert(out.size() - scale, 1, '.');
}

void AppendBignum(std::string_view encoded, std::string& out) {
  constexpr size_t kHeaderBytes = 3;
  if (encoded.size() <= kHeaderBytes) {
    out += '0';
    return;
  }
  const bool negative = (static_cast<unsigned char>(encoded[0]) & 0x80) == 0;
  // Base 2^32, highest limb first.
  std::vector<uint32_t> limbs;
  const std::string_view magnitude = encoded.substr(kHeaderBytes);
  const size_t lead = magnitude.size() % 4;
  for (size_t i = 0; i < magnitude.size(); ++i) {
    if (i == 0 || i % 4 == lead % 4) limbs.push_back(0);
    const auto byte = static_cast<unsigned char>(negative ? ~magnitude[i] : magnitude[i]);
    limbs.back() = (limbs.back() << 8) | byte;
  }
  // Divides by 10^9 until the number is 0. The remainders are the digits, the lowest first.
  constexpr uint64_t kBase = 1'000'000'000;
  std::vector<uint32_t> groups;
  while (!limbs.empty()) {
    uint64_t remainder = 0;
    for (uint32_t& limb : limbs) {
      const uint64_t value = (remainder << 32) | limb;
      limb = static_cast<uint32_t>(value / kBase);
      remainder = value % kBase;
    }
    groups.push_back(static_cast<uint32_t>(remainder));
    limbs.erase(limbs.begin(),
                std::find_if(limbs.begin(), limbs.end(), [](uint32_t limb) { return limb != 0; }));
  }
  while (groups.size() > 1 && groups.back() == 0) groups.pop_back();
  if (negative && groups.back() != 0) out += '-';
  AppendChars(groups.back(), out);
  for (size_t i = groups.size() - 1; i > 0; --i) AppendPadded(groups[i - 1], 9, out);
}

void AppendFloat(float value, std::string& out) { AppendFloatingPoint(value, out); }
void AppendDouble(double value, std::string& out) { AppendFloatingPoint(value, out); }

void AppendDate(int32_t days, std::string& out) {
  if (days == std::numeric_limits<int32_t>::max()) {
    out += "infinity";
  } else if (days == -std::numeric_limits<int32_t>::max()) {
    out += "-infinity";
  } else {
    std::array<char, kDateBytesMax> text;
    out.append(text.data(), PutCivilDate(days, text.data()));
  }
}

// Appends a TIME. Files can contain times outside of a day, which become durations:
// "-00:00:07.000051", "25:00:00".
template <int64_t kUnitsPerSecond>
void AppendTimeOfDay(int64_t value, std::string& out) {
  constexpr int64_t kDay = 24 * 3600;
  constexpr int64_t kNanosPerUnit = 1'000'000'000 / kUnitsPerSecond;
  if (value >= 0 && value <= kDay * kUnitsPerSecond) {
    return AppendClock(value / kUnitsPerSecond, value % kUnitsPerSecond * kNanosPerUnit, out);
  }
  if (value < 0) out += '-';
  // Splits the value first, because the magnitude of the smallest number overflows.
  const int64_t seconds = std::abs(value / kUnitsPerSecond);
  const int64_t units = std::abs(value % kUnitsPerSecond);
  if (seconds >= 100 * 3600) AppendChars(seconds / 3600 / 100, out);
  AppendClock(seconds % (100 * 3600), units * kNanosPerUnit, out);
}

void AppendTime(int64_t micros, std::string& out) { AppendTimeOfDay<1'000'000>(micros, out); }

void AppendTimeNs(int64_t nanos, std::string& out) { AppendTimeOfDay<1'000'000'000>(nanos, out); }

void AppendTimeTz(uint64_t encoded, std::string& out) {
  // The upper 40 bits are the time. The lower bits are the offset, subtracted from its maximum, so
  // that integers sort like instants.
  constexpr int64_t kOffsetMaxSeconds = 16 * 3600 - 1;
  const int64_t offset = kOffsetMaxSeconds - static_cast<int64_t>(encoded & 0xFF'FFFF);
  AppendTime(static_cast<int64_t>(encoded >> 24), out);
  const int64_t magnitude = std::abs(offset);
  std::array<char, 9> text;  // +15:59:59
  char* p = text.data();
  *p++ = offset < 0 ? '-' : '+';
  p = PutTwoDigits(magnitude / 3600, p);
  *p++ = ':';
  p = PutTwoDigits(magnitude / 60 % 60, p);
  if (magnitude % 60 != 0) {
    *p++ = ':';
    p = PutTwoDigits(magnitude % 60, p);
  }
  out.append(text.data(), p);
}

template <int64_t kUnitsPerSecond>
void AppendTimestamp(int64_t value, std::string& out) {
  if (!IsFiniteTimestamp(value)) {
    out += value < 0 ? "-infinity" : "infinity";
    return;
  }
  // Rounds down, so that the fraction is positive before 1970 too.
  int64_t seconds = value / kUnitsPerSecond;
  int64_t fraction = value % kUnitsPerSecond;
  if (fraction < 0) {
    fraction += kUnitsPerSecond;
    --seconds;
  }
  int64_t days = seconds / kSecondsPerDay;
  int64_t second_of_day = seconds % kSecondsPerDay;
  if (second_of_day < 0) {
    second_of_day += kSecondsPerDay;
    --days;
  }
  std::array<char, kDateBytesMax + 1 + kClockBytesMax> text;
  char* p = PutCivilDate(days, text.data());
  *p++ = 'T';
  p = PutClock(second_of_day, fraction * (1'000'000'000 / kUnitsPerSecond), p);
  out.append(text.data(), p);
}

void AppendTimestampS(int64_t seconds, std::string& out) { AppendTimestamp<1>(seconds, out); }
void AppendTimestampMs(int64_t millis, std::string& out) { AppendTimestamp<1'000>(millis, out); }
void AppendTimestampUs(int64_t micros, std::string& out) {
  AppendTimestamp<1'000'000>(micros, out);
}
void AppendTimestampNs(int64_t nanos, std::string& out) {
  AppendTimestamp<1'000'000'000>(nanos, out);
}

void AppendTimestampTz(int64_t micros, std::string& out) {
  AppendTimestampUs(micros, out);
  if (IsFiniteTimestamp(micros)) out += "+00:00";
}

void AppendInterval(const duck::IntervalValue& value, std::string& out) {
  const size_t start = out.size();
  out += 'P';
  AppendIntervalPart(value.months / 12, 'Y', out);
  AppendIntervalPart(value.months % 12, 'M', out);
  AppendIntervalPart(value.days, 'D', out);
  if (value.micros != 0) {
    out += 'T';
    AppendIntervalPart(value.micros / 3'600'000'000, 'H', out);
    AppendIntervalPart(value.micros / 60'000'000 % 60, 'M', out);
    const int64_t rest = value.micros % 60'000'000;
    if (rest != 0) {
      const int64_t magnitude = std::abs(rest);
      if (rest < 0) out += '-';
      AppendChars(magnitude / 1'000'000, out);
      std::array<char, 10> text;
      out.append(text.data(), PutFraction(magnitude % 1'000'000 * 1'000, text.data()));
      // Removes trailing zeros.
      if (magnitude % 1'000'000 != 0) out.erase(out.find_last_not_of('0') + 1);
      out += 'S';
    }
  }
  if (out.size() == start + 1) out += "T0S";
}

void AppendUuid(duck::Int128 value, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  // DuckDB stores the top bit inverted, so that integers sort like the text.
  const auto bits = static_cast<duck::Uint128>(value) ^ (duck::Uint128{1} << 127);
  for (int nibble = 31; nibble >= 0; --nibble) {
    out += kHex[static_cast<size_t>(bits >> (nibble * 4)) & 0xF];
    if (nibble == 24 || nibble == 20 || nibble == 16 || nibble == 12) out += '-';
  }
}

void AppendBits(std::string_view encoded, std::string& out) {
  if (encoded.empty()) return;
  // The first byte is the number of padding bits at the start of the second.
  size_t skip = static_cast<unsigned char>(encoded[0]);
  for (const char byte : encoded.substr(1)) {
    for (int bit = 7; bit >= 0; --bit) {
      if (skip > 0) {
        --skip;
        continue;
      }
      out += (static_cast<unsigned char>(byte) >> bit) & 1 ? '1' : '0';
    }
  }
}

void AppendBase64(std::string_view bytes, std::string& out) {
  // Encodes in pieces, because the sizes of EVP_EncodeBlock are int. It also writes a final NUL.
  constexpr size_t kPiece = 3 * 16'384;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    const size_t start = out.size();
    out.resize(start + (piece.size() + 2) / 3 * 4 + 1);
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&out[start]),
                                        reinterpret_cast<const unsigned char*>(piece.data()),
                                        static_cast<int>(piece.size()));
    out.resize(start + static_cast<size_t>(written));
    bytes.remove_prefix(piece.size());
  }
}

}  // namespace tarn::result
