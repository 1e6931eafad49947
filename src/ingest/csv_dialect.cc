#include "ingest/csv_dialect.h"

#include <fmt/format.h>

#include <algorithm>

#include "duck/quote.h"
#include "ingest/csv_sniffer.h"
#include "ingest/text_source.h"

namespace tarn::ingest {
namespace {

Error LeftOutError(const std::string& file, uint64_t lines) {
  return InvalidArgument(fmt::format(
      "\"{}\": its first {} not have as many columns as the others. Correct the file, set the "
      "delimiter (as in --delimiter ';'), or skip these lines: --with skip={}",
      file, lines == 1 ? "line does" : fmt::format("{} lines do", lines), lines));
}

// Quotes after the sampled rows are quotes (RFC 4180, 2.5), unless the sampled rows show that they
// are ordinary characters. Apostrophes are ordinary characters, unless an option makes them quotes.
Result<bool> MayHaveQuotes(const std::string& file, const std::string& options,
                           const SniffedCsv& sniffed, Converter& converter) {
  if (sniffed.quote == '"') return true;
  const auto with_quotes = SniffCsv(file, options + ", quote = '\"'", converter);
  if (with_quotes.ok() && with_quotes->columns.size() == sniffed.columns.size()) return true;
  if (sniffed.quote == 0) return false;
  return OtherQuotesError(file, sniffed.quote);
}

// Checks that all lines have as many columns as the first one, with this delimiter. The error names
// a line that has not.
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
  return Error{rows.error().kind, PlainMessage(rows.error().message)};
}

// Refuses a file whose first lines DuckDB would skip.
Result<> CheckLines(const Input& input, const std::string& file, const SniffedCsv& dialect) {
  if (HasOption(input, "skip") || dialect.lines_to_skip == 0) return {};
  return LeftOutError(file, dialect.lines_to_skip);
}

}  // namespace

Result<CsvDialect> FindDialect(const Input& input, Converter& converter) {
  CsvDialect found{.options = GivenCsvOptions(input)};
  // Otherwise DuckDB skips lines at the beginning that do not fit the others.
  const std::string no_skip = HasOption(input, "skip") ? "" : ", skip = 0";
  const std::string given = found.options;
  bool have_quotes = !HasOption(input, "quote");
  for (const std::string& file : input.files) {
    TARN_CHECK_OK(CheckSeparatorLine(input, file));
    const auto dialect = SniffCsv(file, given, converter);
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
      return OtherHeaderError(input.files.front(), file, *found.has_header);
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
        fmt::format("\"{}\": {}\n--with null_padding=true makes missing values NULL; "
                    "use --delimiter if \"{}\" is not the delimiter",
                    file, split.error().message, head[at]));
  }
  return InvalidArgument(
      fmt::format("the files have one column \"{}\": set the delimiter with --delimiter", head));
}

}  // namespace tarn::ingest
