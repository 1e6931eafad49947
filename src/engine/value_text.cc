#include "engine/value_text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

namespace tarn::engine {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

template <class T>
void AppendChars(T value, std::string& out) {
  std::array<char, 32> buffer;
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

void AppendTwoDigits(int64_t value, std::string& out) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

// The lowest `width` digits of value, with leading zeros.
void AppendPadded(uint64_t value, int width, std::string& out) {
  std::array<char, 20> digits;
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<size_t>(width));
}

template <class T>
void AppendFloatingPoint(T value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
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
// bits: DuckDB's dates reach over five million years, std::chrono::year 32,767.
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

void AppendCivilDate(int64_t days, std::string& out) {
  const CivilDate date = CivilFromDays(days);
  if (date.year >= 0 && date.year <= 9999) {
    AppendPadded(static_cast<uint64_t>(date.year), 4, out);
  } else {
    const auto magnitude = static_cast<uint64_t>(std::abs(date.year));
    out += date.year < 0 ? '-' : '+';
    if (magnitude < 1'000'000) {
      AppendPadded(magnitude, 6, out);
    } else {
      AppendChars(magnitude, out);
    }
  }
  out += '-';
  AppendTwoDigits(date.month, out);
  out += '-';
  AppendTwoDigits(date.day, out);
}

// 0 to 999,999,999 as nothing, or a point and three, six or nine digits.
void AppendFraction(int64_t nanos, std::string& out) {
  if (nanos == 0) return;
  out += '.';
  if (nanos % 1'000'000 == 0) {
    AppendPadded(static_cast<uint64_t>(nanos / 1'000'000), 3, out);
  } else if (nanos % 1'000 == 0) {
    AppendPadded(static_cast<uint64_t>(nanos / 1'000), 6, out);
  } else {
    AppendPadded(static_cast<uint64_t>(nanos), 9, out);
  }
}

void AppendClock(int64_t seconds, int64_t nanos, std::string& out) {
  AppendTwoDigits(seconds / 3600, out);
  out += ':';
  AppendTwoDigits(seconds / 60 % 60, out);
  out += ':';
  AppendTwoDigits(seconds % 60, out);
  AppendFraction(nanos, out);
}

void AppendIntervalPart(int64_t value, char unit, std::string& out) {
  if (value == 0) return;
  AppendChars(value, out);
  out += unit;
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

void AppendDecimal(duck::Int128 unscaled, uint8_t scale, std::string& out) {
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
  // Divided by 10^9 until nothing is left: the remainders are the digits, lowest first.
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
    AppendCivilDate(days, out);
  }
}

void AppendTime(int64_t micros, std::string& out) {
  AppendClock(micros / 1'000'000, micros % 1'000'000 * 1'000, out);
}

void AppendTimeNs(int64_t nanos, std::string& out) {
  AppendClock(nanos / 1'000'000'000, nanos % 1'000'000'000, out);
}

void AppendTimeTz(uint64_t encoded, std::string& out) {
  // The time in the upper 40 bits; below it the offset, counted down from its greatest value, so
  // that the order of the integers is the order of the instants.
  constexpr int64_t kOffsetMaxSeconds = 16 * 3600 - 1;
  const int64_t offset = kOffsetMaxSeconds - static_cast<int64_t>(encoded & 0xFF'FFFF);
  AppendTime(static_cast<int64_t>(encoded >> 24), out);
  const int64_t magnitude = std::abs(offset);
  out += offset < 0 ? '-' : '+';
  AppendTwoDigits(magnitude / 3600, out);
  out += ':';
  AppendTwoDigits(magnitude / 60 % 60, out);
  if (magnitude % 60 != 0) {
    out += ':';
    AppendTwoDigits(magnitude % 60, out);
  }
}

bool IsFiniteTimestamp(int64_t value) {
  return value != std::numeric_limits<int64_t>::max() &&
         value != -std::numeric_limits<int64_t>::max();
}

void AppendTimestamp(int64_t value, int64_t units_per_second, std::string& out) {
  if (!IsFiniteTimestamp(value)) {
    out += value < 0 ? "-infinity" : "infinity";
    return;
  }
  // Floored, so that the fraction of an instant before 1970 counts forward.
  int64_t seconds = value / units_per_second;
  int64_t fraction = value % units_per_second;
  if (fraction < 0) {
    fraction += units_per_second;
    --seconds;
  }
  int64_t days = seconds / kSecondsPerDay;
  int64_t second_of_day = seconds % kSecondsPerDay;
  if (second_of_day < 0) {
    second_of_day += kSecondsPerDay;
    --days;
  }
  AppendCivilDate(days, out);
  out += 'T';
  AppendClock(second_of_day, fraction * (1'000'000'000 / units_per_second), out);
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
      AppendFraction(magnitude % 1'000'000 * 1'000, out);
      // Seconds keep only the digits that they need.
      if (magnitude % 1'000'000 != 0) out.erase(out.find_last_not_of('0') + 1);
      out += 'S';
    }
  }
  if (out.size() == start + 1) out += "T0S";
}

void AppendUuid(duck::Int128 value, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  // The top bit is stored flipped, so that the order of the integers is the order of the text.
  const auto bits = static_cast<duck::Uint128>(value) ^ (duck::Uint128{1} << 127);
  for (int nibble = 31; nibble >= 0; --nibble) {
    out += kHex[static_cast<size_t>(bits >> (nibble * 4)) & 0xF];
    if (nibble == 24 || nibble == 20 || nibble == 16 || nibble == 12) out += '-';
  }
}

void AppendBits(std::string_view encoded, std::string& out) {
  if (encoded.empty()) return;
  // The first byte counts the bits of padding at the front of the second.
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
  // In pieces: EVP_EncodeBlock counts in int and writes a NUL behind what it wrote.
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

}  // namespace tarn::engine
