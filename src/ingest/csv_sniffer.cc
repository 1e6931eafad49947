#include "ingest/csv_sniffer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/files.h"
#include "duck/quote.h"
#include "ingest/text_source.h"

namespace tarn::ingest {
namespace {

// DuckDB shows a tab as "\t", and no character as "(empty)".
char ToCharacter(const std::string& text) {
  if (text == "\\t") return '\t';
  return text.size() == 1 ? text.front() : 0;
}

Result<std::vector<Column>> ToSniffedColumns(const std::string& text) {
  TARN_TRY(const nlohmann::ordered_json json, ParseBoundedOrderedJson(text, {}));
  std::vector<Column> columns;
  for (const auto& column : json) {
    columns.push_back({column.value("name", ""), column.value("type", "")});
  }
  return columns;
}

}  // namespace

bool SaysDelimiter(const Input& input) {
  return !input.delimiter.empty() || HasOption(input, "delim") || HasOption(input, "sep");
}

bool SaysHeader(const Input& input) { return input.has_no_header || HasOption(input, "header"); }

std::string GivenCsvOptions(const Input& input) {
  std::string text = OptionsText(input);
  if (!input.delimiter.empty()) text += ", delim = " + duck::QuoteLiteral(input.delimiter);
  if (input.has_no_header) text += ", header = false";
  // Otherwise DuckDB takes lines that begin with '#' for comments, if the other lines then fit.
  if (!HasOption(input, "comment")) text += ", comment = ''";
  return text;
}

Result<SniffedCsv> SniffCsv(const std::string& file, const std::string& options,
                            Converter& converter) {
  TARN_TRY(const std::vector<std::string> row,
           converter.FirstRow(
               fmt::format("SELECT HasHeader, Delimiter, Quote, \"Escape\", SkipRows, DateFormat, "
                           "TimestampFormat, to_json(Columns) FROM sniff_csv({}{})",
                           PathLiteral(file), options)));
  SniffedCsv sniffed{.has_header = row.at(0) == "true",
                     .delimiter = ToCharacter(row.at(1)),
                     .quote = ToCharacter(row.at(2)),
                     .escape = ToCharacter(row.at(3)),
                     .lines_to_skip = std::stoull(row.at(4)),
                     .date_format = row.at(5),
                     .timestamp_format = row.at(6)};
  TARN_TRY(sniffed.columns, ToSniffedColumns(row.at(7)));
  return sniffed;
}

Result<> CheckSeparatorLine(const Input& input, const std::string& file) {
  if (HasOption(input, "skip")) return {};
  const std::string start = FirstBytes(file, 6);
  if (start.size() != 6 || !start.starts_with("sep=") || (start[5] != '\r' && start[5] != '\n')) {
    return {};
  }
  return InvalidArgument(fmt::format(
      "\"{}\" begins with a line \"sep=\": skip it with --with skip=1, and set its delimiter with "
      "--delimiter",
      file));
}

Error OtherQuotesError(const std::string& file, char quote) {
  return InvalidArgument(
      fmt::format("\"{}\": its values seem to be in {} and not in \": use --with \"quote={}\"",
                  file, quote == '\'' ? "apostrophes" : std::string(1, quote), quote));
}

Error OtherHeaderError(const std::string& first, const std::string& file, bool first_has_header) {
  return InvalidArgument(fmt::format(
      "\"{}\" seems to begin with the names of its columns, and \"{}\" with a row: use --with "
      "header=true if all files have names, or --no-header if none has",
      first_has_header ? first : file, first_has_header ? file : first));
}

}  // namespace tarn::ingest
