#pragma once

// The types that represent all texts of a column exactly.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::ingest {

// A set of types. The narrowest type is the lowest bit.
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
// TIMESTAMP WITH TIME ZONE. It drops digits after the microseconds.
inline constexpr KindSet kTimestampTzNs = 1 << 11;

inline constexpr KindSet kNumberKinds = kBigint | kUbigint | kDecimal38 | kDouble;
inline constexpr KindSet kMomentKinds =
    kTime | kDate | kTimestamp | kTimestampNs | kTimestampTz | kTimestampTzNs;
// The types for strings of JSON. A number in quotes stays text.
inline constexpr KindSet kStringKinds = kMomentKinds | kUuid;
// The types for values of CSV.
inline constexpr KindSet kValueKinds = kNumberKinds | kMomentKinds | kBoolean;

// The types of `among` that fit this text. White space is a part of the text.
KindSet KindsOf(std::string_view text, KindSet among);

// Finds the types that fit all added texts, in constant memory.
//
// DOUBLE does not fit versions: texts with different numbers of decimals, if one of them ends in a
// zero ("1.1" and "1.10"). As numbers, these would be equal.
class TextKinds {
 public:
  explicit TextKinds(KindSet candidates) : kinds_(candidates) {}

  void Add(std::string_view text) {
    ++count_;
    if (kinds_ != 0) Narrow(text);
  }
  void Merge(const TextKinds& other);

  // "BIGINT", "TIMESTAMP WITH TIME ZONE"; "VARCHAR" if no type fits all texts or there are none.
  std::string Type() const;
  // True if the type drops digits after the microseconds.
  bool LosesNanoseconds() const;
  // The text that changed the type to VARCHAR, if the texts before it had another type or it looks
  // like a number or a time. Otherwise empty.
  std::string Example() const;
  uint64_t count() const { return count_; }

 private:
  KindSet Kinds() const;  // With the rule for DOUBLE.
  void Narrow(std::string_view text);
  void AddDecimals(std::string_view text);

  KindSet kinds_;
  uint64_t count_ = 0;
  uint64_t count_before_example_ = 0;
  std::string example_;        // The first text that no remaining type fits.
  std::string trailing_zero_;  // The first text such as "1.10".
  size_t decimals_min_ = std::numeric_limits<size_t>::max();
  size_t decimals_max_ = 0;
};

// A note about a column that becomes text because of a value, or loses digits of times.
void AddTypeNotes(const std::string& column, const TextKinds& kinds,
                  std::vector<std::string>& notes);

}  // namespace tarn::ingest
