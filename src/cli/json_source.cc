#include "cli/json_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/column_type_questions.h"
#include "duck/quote.h"

namespace tarn::cli {
namespace {

std::string GivenOptions(const Input& input) {
  std::string text;
  for (const auto& [name, value] : input.options) {
    text += fmt::format(", {} = {}", name, duck::QuoteLiteral(value));
  }
  // A folder "day=1" is a folder.
  if (!HasOption(input, "hive_partitioning")) text += ", hive_partitioning = false";
  return text;
}

// What DuckDB finds. Dates that are written as nobody says stay text.
std::string Detected(const Input& input) {
  std::string text = fmt::format("read_json({}, union_by_name = true{}", PathList(input.files),
                                 GivenOptions(input));
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

}  // namespace

Result<JsonSource> OpenJson(const Input& input, const std::vector<Column>& targets,
                            Converter& converter) {
  JsonSource source;
  TARN_TRY(source.columns, converter.ColumnsOf(Detected(input)));
  source.found = source.columns;
  // As JSON, whose numbers and strings have all that was written.
  std::string columns;
  std::vector<bool> is_text;
  std::vector<TypeQuestion> questions;
  for (Column& column : source.columns) {
    const Column* target = FindColumn(targets, column.name);
    std::vector<std::string> types = TypesOf(input, column.type);
    const bool is_plain = !types.empty() || column.type == "VARCHAR";
    const bool becomes_text = target != nullptr && target->type == "VARCHAR";
    columns += fmt::format("{}{}: {}", columns.empty() ? "" : ", ", duck::QuoteLiteral(column.name),
                           duck::QuoteLiteral(is_plain || becomes_text ? "JSON" : column.type));
    is_text.push_back(is_plain);
    if (becomes_text && !is_plain) column.type = "JSON";
    if (!is_plain) continue;
    if (target != nullptr && (becomes_text || HasLooseRule(target->type))) {
      column.type = "VARCHAR";
    } else if (types.empty()) {
      // Which DuckDB does not look for.
      questions.push_back({&column, WiderTypes("TIMESTAMP WITH TIME ZONE"), true});
    } else {
      questions.push_back({&column, std::move(types)});
    }
  }
  const std::string read = fmt::format("read_json({}{}, columns = {{{}}})", PathList(input.files),
                                       GivenOptions(input), columns);
  const auto select = [&](bool with_types) {
    std::string list;
    for (size_t i = 0; i < source.columns.size(); ++i) {
      const Column& column = source.columns[i];
      const std::string name = duck::QuoteIdentifier(column.name);
      list += list.empty() ? "" : ", ";
      if (!is_text[i]) {
        list += name;
      } else if (with_types) {
        list += fmt::format("CAST({0} ->> '$' AS {1}) AS {0}", name, column.type);
      } else {
        list += fmt::format("{0} ->> '$' AS {0}", name);
      }
    }
    return fmt::format("(SELECT {} FROM {})", list, read);
  };
  TARN_TRY(source.notes, DecideTypes(questions, select(false), source.forms, converter));
  for (size_t i = 0; i < source.columns.size(); ++i) {
    const bool is_target = FindColumn(targets, source.columns[i].name) != nullptr;
    if (!is_target) source.found[i] = source.columns[i];
  }
  source.sql = select(true);
  return source;
}

}  // namespace tarn::cli
