#pragma once

// The types that hold all texts of a column without losing anything of a text.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::ingest {

// A set of types, from the narrowest one.
using KindSet = uint16_t;
inline constexpr KindSet kBigint = 1 << 0;
inline constexpr KindSet kUbigint = 1 << 1;
inline constexpr KindSet kDecimal38 = 1 << 2;  // DECIMAL(38,0)
inline constexpr KindSet kDouble = 1 << 3;
inline constexpr KindSet kBoolean = 1 << 4;
inline constexpr KindSet kUuid = 1 << 5;
inline constexpr KindSet kTime = 1 << 6;
inline constexpr KindSet kDate = 1 << 7;
inline constexpr KindSet kTimestamp = 1 << 8;
inline constexpr KindSet kTimestampNs = 1 << 9;
inline constexpr KindSet kTimestampTz = 1 << 10;
// TIMESTAMP WITH TIME ZONE, but for digits behind the microseconds, which it does not hold.
inline constexpr KindSet kTimestampTzNs = 1 << 11;

inline constexpr KindSet kNumberKinds = kBigint | kUbigint | kDecimal38 | kDouble;
inline constexpr KindSet kMomentKinds =
    kTime | kDate | kTimestamp | kTimestampNs | kTimestampTz | kTimestampTzNs;
// Strings of JSON; a number in quotes stays a text.
inline constexpr KindSet kStringKinds = kMomentKinds | kUuid;
// Values of CSV.
inline constexpr KindSet kValueKinds = kNumberKinds | kMomentKinds | kBoolean;

// The types of `among` that hold this text. White space around numbers and times does not count.
KindSet KindsOf(std::string_view text, KindSet among);

// The types that hold all texts added so far. Memory does not grow with the number of texts.
//
// DOUBLE needs that different texts stay different numbers: where one ends with a zero behind the
// point ("1.10") and numbers of digits behind the point differ, as in versions, it holds them not.
class TextKinds {
 public:
  explicit TextKinds(KindSet candidates) : kinds_(candidates) {}

  void Add(std::string_view text) {
    ++count_;
    if (kinds_ != 0) Narrow(text);
  }
  void Merge(const TextKinds& other);

  // "BIGINT", "TIMESTAMP WITH TIME ZONE"; "VARCHAR" if no type holds all texts, or none was added.
  std::string Type() const;
  // Whether the type loses digits behind the microseconds.
  bool LosesNanoseconds() const;
  // A text because of which the type is VARCHAR, where the texts before were of another type or
  // this one looks like a number or a time; else empty.
  std::string Example() const;
  uint64_t count() const { return count_; }

 private:
  KindSet Kinds() const;  // With the rule for DOUBLE.
  void Narrow(std::string_view text);
  void AddDecimals(std::string_view text);

  KindSet kinds_;
  uint64_t count_ = 0;
  uint64_t count_before_example_ = 0;
  std::string example_;        // The first text that left no type.
  std::string trailing_zero_;  // The first text such as "1.10".
  size_t decimals_min_ = std::numeric_limits<size_t>::max();
  size_t decimals_max_ = 0;
};

// A line for a column that became text because of a value, or loses digits of times.
void AddTypeNotes(const std::string& column, const TextKinds& kinds,
                  std::vector<std::string>& notes);

}  // namespace tarn::ingest
