#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/column_type_questions.h"
#include "cli/text_source.h"
#include "duck/quote.h"

namespace tarn::cli {
namespace {

// What DuckDB finds. Dates that are written as nobody says stay text.
std::string Detected(const Input& input) {
  std::string text = fmt::format("read_json({}, union_by_name = true{}", PathList(input.files),
                                 OptionsText(input));
  if (!HasOption(input, "sample_size")) text += ", sample_size = -1";
  if (!HasOption(input, "dateformat")) text += ", dateformat = 'iso'";
  if (!HasOption(input, "timestampformat")) text += ", timestampformat = 'iso'";
  return text + ")";
}

// What the texts of a column may be, by what DuckDB has found in them. Empty: that is no question.
std::vector<std::string> TypesOf(const Input& input, std::string_view found) {
  if (found == "BIGINT" || found == "UBIGINT" || found == "HUGEINT") return WiderTypes("BIGINT");
  if (found == "TIMESTAMP" && !HasOption(input, "timestampformat")) {
    std::vector<std::string> types = WiderTypes("TIMESTAMP");
    for (std::string& type : WiderTypes("TIMESTAMP WITH TIME ZONE")) {
      types.push_back(std::move(type));
    }
    return types;
  }
  if (found == "DATE" && HasOption(input, "dateformat")) return {};
  if (found == "TIMESTAMP") return {};
  return WiderTypes(found);
}

// A column, and how it is read: what is at the top as JSON, whose numbers and strings have all that
// was written.
struct Reading {
  bool is_plain = false;  // It is a number or a string.
  std::string type;       // For read_json.
};

std::string Select(const std::vector<Column>& columns, const std::vector<Reading>& readings,
                   bool with_types) {
  std::string list;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string name = duck::QuoteIdentifier(columns[i].name);
    if (!list.empty()) list += ", ";
    if (!readings[i].is_plain) {
      list += name;
    } else if (with_types) {
      list += fmt::format("CAST({0} ->> '$' AS {1}) AS {0}", name, columns[i].type);
    } else {
      list += fmt::format("{0} ->> '$' AS {0}", name);
    }
  }
  return list;
}

}  // namespace

Result<TextSource> OpenJson(const Input& input, const std::vector<Column>& targets,
                            Converter& converter) {
  TARN_TRY(const std::vector<Column> before, converter.ColumnsOf(Detected(input)));
  TextSource source{.columns = before};
  std::string types_to_read;
  std::vector<Reading> readings;
  std::vector<TypeQuestion> questions;
  for (Column& column : source.columns) {
    const Column* target = FindColumn(targets, column.name);
    std::vector<std::string> types = TypesOf(input, column.type);
    // Which DuckDB does not look for.
    const bool is_string = types.empty() && column.type == "VARCHAR";
    if (is_string) types = WiderTypes("TIMESTAMP WITH TIME ZONE");
    Reading reading{.is_plain = !types.empty(), .type = "JSON"};
    if (reading.is_plain && ComesAsText(target)) {
      column.type = "VARCHAR";
    } else if (reading.is_plain) {
      questions.push_back({&column, std::move(types), is_string});
    } else if (target != nullptr && target->type == "VARCHAR") {
      column.type = "JSON";
    } else {
      reading.type = column.type;
    }
    types_to_read += fmt::format("{}{}: {}", types_to_read.empty() ? "" : ", ",
                                 duck::QuoteLiteral(column.name), duck::QuoteLiteral(reading.type));
    readings.push_back(std::move(reading));
  }
  const std::string from = fmt::format("FROM read_json({}{}, columns = {{{}}})",
                                       PathList(input.files), OptionsText(input), types_to_read);
  const std::string as_text =
      fmt::format("(SELECT {} {})", Select(source.columns, readings, false), from);
  TARN_TRY(source.notes, DecideTypes(questions, as_text, source.forms, converter));
  KeepFound(before, targets, source);
  source.sql = fmt::format("(SELECT {} {})", Select(source.columns, readings, true), from);
  return source;
}

}  // namespace tarn::cli
