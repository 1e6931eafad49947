#include "cli/csv_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "cli/column_type_questions.h"
#include "cli/text.h"
#include "duck/quote.h"

namespace tarn::cli {
namespace {

// What DuckDB finds out of one file.
struct Dialect {
  bool has_header = false;
  char quote = 0;  // 0: there is none in the first rows.
  uint64_t lines_to_skip = 0;
  uint64_t column_count = 0;
  std::string date_format;
  std::string timestamp_format;
};

bool SaysDelimiter(const Input& input) {
  return !input.delimiter.empty() || HasOption(input, "delim") || HasOption(input, "sep");
}

bool SaysHeader(const Input& input) { return input.header_is_said || HasOption(input, "header"); }

// What was said of all files, and what DuckDB must not find out by itself.
std::string GivenOptions(const Input& input) {
  std::string text;
  for (const auto& [name, value] : input.options) {
    text += fmt::format(", {} = {}", name, duck::QuoteLiteral(value));
  }
  if (!input.delimiter.empty()) text += ", delim = " + duck::QuoteLiteral(input.delimiter);
  if (input.header_is_said) text += fmt::format(", header = {}", input.has_header);
  // Else lines that begin with a '#' are taken for comments where that makes the others fit.
  if (!HasOption(input, "comment")) text += ", comment = ''";
  // A folder "day=1" is a folder.
  if (!HasOption(input, "hive_partitioning")) text += ", hive_partitioning = false";
  return text;
}

Result<Dialect> Sniff(const std::string& file, const std::string& options, Converter& converter) {
  TARN_TRY(const std::vector<std::string> row,
           converter.FirstRow(
               fmt::format(
                   "SELECT HasHeader, Quote, SkipRows, len(Columns), DateFormat, TimestampFormat "
                   "FROM sniff_csv({}{})",
                   PathLiteral(file), options),
               "looking"));
  Dialect dialect{.has_header = row.at(0) == "true",
                  .lines_to_skip = std::stoull(row.at(2)),
                  .column_count = std::stoull(row.at(3)),
                  .date_format = row.at(4),
                  .timestamp_format = row.at(5)};
  if (row.at(1).size() == 1) dialect.quote = row.at(1).front();
  return dialect;
}

Error LeavesOut(const std::string& file, uint64_t lines) {
  return InvalidArgument(fmt::format(
      "\"{}\": its first {} not have as many columns as the others. Mend them; or say "
      "what is between columns, as in --delimiter ';'; or leave them out: --with skip={}",
      file, lines == 1 ? "line does" : fmt::format("{} lines do", lines), lines));
}

// Files whose quotes come after the first rows have them too (RFC 4180, 2.5), unless a quote within
// these shows that it is only a character. Apostrophes are characters of text: where they seem to
// be quotes, somebody has to say so.
Result<bool> MayHaveQuotes(const std::string& file, const std::string& options,
                           const Dialect& dialect, Converter& converter) {
  if (dialect.quote == '"') return true;
  const auto with_quotes = Sniff(file, options + ", quote = '\"'", converter);
  if (with_quotes.ok() && with_quotes->column_count == dialect.column_count) return true;
  if (dialect.quote == 0) return false;
  return InvalidArgument(fmt::format(
      "\"{}\": its values seem to be in {} and not in \": --with \"quote={}\" says so", file,
      dialect.quote == '\'' ? "apostrophes" : std::string(1, dialect.quote), dialect.quote));
}

// Excel's first line, which says what is between columns.
bool SaysSeparator(const std::string& file) {
  const std::unique_ptr<FILE, int (*)(FILE*)> opened(std::fopen(file.c_str(), "rbe"), &std::fclose);
  std::array<char, 6> start{};
  return opened != nullptr && std::fread(start.data(), 1, start.size(), opened.get()) > 5 &&
         std::string_view(start.data(), 4) == "sep=" && (start[5] == '\r' || start[5] == '\n');
}

struct Found {
  std::string options;
  // Of strptime, as DuckDB has guessed them.
  std::set<std::string> date_formats;
  std::set<std::string> timestamp_formats;
  bool has_header = false;  // Found out, or said.
};

// How the files are written. What cannot be found out is left to the reader, which says why.
Result<Found> FindOut(const Input& input, Converter& converter) {
  Found found;
  const std::string given = GivenOptions(input);
  bool have_quotes = !HasOption(input, "quote");
  const std::string* first = nullptr;
  bool has_header = false;
  for (const std::string& file : input.files) {
    if (!HasOption(input, "skip") && SaysSeparator(file)) {
      return InvalidArgument(
          fmt::format("\"{}\" begins with a line \"sep=\": --with skip=1 leaves it out, "
                      "--delimiter says what it "
                      "says",
                      file));
    }
    const auto dialect = Sniff(file, given, converter);
    if (!dialect.ok() && dialect.error().kind == ErrorKind::kCancelled) return dialect.error();
    if (!dialect.ok()) {
      if (!HasOption(input, "skip")) found.options = ", skip = 0";
      return found;
    }
    if (!HasOption(input, "skip") && dialect->lines_to_skip > 0) {
      return LeavesOut(file, dialect->lines_to_skip);
    }
    if (have_quotes) {
      TARN_TRY(have_quotes, MayHaveQuotes(file, given, *dialect, converter));
    }
    if (first == nullptr) {
      first = &file;
      has_header = dialect->has_header;
    } else if (has_header != dialect->has_header) {
      return InvalidArgument(fmt::format(
          "\"{}\" seems to begin with the names of its columns, and \"{}\" with a row: --with "
          "header=true says that all have names, --no-header that none has",
          has_header ? *first : file, has_header ? file : *first));
    }
    for (const auto& [format, formats] :
         {std::pair(&dialect->date_format, &found.date_formats),
          std::pair(&dialect->timestamp_format, &found.timestamp_formats)}) {
      if (!format->empty()) formats->insert(*format);
    }
  }
  found.has_header = has_header;
  if (!SaysHeader(input)) found.options += fmt::format(", header = {}", has_header);
  if (have_quotes) found.options += ", quote = '\"'";
  // Else lines at the beginning that do not fit the others are left out.
  if (!HasOption(input, "skip")) found.options += ", skip = 0";
  return found;
}

// Whether all lines have as many columns as the first one, with this between them. The error says
// which has not.
Result<> SplitInto(const std::string& head, char delimiter, const std::string& csv,
                   Converter& converter) {
  std::string columns;
  for (int64_t i = 0; i <= std::count(head.begin(), head.end(), delimiter); ++i) {
    columns += fmt::format("{}c{}: 'VARCHAR'", i == 0 ? "" : ", ", i);
  }
  const auto rows = converter.CountRows(
      fmt::format("read_csv({}, auto_detect = false, header = true, delim = {}, quote = '\"', "
                  "columns = {{{}}})",
                  PathLiteral(csv), duck::QuoteLiteral(std::string(1, delimiter)), columns));
  if (rows.ok()) return {};
  const std::string& message = rows.error().message;
  return Error{rows.error().kind, message.substr(0, message.find("\nPossible "))};
}

// Files whose lines have different numbers of columns would become one column of whole lines.
Result<> CheckDelimiter(const Input& input, const std::vector<Column>& columns,
                        Converter& converter) {
  if (SaysDelimiter(input) || columns.size() != 1) return {};
  const std::string& head = columns[0].name;
  const size_t at = head.find_first_of(",;\t|");
  if (at == std::string::npos) return {};
  for (const std::string& file : input.files) {
    const Result<> split = SplitInto(head, head[at], file, converter);
    if (split.ok()) continue;
    if (split.error().kind == ErrorKind::kCancelled) return split.error();
    return InvalidArgument(
        fmt::format("\"{}\": {}\n--with null_padding=true takes what is missing for NULL; "
                    "--delimiter is for files in which \"{}\" is none",
                    file, split.error().message, head[at]));
  }
  return InvalidArgument(
      fmt::format("they have one column \"{}\": --delimiter says what is between columns", head));
}

}  // namespace

namespace {

// Days and months may be meant the other way round, or the year may be the first of the three.
bool IsAmbiguous(const std::set<std::string>& formats) {
  return std::any_of(formats.begin(), formats.end(), [](const std::string& format) {
    return format.find("%y") != std::string::npos || !format.starts_with("%Y");
  });
}

std::string Swapped(const std::string& format) {
  std::string swapped = format;
  for (size_t i = 0; i + 1 < swapped.size(); ++i) {
    if (swapped[i] != '%') continue;
    if (swapped[i + 1] == 'd') {
      swapped[i + 1] = 'm';
    } else if (swapped[i + 1] == 'm') {
      swapped[i + 1] = 'd';
    }
  }
  return swapped;
}

// Whether the texts of a column could be other dates as well. Of several formats, or years of two
// digits, nobody can tell.
Result<bool> CouldBeOthers(const Column& column, const std::set<std::string>& formats,
                           const std::string& text_source, Converter& converter) {
  if (formats.size() > 1 || formats.begin()->find("%y") != std::string::npos) return true;
  TARN_TRY(
      const std::vector<std::string> row,
      converter.FirstRow(
          fmt::format("SELECT count_if({0} IS NOT NULL AND try_strptime({0}, {1}) IS NULL) = 0 "
                      "FROM {2}",
                      duck::QuoteIdentifier(column.name),
                      duck::QuoteLiteral(Swapped(*formats.begin())), text_source),
          "checking"));
  return row.at(0) == "true";
}

// Dates whose order DuckDB has guessed stay text where it may be another.
Result<> JudgeDates(const Found& found, const std::string& text_source, CsvSource& source,
                    Converter& converter) {
  for (Column& column : source.columns) {
    const bool is_day = column.type == "DATE";
    if (!is_day && !column.type.starts_with("TIMESTAMP")) continue;
    const auto& formats = is_day ? found.date_formats : found.timestamp_formats;
    if (formats.empty() || !IsAmbiguous(formats)) continue;
    TARN_TRY(const bool could_be, CouldBeOthers(column, formats, text_source, converter));
    if (!could_be) continue;
    column.type = "VARCHAR";
    source.notes.push_back(fmt::format(
        "column \"{}\" is text, because its dates may be read in several ways: --with {}={} says "
        "which",
        WithoutControls(column.name), is_day ? "dateformat" : "timestampformat", *formats.begin()));
  }
  return {};
}

// Where the first line may be taken for what it is not.
void NoteHeader(const Input& input, const Found& found, CsvSource& source) {
  if (SaysHeader(input)) return;
  if (!found.has_header) {
    source.notes.emplace_back(
        "the first line is taken for a row: --with header=true says that it has the names of the "
        "columns");
  } else if (std::all_of(source.columns.begin(), source.columns.end(),
                         [](const Column& column) { return column.type == "VARCHAR"; })) {
    source.notes.emplace_back(
        "the first line is taken for the names of the columns: --no-header says that it is a row");
  }
}

}  // namespace

Result<CsvSource> OpenCsv(const Input& input, const std::vector<Column>& targets,
                          Converter& converter) {
  CsvSource source;
  const auto value_of = [&input](std::string_view name) -> const std::string* {
    for (const auto& [option, value] : input.options) {
      if (option == name) return &value;
    }
    return nullptr;
  };
  const std::string* separator = value_of("decimal_separator");
  if (separator != nullptr && separator->size() == 1) {
    source.forms.decimal_separator = separator->front();
  }
  source.forms.has_thousands = value_of("thousands") != nullptr;
  if (const std::string* format = value_of("dateformat")) source.forms.date_formats = {*format};
  if (const std::string* format = value_of("timestampformat")) {
    source.forms.timestamp_formats = {*format};
  }
  TARN_TRY(const Found found, FindOut(input, converter));
  const std::string start = fmt::format("read_csv({}, union_by_name = true{}{}",
                                        PathList(input.files), GivenOptions(input), found.options);
  const std::string text_source = start + ", all_varchar = true)";
  TARN_TRY(source.columns, converter.ColumnsOf(start + ")"));
  TARN_CHECK_OK(CheckDelimiter(input, source.columns, converter));

  const std::vector<Column> seen = source.columns;
  const bool says_date = !source.forms.date_formats.empty();
  const bool says_timestamp = !source.forms.timestamp_formats.empty();
  if (!says_date) source.forms.date_formats = found.date_formats;
  if (!says_timestamp) source.forms.timestamp_formats = found.timestamp_formats;
  if (!says_date && !says_timestamp) {
    TARN_CHECK_OK(JudgeDates(found, text_source, source, converter));
  }
  const bool plain_numbers = source.forms.decimal_separator == '.' && !source.forms.has_thousands;
  std::vector<TypeQuestion> questions;
  for (Column& column : source.columns) {
    const Column* target = FindColumn(targets, column.name);
    if (target != nullptr &&
        (target->type == "VARCHAR" || (plain_numbers && HasLooseRule(target->type)))) {
      column.type = "VARCHAR";
    } else if (HasOption(input, "all_varchar") ||
               column.type != seen[&column - &source.columns[0]].type) {
      continue;
    } else if (column.type == "VARCHAR") {
      questions.push_back({&column, TypesOfUnseen(), true});
    } else if (std::vector<std::string> types = WiderTypes(column.type); !types.empty()) {
      questions.push_back({&column, std::move(types)});
    }
  }
  TARN_TRY(std::vector<std::string> of_types,
           DecideTypes(questions, text_source, source.forms, converter));
  source.notes.insert(source.notes.end(), of_types.begin(), of_types.end());

  NoteHeader(input, found, source);
  source.found = source.columns;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (FindColumn(targets, seen[i].name) != nullptr) source.found[i] = seen[i];
  }

  std::string types;
  for (size_t i = 0; i < seen.size(); ++i) {
    const Column& column = source.columns[i];
    if (column.type == seen[i].type) continue;
    types += fmt::format("{}{}: {}", types.empty() ? "" : ", ", duck::QuoteLiteral(column.name),
                         duck::QuoteLiteral(column.type));
  }
  source.sql = start + (types.empty() ? ")" : ", types = {" + types + "})");
  return source;
}

}  // namespace tarn::cli
