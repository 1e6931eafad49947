#include "ingest/text_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "ingest/number_text.h"

namespace tarn::ingest {
namespace {

constexpr size_t kExampleBytes = 200;
// After this number of rows, any text of another form is reported.
constexpr uint64_t kFirstRows = 20'480;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Consumes characters from the beginning of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool TakeAny(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view Digits() {
    size_t count = 0;
    while (count < rest_.size() && IsDigit(rest_[count])) ++count;
    return TakePrefix(count);
  }
  // Consumes a number of `min` to `max` digits. Returns -1 if there is none.
  int Number(size_t min, size_t max) {
    size_t count = 0;
    int number = 0;
    while (count < max && count < rest_.size() && IsDigit(rest_[count])) {
      number = number * 10 + (rest_[count++] - '0');
    }
    if (count < min) return -1;
    rest_.remove_prefix(count);
    return number;
  }
  std::string_view TakePrefix(size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

template <class T>
bool FitsInto(std::string_view text) {
  T value{};
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

// The kinds of a text of digits without leading zeros.
KindSet KindsOfInteger(std::string_view text, bool is_negative, size_t digits) {
  constexpr size_t kBigintDigits = 19;
  constexpr size_t kUbigintDigits = 20;
  constexpr size_t kDecimalDigits = 38;
  constexpr size_t kDoubleDigits = 15;
  KindSet kinds = 0;
  if (digits < kBigintDigits || (digits == kBigintDigits && FitsInto<int64_t>(text))) {
    kinds |= kBigint;
  }
  if (!is_negative &&
      (digits < kUbigintDigits || (digits == kUbigintDigits && FitsInto<uint64_t>(text)))) {
    kinds |= kUbigint;
  }
  if (digits <= kDecimalDigits) kinds |= kDecimal38;
  if (digits <= kDoubleDigits) kinds |= kDouble;
  return kinds;
}

// True if the shortest text of a DOUBLE is the number, which is so for all numbers of 15 digits
// without an exponent.
bool IsExactDouble(std::string_view text, size_t digits, bool has_exponent) {
  constexpr size_t kDigits = 15;
  constexpr size_t kDigitsMax = 17;
  if (text.size() <= kDigits + 1 && !has_exponent) return true;
  return digits <= kDigitsMax && IsTextOfDouble(text);
}

// The digits without leading zeros.
size_t SignificantDigits(std::string_view whole, std::string_view decimals) {
  while (!whole.empty() && whole.front() == '0') whole.remove_prefix(1);
  if (whole.empty()) {
    while (!decimals.empty() && decimals.front() == '0') decimals.remove_prefix(1);
  }
  return whole.size() + decimals.size();
}

// Leading zeros indicate a code, and a "+" before an integer a telephone number.
KindSet KindsOfNumber(std::string_view text) {
  Scanner scanner(text);
  const bool is_negative = scanner.Take('-');
  const bool has_plus = !is_negative && scanner.Take('+');
  const std::string_view whole = scanner.Digits();
  if (whole.size() > 1 && whole.front() == '0') return 0;
  if (scanner.AtEnd()) {
    if (whole.empty() || has_plus) return 0;
    if (is_negative && whole == "0") return kDouble;
    return KindsOfInteger(text, is_negative, whole.size());
  }
  const bool has_point = scanner.Take('.');
  const std::string_view decimals = has_point ? scanner.Digits() : std::string_view();
  if (whole.empty() && decimals.empty()) return IsNotFinite(text) ? kDouble : 0;
  const bool has_exponent = scanner.Take('e') || scanner.Take('E');
  if (has_exponent) {
    scanner.TakeAny("+-");
    if (scanner.Digits().empty()) return 0;
  }
  if (!scanner.AtEnd()) return 0;
  return IsExactDouble(text, SignificantDigits(whole, decimals), has_exponent) ? kDouble : 0;
}

bool IsUuid(std::string_view text) {
  constexpr size_t kBytes = 36;
  if (text.size() != kBytes) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (is_dash ? c != '-' : !(IsDigit(c) || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

// The number of decimals of the seconds. More than nine are not a time.
enum class Fraction { kMicroseconds, kNanoseconds, kMore };

struct TimeForm {
  Fraction fraction = Fraction::kMicroseconds;
  bool has_seconds = false;
};

// "2026-01-31". Years before 1 have another form.
bool TakeDay(Scanner& scanner, int& year) {
  year = scanner.Number(4, 4);
  if (year < 1 || !scanner.Take('-')) return false;
  const int month = scanner.Number(1, 2);
  if (month < 1 || month > 12 || !scanner.Take('-')) return false;
  const int day = scanner.Number(1, 2);
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day >= 1 && day <= kDays.at(month - 1) + (month == 2 && is_leap ? 1 : 0);
}

// "12:30", "12:30:00", "12:30:00.123456"
bool TakeTime(Scanner& scanner, TimeForm& form) {
  const int hour = scanner.Number(1, 2);
  if (hour < 0 || hour > 23 || !scanner.Take(':')) return false;
  const int minute = scanner.Number(2, 2);
  if (minute < 0 || minute > 59) return false;
  if (!scanner.Take(':')) return true;
  form.has_seconds = true;
  const int second = scanner.Number(2, 2);
  if (second < 0 || second > 59) return false;
  if (!scanner.Take('.')) return true;
  std::string_view digits = scanner.Digits();
  if (digits.empty()) return false;
  while (digits.size() > 1 && digits.back() == '0') digits.remove_suffix(1);
  if (digits.size() > 9) {
    form.fraction = Fraction::kMore;
  } else if (digits.size() > 6) {
    form.fraction = Fraction::kNanoseconds;
  }
  return true;
}

// "Z", " UTC", "+02", "+0200", "+02:00"
bool TakeZone(Scanner& scanner) {
  constexpr std::string_view kUtc = " UTC";
  if (scanner.Take('Z')) return true;
  if (scanner.rest() == kUtc) {
    scanner.TakePrefix(kUtc.size());
    return true;
  }
  if (!scanner.TakeAny("+-")) return false;
  const int hours = scanner.Number(2, 2);
  if (hours < 0 || hours > 15) return false;
  if (scanner.AtEnd()) return true;
  scanner.Take(':');
  const int minutes = scanner.Number(2, 2);
  return minutes >= 0 && minutes <= 59;
}

KindSet KindsOfMoment(std::string_view text) {
  if (text == "infinity" || text == "-infinity") {
    return kDate | kTimestamp | kTimestampNs | kTimestampTz | kTimestampTzNs;
  }
  TimeForm form;
  Scanner scanner(text);
  if (text.size() > 2 && (text[1] == ':' || text[2] == ':')) {
    const bool is_time = TakeTime(scanner, form) && scanner.AtEnd();
    return is_time && form.fraction == Fraction::kMicroseconds ? kTime : 0;
  }
  int year = 0;
  if (!TakeDay(scanner, year)) return 0;
  constexpr int kFirstYearNs = 1678;
  constexpr int kLastYearNs = 2261;
  const KindSet nanoseconds = year >= kFirstYearNs && year <= kLastYearNs ? kTimestampNs : 0;
  if (scanner.AtEnd()) return kDate | kTimestamp | nanoseconds;
  if (!scanner.TakeAny(" T") || !TakeTime(scanner, form)) return 0;
  if (form.fraction == Fraction::kMore) return 0;
  const bool is_micros = form.fraction == Fraction::kMicroseconds;
  if (scanner.AtEnd()) return is_micros ? kTimestamp | nanoseconds : nanoseconds;
  if (!form.has_seconds || !TakeZone(scanner) || !scanner.AtEnd()) return 0;
  return is_micros ? kTimestampTz | kTimestampTzNs : kTimestampTzNs;
}

bool LooksLikeValue(std::string_view text) {
  text = Trim(text);
  return !text.empty() && (IsDigit(text.front()) || text.front() == '-' || text.front() == '+') &&
         text.find_first_not_of("0123456789+-.:eETZ ") == std::string_view::npos;
}

constexpr std::array<std::pair<KindSet, std::string_view>, 12> kNames = {{
    {kBigint, "BIGINT"},
    {kUbigint, "UBIGINT"},
    {kDecimal38, "DECIMAL(38,0)"},
    {kDouble, "DOUBLE"},
    {kBoolean, "BOOLEAN"},
    {kUuid, "UUID"},
    {kTime, "TIME"},
    {kDate, "DATE"},
    {kTimestamp, "TIMESTAMP"},
    {kTimestampNs, "TIMESTAMP_NS"},
    {kTimestampTz, "TIMESTAMP WITH TIME ZONE"},
    {kTimestampTzNs, "TIMESTAMP WITH TIME ZONE"},
}};

}  // namespace

KindSet KindsOf(std::string_view text, KindSet among) {
  if (text.empty()) return 0;
  KindSet kinds = 0;
  if ((among & kNumberKinds) != 0) kinds |= KindsOfNumber(text);
  if ((among & kMomentKinds) != 0) kinds |= KindsOfMoment(text);
  if ((among & kBoolean) != 0 &&
      (EqualsIgnoreCase(text, "true") || EqualsIgnoreCase(text, "false"))) {
    kinds |= kBoolean;
  }
  if ((among & kUuid) != 0 && IsUuid(text)) kinds |= kUuid;
  return kinds & among;
}

void TextKinds::Narrow(std::string_view text) {
  kinds_ &= KindsOf(text, kinds_);
  if (kinds_ == 0) {
    count_before_example_ = count_ - 1;
    example_ = Shortened(ToValidUtf8(text.substr(0, kExampleBytes)), kExampleBytes);
  } else if ((kinds_ & kDouble) != 0) {
    AddDecimals(text);
  }
}

void TextKinds::AddDecimals(std::string_view text) {
  size_t point = 0;
  while (point < text.size() && text[point] != '.') ++point;
  if (point == text.size()) return;
  size_t end = point + 1;
  while (end < text.size() && IsDigit(text[end])) ++end;
  if (end < text.size()) return;  // It has an exponent.
  const size_t decimals = end - point - 1;
  decimals_min_ = std::min(decimals_min_, decimals);
  decimals_max_ = std::max(decimals_max_, decimals);
  if (decimals > 1 && text.back() == '0' && trailing_zero_.empty()) trailing_zero_ = text;
}

void TextKinds::Merge(const TextKinds& other) {
  count_ += other.count_;
  kinds_ &= other.kinds_;
  if (example_.empty()) {
    example_ = other.example_;
    count_before_example_ = other.count_before_example_;
  }
  if (trailing_zero_.empty()) trailing_zero_ = other.trailing_zero_;
  decimals_min_ = std::min(decimals_min_, other.decimals_min_);
  decimals_max_ = std::max(decimals_max_, other.decimals_max_);
}

KindSet TextKinds::Kinds() const {
  if (count_ == 0) return 0;
  const bool is_mixed = !trailing_zero_.empty() && decimals_min_ != decimals_max_;
  return is_mixed ? kinds_ & ~kDouble : kinds_;
}

std::string TextKinds::Type() const {
  const KindSet kinds = Kinds();
  const auto* const narrowest =
      std::find_if(kNames.begin(), kNames.end(),
                   [kinds](const auto& named) { return (named.first & kinds) != 0; });
  return std::string(narrowest == kNames.end() ? "VARCHAR" : narrowest->second);
}

bool TextKinds::LosesNanoseconds() const { return Kinds() == kTimestampTzNs; }

std::string TextKinds::Example() const {
  if (Kinds() != 0) return "";
  if (kinds_ != 0) return trailing_zero_;
  const bool is_worth_telling = count_before_example_ >= kFirstRows || LooksLikeValue(example_);
  return is_worth_telling ? example_ : "";
}

void AddTypeNotes(const std::string& column, const TextKinds& kinds,
                  std::vector<std::string>& notes) {
  constexpr size_t kShown = 40;
  if (const std::string example = kinds.Example(); !example.empty()) {
    notes.push_back(fmt::format("column \"{}\" is text, because of values such as \"{}\"",
                                Shortened(column, kShown), Shortened(example, kShown)));
  } else if (kinds.LosesNanoseconds()) {
    notes.push_back(
        fmt::format("column \"{0}\" keeps microseconds and drops further digits; "
                    "--type {0}=VARCHAR keeps the text",
                    Shortened(column, kShown)));
  }
}

}  // namespace tarn::ingest
