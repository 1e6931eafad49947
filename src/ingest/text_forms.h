#pragma once

// SQL conditions for texts that a type represents without loss, where DuckDB reads CSV
// (ingest/text_kinds.h has those of the other files).
//
// DuckDB's reader accepts more texts and changes them (all in 1.5.5): as BIGINT "1.7" is 2 and
// "007" is 7, a DATE loses the time of "2026-01-01 12:00:00", a TIMESTAMP loses the zone "+02:00",
// and a DOUBLE loses digits after the 17th. It chooses the types by the first 20,480 rows, and any
// text can come later.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::ingest {

struct TextForms {
  char decimal_separator = '.';
  char thousands = 0;                       // As in "1,234"; 0: none.
  std::set<std::string> date_formats;       // For strptime. Empty: ISO 8601.
  std::set<std::string> timestamp_formats;  // For strptime. Empty: ISO 8601.

  // An SQL condition: the type represents the text in `column` (SQL, not NULL). "true" for types
  // without a rule.
  std::string IsOfType(std::string_view column, std::string_view type) const;
  // The same if the user chose the type: then "+7", "007" and "7.0" are a BIGINT. Only some types
  // have such a rule: HasLooseRule.
  std::string CanBecome(std::string_view column, std::string_view type) const;
};

bool HasLooseRule(std::string_view type);

// Not a type of a column: the condition for texts that are TIMESTAMP WITH TIME ZONE apart from
// digits after the microseconds.
inline constexpr std::string_view kTimestampOfNanoseconds = "TIMESTAMPTZ, but for nanoseconds";

// The possible types of a column whose first rows have the type `seen`, from the narrowest one,
// without VARCHAR. Empty: the type is final.
std::vector<std::string> WiderTypes(std::string_view seen);
// The same for a column whose first rows have no values.
std::vector<std::string> TypesOfUnseen();

}  // namespace tarn::ingest
