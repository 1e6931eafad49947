#pragma once

// Which texts are a value of a type, so that nothing of the text is lost: a DOUBLE is what is
// nearest to at most 17 digits.
//
// DuckDB's reader takes more: as BIGINT "1.7" is 2 and "007" is 7, as DATE "2026-01-01 12:00:00" is
// the day, as TIMESTAMP "…+02:00" is what is before the zone, as DOUBLE a number of 20 digits is
// one of 17 (all of 1.5.5). It looks at the first 20,480 rows for the types, so that any text may
// come after it has chosen one.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::cli {

struct TextForms {
  char decimal_separator = '.';
  bool has_thousands = false;               // "1,234": numbers are not looked at.
  std::set<std::string> date_formats;       // Of strptime; empty: ISO 8601.
  std::set<std::string> timestamp_formats;  // The same.

  // An SQL condition: the text in `column` (SQL, not NULL) can be taken for that type. "true" for
  // types that have no rule here.
  std::string IsOfType(std::string_view column, std::string_view type) const;
  // The same for a column that somebody says is of the type: "+7", "007" and "7.0" are a BIGINT.
  // Only numbers have such a rule: HasLooseRule.
  std::string CanBecome(std::string_view column, std::string_view type) const;
};

bool HasLooseRule(std::string_view type);

// TIMESTAMP WITH TIME ZONE has microseconds: this is not a type of a column, and asks whether texts
// would be of it but for more digits than that.
inline constexpr std::string_view kTimestampOfNanoseconds = "TIMESTAMPTZ, but for nanoseconds";

// What the type of a column may turn out to be, if its first rows are of type `seen`: from the
// narrowest one, without VARCHAR at the end. Empty: it stays as it is.
std::vector<std::string> WiderTypes(std::string_view seen);
// The same for a column whose first rows have no values.
std::vector<std::string> TypesOfUnseen();

}  // namespace tarn::cli
