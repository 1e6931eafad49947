#include "ingest/csv_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "base/text_hash.h"
#include "duck/quote.h"

namespace tarn::ingest {
namespace {

// Options that are not passed on to DuckDB, because the scan has applied them or the program sets
// them.
constexpr std::array<std::string_view, 11> kReplacedOptions = {
    "delim",        "sep",         "quote",      "escape",          "skip",       "header",
    "null_padding", "all_varchar", "dateformat", "timestampformat", "sample_size"};

using TypesByName = TextMap<std::string>;

std::string KeptOptions(const Input& input, bool is_rewritten) {
  std::string text;
  for (const auto& [name, value] : input.options) {
    if (std::find(kReplacedOptions.begin(), kReplacedOptions.end(), name) !=
        kReplacedOptions.end()) {
      continue;
    }
    if (is_rewritten && name == "compression") continue;
    text += fmt::format(", {} = {}", name, duck::QuoteLiteral(value));
  }
  if (!HasOption(input, "hive_partitioning")) text += ", hive_partitioning = false";
  return text;
}

std::string OneOrNone(char c) {
  return duck::QuoteLiteral(c == 0 ? std::string() : std::string(1, c));
}

const char* NewLine(LineEnds ends) {
  switch (ends) {
    case LineEnds::kCr:
      return ", new_line = '\\r'";
    case LineEnds::kCrLf:
      return ", new_line = '\\r\\n'";
    case LineEnds::kLf:
    case LineEnds::kMixed:  // The file has been written again, with LF.
      break;
  }
  return ", new_line = '\\n'";
}

// The options of read_csv for one file.
std::string FileOptions(const Input& input, const CsvFile& file, const TypesByName& types) {
  constexpr uint64_t kLineBytes = 2'000'000;  // DuckDB's limit, unless another is given.
  const CsvSyntax& syntax = file.syntax;
  std::string text = fmt::format(
      ", auto_detect = false, delim = {}, quote = {}, escape = {}, header = {}, skip = {}, "
      "null_padding = {}, comment = ''{}{}",
      OneOrNone(syntax.delimiter), OneOrNone(syntax.quote), OneOrNone(syntax.escape),
      syntax.has_header, syntax.lines_to_skip, syntax.may_be_short, NewLine(file.scan.line_ends),
      KeptOptions(input, file.is_rewritten));
  // The parallel reader divides files at line ends, and has to guess which of them are in quotes.
  if (file.scan.has_quoted_line_ends && !HasOption(input, "parallel")) text += ", parallel = false";
  if (file.scan.longest_record >= kLineBytes && !HasOption(input, "max_line_size")) {
    text += fmt::format(", max_line_size = {}", file.scan.longest_record + 1);
  }
  text += ", columns = {";
  for (size_t i = 0; i < file.names.size(); ++i) {
    const auto type = types.find(ToLowerAscii(file.names[i]));
    text += fmt::format("{}{}: {}", i == 0 ? "" : ", ", duck::QuoteLiteral(file.names[i]),
                        duck::QuoteLiteral(type == types.end() ? "VARCHAR" : type->second));
  }
  return text + "}";
}

}  // namespace

std::vector<CsvColumn> ColumnsOfFiles(const std::vector<CsvFile>& files) {
  std::vector<CsvColumn> columns;
  TextMap<size_t> known;
  for (const CsvFile& file : files) {
    for (size_t i = 0; i < file.names.size(); ++i) {
      const auto [at, is_new] = known.emplace(ToLowerAscii(file.names[i]), columns.size());
      if (is_new) {
        columns.push_back({.name = file.names[i], .kinds = file.scan.columns[i]});
      } else {
        columns[at->second].kinds.Merge(file.scan.columns[i]);
      }
      if (!file.first_types.empty() && file.first_types[i] != "VARCHAR") {
        columns[at->second].first_type = file.first_types[i];
      }
    }
  }
  return columns;
}

std::shared_ptr<CsvRows> RowsOfFiles(const std::vector<CsvColumn>& columns,
                                     const std::vector<CsvFile>& files, const BatchLimits& limits,
                                     std::vector<ColumnRule> rules) {
  std::vector<std::string> names;
  TextMap<size_t> known;
  for (const CsvColumn& column : columns) {
    known.emplace(ToLowerAscii(column.name), names.size());
    names.push_back(column.name);
  }
  std::vector<CsvRowsFile> sources;
  for (const CsvFile& file : files) {
    CsvRowsFile source{.text = {.path = file.path}, .syntax = file.syntax, .columns = {}};
    for (const std::string& name : file.names) {
      source.columns.push_back(known.at(ToLowerAscii(name)));
    }
    sources.push_back(std::move(source));
  }
  return std::make_shared<CsvRows>(std::move(names), std::move(sources), limits, std::move(rules));
}

std::string ReadCsvFiles(const Input& input, const std::vector<CsvFile>& files,
                         const std::vector<Column>& columns) {
  TypesByName types;
  for (const Column& column : columns) types.emplace(ToLowerAscii(column.name), column.type);
  std::string sql;
  std::vector<std::string> paths;
  std::string options;
  const auto add_group = [&] {
    sql += fmt::format("{}SELECT * FROM read_csv({}{})", sql.empty() ? "" : " UNION ALL BY NAME ",
                       PathList(paths), options);
    paths.clear();
  };
  for (const CsvFile& file : files) {
    std::string file_options = FileOptions(input, file, types);
    if (!paths.empty() && file_options != options) add_group();
    options = std::move(file_options);
    paths.push_back(file.path);
  }
  add_group();
  return "(" + sql + ")";
}

}  // namespace tarn::ingest
