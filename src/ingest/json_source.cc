#include <fmt/format.h>

#include <memory>
#include <optional>

#include "duck/quote.h"
#include "ingest/column_type_questions.h"
#include "ingest/date_formats.h"
#include "ingest/json_rows.h"
#include "ingest/text_source.h"

namespace tarn::ingest {
namespace {

constexpr const char* kRows = "json_rows";

// The strptime formats that the user has set with --with.
struct GivenFormats {
  std::optional<std::string> date;
  std::optional<std::string> timestamp;
};

Result<GivenFormats> FormatsOf(const Input& input) {
  GivenFormats formats;
  for (const auto& [name, value] : input.options) {
    if (name == "dateformat") {
      formats.date = value;
    } else if (name == "timestampformat") {
      formats.timestamp = value;
    } else {
      return InvalidArgument(
          fmt::format("--with {}: JSON has only the options dateformat and timestampformat", name));
    }
  }
  return formats;
}

// Asks whether the given formats fit the columns that have only strings.
std::vector<TypeQuestion> QuestionsOf(const JsonRows& rows, const GivenFormats& formats,
                                      std::vector<Column>& columns) {
  std::vector<std::string> types;
  if (formats.date) types.emplace_back("DATE");
  if (formats.timestamp) types.emplace_back("TIMESTAMP");
  std::vector<TypeQuestion> questions;
  for (size_t i = 0; i < columns.size() && !types.empty(); ++i) {
    if (rows.shape(i).HasOnlyStrings() && columns[i].type == "VARCHAR") {
      questions.push_back({&columns[i], types, true});
    }
  }
  return questions;
}

bool IsMomentType(std::string_view type) { return type == "DATE" || type.starts_with("TIME"); }

// Makes a column JSON, or text that the reader checks, if its target type requires it.
void UseTarget(size_t index, const Column& target, const GivenFormats& formats, JsonRows& rows,
               TextSource& source) {
  Column& column = source.columns[index];
  if (target.type == column.type) return;
  const bool is_plain = rows.shape(index).form() == JsonShape::Form::kText;
  if (target.type == "JSON" || (target.type == "VARCHAR" && !is_plain)) {
    rows.KeepJson(index);
    column.type = target.type;
    return;
  }
  if (!is_plain) return;
  const TextRule rule = RuleOf(target.type);
  const bool is_formatted = (formats.date || formats.timestamp) && IsMomentType(target.type);
  if (rule != nullptr && !is_formatted) {
    rows.SetRule(index, {target.type, rule});
    source.checked.insert(column.name);
  }
  if (target.type == "VARCHAR" || (rule != nullptr && !is_formatted)) column.type = "VARCHAR";
}

// The SQL that casts the texts of a column to its type.
std::string ColumnSql(const Column& column, const GivenFormats& formats) {
  const std::string name = duck::QuoteIdentifier(column.name);
  const auto& format = column.type == "DATE" ? formats.date : formats.timestamp;
  if ((column.type == "DATE" || column.type == "TIMESTAMP") && format) {
    return fmt::format(
        "CAST(coalesce(try_strptime({0}, {1}), TRY_CAST({0} AS TIMESTAMP)) AS {2}) AS {0}", name,
        duck::QuoteLiteral(*format), column.type);
  }
  return fmt::format("CAST({0} AS {1}) AS {0}", name, column.type);
}

// The error for the first record with a text that a cast has refused.
std::optional<Error> FindLine(JsonRows& rows, const CastFailure& failure, Converter& converter) {
  const auto& columns = rows.columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name != failure.column) continue;
    if (rows.shape(i).form() != JsonShape::Form::kText) return std::nullopt;
    rows.SetRule(i, {failure.type, RuleAgainst(failure.text, kCastTextMax)});
  }
  const Result<> read = converter.Run(
      fmt::format("SELECT count({}) FROM {}()", duck::QuoteIdentifier(failure.column), kRows));
  return read.ok() ? std::nullopt : rows.error();
}

}  // namespace

Result<TextSource> OpenJson(const Input& input, const std::vector<Column>& targets,
                            Converter& converter, const PutTask& task) {
  TARN_TRY(const GivenFormats formats, FormatsOf(input));
  task.progress->Begin(PutPhase::kReading, BytesOfFiles(input.files));
  TARN_TRY(const std::shared_ptr<JsonRows> rows,
           JsonRows::Read(input.files, input.encoding, task.Hook()));
  TextSource source{.notes = rows->notes()};
  source.rows = rows->row_count();
  source.bytes_read = [rows] { return rows->bytes_read(); };
  source.read_error = [rows] { return rows->error(); };
  source.find_line = [rows, &converter](const CastFailure& failure) {
    return FindLine(*rows, failure, converter);
  };
  for (size_t i = 0; i < rows->columns().size(); ++i) {
    source.columns.push_back({rows->columns()[i].name, rows->shape(i).TypeName()});
  }
  const std::vector<Column> before = source.columns;
  for (size_t i = 0; i < before.size(); ++i) {
    const Column* target = FindColumn(targets, before[i].name);
    if (target != nullptr) {
      UseTarget(i, *target, formats, *rows, source);
    } else {
      rows->AddTypeNotes(i, source.notes);
    }
  }
  TARN_CHECK_OK(converter.Register(kRows, rows));
  TARN_CHECK_OK(DecideTypes(QuestionsOf(*rows, formats, source.columns), fmt::format("{}()", kRows),
                            {.date_formats = {formats.date.value_or("")},
                             .timestamp_formats = {formats.timestamp.value_or("")}},
                            converter));
  TARN_CHECK_OK(CheckGivenFormats(input, targets, /*or_iso=*/true, fmt::format("{}()", kRows),
                                  source, converter));
  std::string list;
  for (const Column& column : source.columns) {
    list += fmt::format("{}{}", list.empty() ? "" : ", ", ColumnSql(column, formats));
  }
  KeepFound(before, targets, source);
  source.sql = fmt::format("(SELECT {} FROM {}())", list, kRows);
  return source;
}

}  // namespace tarn::ingest
