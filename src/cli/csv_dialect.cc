#include "cli/csv_dialect.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "cli/text_source.h"
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

bool SaysHeader(const Input& input) { return input.has_no_header || HasOption(input, "header"); }

// What was said of all files, and what DuckDB must not find out by itself.
std::string GivenOptions(const Input& input) {
  std::string text = OptionsText(input);
  if (!input.delimiter.empty()) text += ", delim = " + duck::QuoteLiteral(input.delimiter);
  if (input.has_no_header) text += ", header = false";
  // Else lines that begin with a '#' are taken for comments where that makes the others fit.
  if (!HasOption(input, "comment")) text += ", comment = ''";
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
  const std::string start = FirstBytes(file, 6);
  return start.size() == 6 && start.starts_with("sep=") && (start[5] == '\r' || start[5] == '\n');
}

Error BeginsWithSeparator(const std::string& file) {
  return InvalidArgument(fmt::format(
      "\"{}\" begins with a line \"sep=\": --with skip=1 leaves it out, --delimiter says "
      "what it says",
      file));
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

// What makes it impossible to read the file without losing something.
Result<> CheckLines(const Input& input, const std::string& file, const Dialect& dialect) {
  if (HasOption(input, "skip") || dialect.lines_to_skip == 0) return {};
  return LeavesOut(file, dialect.lines_to_skip);
}

Error OtherHeader(const std::string& first, const std::string& file, bool first_has_header) {
  return InvalidArgument(fmt::format(
      "\"{}\" seems to begin with the names of its columns, and \"{}\" with a row: --with "
      "header=true says that all have names, --no-header that none has",
      first_has_header ? first : file, first_has_header ? file : first));
}

}  // namespace

Result<CsvDialect> FindDialect(const Input& input, Converter& converter) {
  CsvDialect found{.options = GivenOptions(input)};
  // Else lines at the beginning that do not fit the others are left out.
  const std::string no_skip = HasOption(input, "skip") ? "" : ", skip = 0";
  const std::string given = found.options;
  bool have_quotes = !HasOption(input, "quote");
  for (const std::string& file : input.files) {
    if (!HasOption(input, "skip") && SaysSeparator(file)) return BeginsWithSeparator(file);
    const auto dialect = Sniff(file, given, converter);
    if (!dialect.ok() && dialect.error().kind == ErrorKind::kCancelled) return dialect.error();
    if (!dialect.ok()) {
      found.options += no_skip;
      found.has_header.reset();
      return found;
    }
    TARN_CHECK_OK(CheckLines(input, file, *dialect));
    if (have_quotes) {
      TARN_TRY(have_quotes, MayHaveQuotes(file, given, *dialect, converter));
    }
    if (!found.has_header) found.has_header = dialect->has_header;
    if (*found.has_header != dialect->has_header) {
      return OtherHeader(input.files.front(), file, *found.has_header);
    }
    if (!dialect->date_format.empty()) found.date_formats.insert(dialect->date_format);
    if (!dialect->timestamp_format.empty()) {
      found.timestamp_formats.insert(dialect->timestamp_format);
    }
  }
  if (SaysHeader(input)) {
    found.has_header.reset();
  } else {
    found.options += fmt::format(", header = {}", *found.has_header);
  }
  if (have_quotes) found.options += ", quote = '\"'";
  found.options += no_skip;
  return found;
}

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

}  // namespace tarn::cli
