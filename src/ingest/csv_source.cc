#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "duck/quote.h"
#include "ingest/column_type_questions.h"
#include "ingest/csv_dialect.h"
#include "ingest/csv_files.h"
#include "ingest/csv_reading.h"
#include "ingest/csv_sniffer.h"
#include "ingest/date_formats.h"
#include "ingest/parquet_parts.h"
#include "ingest/text_source.h"

namespace tarn::ingest {
namespace {

constexpr const char* kCsvRows = "csv_rows";

// True if the order of day, month and year is uncertain.
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

// True if the texts of a column could be other dates as well. Several formats, and years of two
// digits, are always uncertain.
Result<bool> CouldBeOthers(const Column& column, const std::set<std::string>& formats,
                           const std::string& text_source, Converter& converter) {
  if (formats.size() > 1 || formats.begin()->find("%y") != std::string::npos) return true;
  TARN_TRY(const std::vector<std::string> row,
           converter.FirstRow(fmt::format(
               "SELECT count_if({0} IS NOT NULL AND try_strptime({0}, {1}) IS NULL) = 0 "
               "FROM {2}",
               duck::QuoteIdentifier(column.name), duck::QuoteLiteral(Swapped(*formats.begin())),
               text_source)));
  return row.at(0) == "true";
}

// Dates stay text if their order is uncertain.
Result<> JudgeDates(const Input& input, const std::vector<Column*>& columns,
                    const std::string& text_source, TextSource& source, Converter& converter) {
  for (Column* each : columns) {
    Column& column = *each;
    const char* const option = FormatOption(column.type);
    if (!IsMoment(column.type) || HasOption(input, option)) continue;
    const auto& formats =
        column.type == "DATE" ? source.forms.date_formats : source.forms.timestamp_formats;
    if (formats.empty() || !IsAmbiguous(formats)) continue;
    TARN_TRY(const bool could_be, CouldBeOthers(column, formats, text_source, converter));
    if (!could_be) continue;
    column.type = "VARCHAR";
    source.notes.push_back(fmt::format(
        "column \"{}\" is text, because its dates may be read in several ways: --with {}={} "
        "selects one",
        EscapeUnprintable(column.name), option, *formats.begin()));
  }
  return {};
}

// Adds a note if the header may have been detected wrongly.
void NoteHeader(const std::optional<bool>& has_header, bool is_guess, TextSource& source) {
  if (!has_header) return;
  if (!*has_header) {
    source.notes.emplace_back(
        "the first line is taken for a row: --with header=true takes it for the names of the "
        "columns");
  } else if (is_guess ||
             std::all_of(source.columns.begin(), source.columns.end(),
                         [](const Column& column) { return column.type == "VARCHAR"; })) {
    source.notes.emplace_back(
        "the first line is taken for the names of the columns: --no-header takes it for a row");
  }
}

TextForms FormsOf(const Input& input, std::set<std::string> date_formats,
                  std::set<std::string> timestamp_formats) {
  TextForms forms{.date_formats = std::move(date_formats),
                  .timestamp_formats = std::move(timestamp_formats)};
  for (const auto& [name, value] : input.options) {
    if (name == "decimal_separator" && value.size() == 1) forms.decimal_separator = value.front();
    if (name == "thousands" && value.size() == 1) forms.thousands = value.front();
    if (name == "dateformat") forms.date_formats = {value};
    if (name == "timestampformat") forms.timestamp_formats = {value};
  }
  return forms;
}

// Sets the type of columns that come as text because of their targets to VARCHAR, and returns
// questions for the types of the others. `before` has the detected types. A column with another
// type is decided already.
std::vector<TypeQuestion> QuestionsOf(const Input& input, const std::vector<Column>& before,
                                      const std::vector<Column>& targets, TextSource& source) {
  const bool plain_numbers = source.forms.decimal_separator == '.' && source.forms.thousands == 0;
  std::vector<TypeQuestion> questions;
  for (size_t i = 0; i < before.size(); ++i) {
    Column& column = source.columns[i];
    const Column* target = FindColumn(targets, column.name);
    if (ComesAsText(target) && (plain_numbers || target->type == "VARCHAR")) {
      column.type = "VARCHAR";
    } else if (HasOption(input, "all_varchar") || column.type != before[i].type) {
      continue;
    } else if (column.type == "VARCHAR") {
      questions.push_back({&column, TypesOfUnseen(), true});
    } else if (std::vector<std::string> types = WiderTypes(column.type); !types.empty()) {
      questions.push_back({&column, std::move(types)});
    }
  }
  return questions;
}

// The types that differ from those that DuckDB detects, as an option of read_csv.
std::string TypesOption(const std::vector<Column>& before, const std::vector<Column>& columns) {
  std::string types;
  for (size_t i = 0; i < before.size(); ++i) {
    if (columns[i].type == before[i].type) continue;
    types += fmt::format("{}{}: {}", types.empty() ? "" : ", ", duck::QuoteLiteral(columns[i].name),
                         duck::QuoteLiteral(columns[i].type));
  }
  return types.empty() ? "" : fmt::format(", types = {{{}}}", types);
}

// True if the values of a column are dates in a given or detected format.
bool HasFormat(const Input& input, const CsvColumn& column, const TextForms& forms) {
  const std::string kind = column.kinds.Type();
  const std::string& type = IsMoment(column.first_type) ? column.first_type : kind;
  if (!IsMoment(type)) return false;
  if (HasOption(input, FormatOption(type))) return true;
  const auto& formats = type == "DATE" ? forms.date_formats : forms.timestamp_formats;
  return kind == "VARCHAR" && !formats.empty();
}

std::string FoundType(const Input& input, const CsvColumn& column, const TextForms& forms,
                      bool has_plain_numbers) {
  if (HasOption(input, "all_varchar")) return "VARCHAR";
  if (HasFormat(input, column, forms)) {
    return IsMoment(column.first_type) ? column.first_type : column.kinds.Type();
  }
  return has_plain_numbers ? column.kinds.Type() : column.first_type;
}

// The detected formats, without those of ISO 8601.
std::set<std::string> FormatsOf(const std::vector<CsvFile>& files,
                                std::string CsvFile::*format_of) {
  std::set<std::string> formats;
  bool is_iso = true;
  for (const CsvFile& file : files) {
    const std::string& format = file.*format_of;
    if (format.empty()) continue;
    formats.insert(format);
    is_iso = is_iso && format.starts_with("%Y-%m-%d");
  }
  return is_iso ? std::set<std::string>() : formats;
}

// The types with which DuckDB reads the columns: VARCHAR for dates in a format.
std::vector<Column> TypesToRead(const TextSource& source, const std::vector<Column*>& formatted) {
  std::vector<Column> columns = source.columns;
  for (const Column* column : formatted) columns[column - source.columns.data()].type = "VARCHAR";
  return columns;
}

// The SQL that parses the texts of a column as dates in the known formats.
std::string DateSql(const Column& column, const TextForms& forms) {
  std::string name = duck::QuoteIdentifier(column.name);
  if (column.type == "VARCHAR") return name;
  const auto& formats = column.type == "DATE" ? forms.date_formats : forms.timestamp_formats;
  std::string literals;
  for (const std::string& format : formats) {
    literals += (literals.empty() ? "" : ", ") + duck::QuoteLiteral(format);
  }
  return fmt::format("CAST(strptime({0}, [{1}]) AS {2}) AS {0}", name, literals, column.type);
}

// A FROM clause with the rows of `from`, in which the `formatted` columns are dates.
std::string WithFormats(const std::string& from, const TextSource& source,
                        const std::vector<Column*>& formatted) {
  std::string list;
  for (const Column* column : formatted) {
    if (column->type == "VARCHAR") continue;
    list += (list.empty() ? "" : ", ") + DateSql(*column, source.forms);
  }
  return list.empty() ? from : fmt::format("(SELECT * REPLACE ({}) FROM {})", list, from);
}

// Opens files with options that a scan does not support. DuckDB detects their format.
Result<TextSource> OpenUnscanned(const Input& input, const std::vector<Column>& targets,
                                 Converter& converter) {
  TARN_TRY(const CsvDialect dialect, FindDialect(input, converter));
  const std::string start =
      fmt::format("read_csv({}, union_by_name = true{}", PathList(input.files), dialect.options);
  const std::string as_text = start + ", all_varchar = true)";
  TARN_TRY(const std::vector<Column> before, converter.ColumnsOf(start + ")"));
  TARN_CHECK_OK(CheckDelimiter(input, before, converter));
  TextSource source{.columns = before,
                    .forms = FormsOf(input, dialect.date_formats, dialect.timestamp_formats)};
  std::vector<Column*> all;
  for (Column& column : source.columns) all.push_back(&column);
  TARN_CHECK_OK(JudgeDates(input, all, as_text, source, converter));
  const std::vector<TypeQuestion> questions = QuestionsOf(input, before, targets, source);
  TARN_TRY(const std::vector<std::string> notes,
           DecideTypes(questions, as_text, source.forms, converter));
  source.notes.insert(source.notes.end(), notes.begin(), notes.end());
  NoteHeader(dialect.has_header, false, source);
  KeepFound(before, targets, source);
  source.sql = start + TypesOption(before, source.columns) + ")";
  source.needs_one_thread = true;
  return source;
}

bool IsAmong(const std::vector<Column*>& columns, const Column& column) {
  return std::find(columns.begin(), columns.end(), &column) != columns.end();
}

// True if the reader has to check the texts of a column, because their type is not the target.
bool NeedsCheck(const Column& column, const Column* target) {
  return target != nullptr && target->type != column.type && RuleOf(target->type) != nullptr;
}

// Makes the columns that need a check text, except dates in a format. Returns the rules of all
// columns.
std::vector<ColumnRule> RulesOf(const std::vector<Column>& targets,
                                const std::vector<Column*>& formatted, TextSource& source) {
  std::vector<ColumnRule> rules;
  for (Column& column : source.columns) {
    ColumnRule& rule = rules.emplace_back();
    const Column* target = FindColumn(targets, column.name);
    const bool is_date = column.type != "VARCHAR" && IsAmong(formatted, column);
    if (is_date || !NeedsCheck(column, target)) continue;
    column.type = "VARCHAR";
    rule = {target->type, RuleOf(target->type)};
    source.checked.insert(column.name);
  }
  return rules;
}

// The error for the first line with a text that a cast has refused.
std::optional<Error> FindLine(const std::vector<CsvColumn>& columns,
                              const std::vector<CsvFile>& files, const CastFailure& failure) {
  std::vector<ColumnRule> rules(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!EqualsIgnoreCase(columns[i].name, failure.column)) continue;
    rules[i] = {failure.type, RuleAgainst(failure.text, kCastTextMax)};
  }
  constexpr uint64_t kBatchRows = 10'000;
  const auto rows = RowsOfFiles(columns, files, {.rows = kBatchRows}, std::move(rules));
  const Result<std::unique_ptr<duck::TextBatchReader>> reader = rows->Open();
  if (!reader.ok()) return std::nullopt;
  for (;;) {
    const Result<duck::TextBatch> batch = (*reader)->Next();
    if (!batch.ok()) return batch.error();
    if (batch->rows() == 0) return std::nullopt;
  }
}

// Sets the rows of `source`, in batches of texts that DuckDB casts.
Result<> ReadBatches(const Input& input, const std::vector<CsvColumn>& columns,
                     const std::vector<CsvFile>& files, const std::vector<Column*>& formatted,
                     const std::vector<Column>& targets, TextSource& source, Converter& converter) {
  const uint64_t group_rows = RowGroupRows(*source.rows, BytesOfFiles(input.files), columns.size());
  const std::shared_ptr<CsvRows> rows =
      RowsOfFiles(columns, files, {.rows = group_rows}, RulesOf(targets, formatted, source));
  TARN_CHECK_OK(converter.RegisterBatches(kCsvRows, rows));
  source.has_batches = true;
  source.bytes_read = [rows] { return rows->bytes_read(); };
  source.read_error = [rows] { return rows->error(); };
  std::string list;
  for (const Column& column : source.columns) {
    list += list.empty() ? "" : ", ";
    list += IsAmong(formatted, column)
                ? DateSql(column, source.forms)
                : fmt::format("CAST({0} AS {1}) AS {0}", duck::QuoteIdentifier(column.name),
                              column.type);
  }
  source.sql = fmt::format("(SELECT {} FROM {})", list, kCsvRows);
  return {};
}

Result<TextSource> OpenScanned(const Input& input, const std::vector<Column>& targets,
                               const std::filesystem::path& folder, Converter& converter,
                               const PutTask& task) {
  TextSource source;
  TARN_TRY(std::vector<CsvFile> files, ScanCsvFiles(input, converter, task, source.notes));
  const std::vector<CsvColumn> columns = ColumnsOfFiles(files);
  source.find_line = std::bind_front(FindLine, columns, files);
  source.forms = FormsOf(input, FormatsOf(files, &CsvFile::date_format),
                         FormatsOf(files, &CsvFile::timestamp_format));
  const bool has_plain_numbers =
      source.forms.decimal_separator == '.' && source.forms.thousands == 0;
  std::vector<Column> before;
  for (const CsvColumn& column : columns) {
    before.push_back({column.name, FoundType(input, column, source.forms, has_plain_numbers)});
  }
  source.columns = before;
  const bool has_batches = has_plain_numbers && !HasOption(input, "hive_partitioning");
  std::vector<Column*> formatted;
  std::vector<TypeQuestion> questions;
  for (size_t i = 0; i < columns.size(); ++i) {
    Column& column = source.columns[i];
    const Column* target = FindColumn(targets, column.name);
    const bool is_text =
        has_batches ? target != nullptr && target->type == "VARCHAR"
                    : ComesAsText(target) && (has_plain_numbers || target->type == "VARCHAR");
    if (is_text) {
      column.type = "VARCHAR";
    } else if (HasOption(input, "all_varchar")) {
      continue;
    } else if (target != nullptr && IsMoment(target->type) &&
               HasOption(input, FormatOption(target->type))) {
      column.type = target->type;
      formatted.push_back(&column);
    } else if (HasFormat(input, columns[i], source.forms)) {
      formatted.push_back(&column);
    } else if (has_plain_numbers) {
      if (!NeedsCheck(column, target)) {
        AddTypeNotes(column.name, columns[i].kinds, source.notes);
      }
    } else if (column.type == "VARCHAR") {
      questions.push_back({&column, TypesOfUnseen(), true});
    } else if (std::vector<std::string> types = WiderTypes(column.type); !types.empty()) {
      questions.push_back({&column, std::move(types)});
    }
  }
  if (!has_batches || !formatted.empty()) TARN_CHECK_OK(RewriteForDuckDb(files, folder, task));
  const std::string as_text = ReadCsvFiles(input, files, {});
  TARN_CHECK_OK(JudgeDates(input, formatted, as_text, source, converter));
  for (Column* column : formatted) {
    if (column->type != "VARCHAR") questions.push_back({column, {column->type}});
  }
  TARN_TRY(const std::vector<std::string> notes,
           DecideTypes(questions, as_text, source.forms, converter));
  source.notes.insert(source.notes.end(), notes.begin(), notes.end());
  TARN_CHECK_OK(CheckGivenFormats(input, targets, /*or_iso=*/false, as_text, source, converter));
  NoteHeader(SaysHeader(input) ? std::nullopt : std::optional(files[0].syntax.has_header),
             files[0].first_types.empty(), source);
  KeepFound(before, targets, source);
  source.rows = 0;
  for (const CsvFile& file : files) *source.rows += file.scan.rows;
  if (has_batches) {
    TARN_CHECK_OK(ReadBatches(input, columns, files, formatted, targets, source, converter));
  } else {
    source.sql =
        WithFormats(ReadCsvFiles(input, files, TypesToRead(source, formatted)), source, formatted);
    source.needs_one_thread = true;
  }
  return source;
}

}  // namespace

Result<TextSource> OpenCsv(const Input& input, const std::vector<Column>& targets,
                           const std::filesystem::path& folder, Converter& converter,
                           const PutTask& task) {
  return CanScanCsv(input) ? OpenScanned(input, targets, folder, converter, task)
                           : OpenUnscanned(input, targets, converter);
}

}  // namespace tarn::ingest
