#include "cli/csv_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
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
  return text;
}

Result<Dialect> Sniff(const std::string& file, const std::string& options, Converter& converter) {
  TARN_TRY(const std::vector<std::string> row,
           converter.FirstRow(fmt::format(
               "SELECT HasHeader, Quote, SkipRows, len(Columns), DateFormat, TimestampFormat "
               "FROM sniff_csv({}{})",
               PathLiteral(file), options)));
  Dialect dialect{.has_header = row.at(0) == "true",
                  .lines_to_skip = std::stoull(row.at(2)),
                  .column_count = std::stoull(row.at(3)),
                  .date_format = row.at(4),
                  .timestamp_format = row.at(5)};
  if (row.at(1).size() == 1) dialect.quote = row.at(1).front();
  return dialect;
}

Error LeavesOut(const std::string& file, uint64_t lines) {
  return InvalidArgument(
      fmt::format("\"{}\": its first {} not have as many columns as the others. Mend them, or "
                  "leave them out: --with skip={}",
                  file, lines == 1 ? "line does" : fmt::format("{} lines do", lines), lines));
}

// Files whose quotes come after the first rows have them too (RFC 4180, 2.5), unless a quote within
// these shows that it is only a character.
bool MayHaveQuotes(const std::string& file, const std::string& options, const Dialect& dialect,
                   Converter& converter) {
  if (dialect.quote != 0) return dialect.quote == '"';
  const auto with_quotes = Sniff(file, options + ", quote = '\"'", converter);
  return with_quotes.ok() && with_quotes->column_count == dialect.column_count;
}

// How the files are written, as options; formats of dates go into `forms`. What cannot be found out
// is left to the reader, which says why.
Result<std::string> FoundOptions(const Input& input, Converter& converter, TextForms& forms) {
  const std::string given = GivenOptions(input);
  bool have_quotes = !HasOption(input, "quote");
  const std::string* first = nullptr;
  bool has_header = false;
  for (const std::string& file : input.files) {
    const auto dialect = Sniff(file, given, converter);
    if (!dialect.ok() && dialect.error().kind == ErrorKind::kCancelled) return dialect.error();
    if (!dialect.ok()) return std::string(HasOption(input, "skip") ? "" : ", skip = 0");
    if (!HasOption(input, "skip") && dialect->lines_to_skip > 0) {
      return LeavesOut(file, dialect->lines_to_skip);
    }
    have_quotes = have_quotes && MayHaveQuotes(file, given, *dialect, converter);
    if (first == nullptr) {
      first = &file;
      has_header = dialect->has_header;
    } else if (has_header != dialect->has_header) {
      return InvalidArgument(fmt::format(
          "\"{}\" seems to begin with the names of its columns, and \"{}\" with a row: --with "
          "header=true says that all have names, --no-header that none has",
          has_header ? *first : file, has_header ? file : *first));
    }
    if (!dialect->date_format.empty()) forms.date_formats.insert(dialect->date_format);
    if (!dialect->timestamp_format.empty()) {
      forms.timestamp_formats.insert(dialect->timestamp_format);
    }
  }
  std::string text;
  if (!input.header_is_said && !HasOption(input, "header")) {
    text += fmt::format(", header = {}", has_header);
  }
  if (have_quotes) text += ", quote = '\"'";
  // Else lines at the beginning that do not fit the others are left out.
  if (!HasOption(input, "skip")) text += ", skip = 0";
  return text;
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

// A column whose type all rows have to agree to.
struct Question {
  Column* column;
  std::vector<std::string> types;  // The narrowest first.
  bool is_unseen = false;          // In the first rows it is text, or has no values.
};

// Asks all rows, as text, and sets the types of the columns by what they say.
class Questions {
 public:
  Questions(std::string text_source, const TextForms& forms, Converter& converter)
      : text_source_(std::move(text_source)), forms_(forms), converter_(converter) {}

  // The notes tell which columns became text. In most files one pass is enough, in which each value
  // is held against the type that it seems to have.
  Result<std::vector<std::string>> Ask(const std::vector<Question>& questions) {
    // Text of no type at all shows soon.
    constexpr int kFirstRows = 20'480;
    TARN_TRY(const std::vector<bool> text_fits,
             Fit(questions, fmt::format("(SELECT * FROM {} LIMIT {})", text_source_, kFirstRows)));
    std::vector<Question> open;
    for (size_t i = 0; i < questions.size(); ++i) {
      if (!questions[i].is_unseen || text_fits[i]) open.push_back(questions[i]);
    }
    TARN_TRY(const std::vector<bool> fit, Fit(open, text_source_));
    std::vector<Question> doubtful;
    for (size_t i = 0; i < open.size(); ++i) {
      if (fit[i] == open[i].is_unseen) doubtful.push_back(open[i]);
    }
    return Decide(doubtful);
  }

 private:
  static std::string Name(const Question& question) {
    return duck::QuoteIdentifier(question.column->name);
  }

  // Whether all values of each column are of the narrowest type, or of any where it is unseen.
  Result<std::vector<bool>> Fit(const std::vector<Question>& questions, const std::string& source) {
    std::vector<bool> fit;
    if (questions.empty()) return fit;
    std::string list;
    for (const Question& question : questions) {
      const std::string name = Name(question);
      std::string types;
      for (const std::string& type : question.types) {
        types += fmt::format("{}({})", types.empty() ? "" : " OR ", forms_.IsOfType(name, type));
        if (!question.is_unseen) break;
      }
      list += fmt::format("{}count_if({} IS NOT NULL AND NOT ({})) = 0", list.empty() ? "" : ", ",
                          name, types);
    }
    TARN_TRY(const std::vector<std::string> row,
             converter_.FirstRow(fmt::format("SELECT {} FROM {}", list, source)));
    for (const std::string& each : row) fit.push_back(each == "true");
    return fit;
  }

  // The first of its types that all values are of; VARCHAR where there is none, or no value.
  Result<std::vector<std::string>> Decide(const std::vector<Question>& questions) {
    std::vector<std::string> notes;
    if (questions.empty()) return notes;
    std::string list;
    for (const Question& question : questions) {
      const std::string name = Name(question);
      std::string none;
      list += fmt::format("{}count({})", list.empty() ? "" : ", ", name);
      for (const std::string& type : question.types) {
        const std::string other = fmt::format("NOT ({})", forms_.IsOfType(name, type));
        list += fmt::format(", count_if({} IS NOT NULL AND {})", name, other);
        none += " AND " + other;
      }
      const std::string& seen = question.types.front();
      list += fmt::format(
          ", coalesce(any_value({0}) FILTER ({0} IS NOT NULL{1}), any_value({0}) FILTER (NOT "
          "({2})))",
          name, none, forms_.IsOfType(name, seen));
    }
    TARN_TRY(const std::vector<std::string> row,
             converter_.FirstRow(fmt::format("SELECT {} FROM {}", list, text_source_)));
    size_t at = 0;
    for (const Question& question : questions) {
      const bool has_values = row.at(at++) != "0";
      std::string& chosen = question.column->type;
      chosen = "VARCHAR";
      for (const std::string& type : question.types) {
        if (has_values && chosen == "VARCHAR" && row.at(at) == "0") chosen = type;
        ++at;
      }
      const std::string& example = row.at(at++);
      if (chosen == "VARCHAR" && !question.is_unseen) {
        notes.push_back(Note(question.column->name, example));
      }
    }
    return notes;
  }

  static std::string Note(const std::string& column, const std::string& example) {
    constexpr size_t kShown = 40;
    return fmt::format("column \"{}\" is text, because of values as \"{}\"", column,
                       FitWidth(WithoutControls(example), kShown));
  }

  const std::string text_source_;
  const TextForms& forms_;
  Converter& converter_;
};

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
  TARN_TRY(const std::string found, FoundOptions(input, converter, source.forms));
  const std::string start = fmt::format("read_csv({}, union_by_name = true{}{}",
                                        PathList(input.files), GivenOptions(input), found);
  TARN_TRY(source.columns, converter.ColumnsOf(start + ")"));
  TARN_CHECK_OK(CheckDelimiter(input, source.columns, converter));

  const std::vector<Column> seen = source.columns;
  const bool plain_numbers = source.forms.decimal_separator == '.' && !source.forms.has_thousands;
  std::vector<Question> questions;
  for (Column& column : source.columns) {
    const Column* target = FindColumn(targets, column.name);
    if (target != nullptr && target->type != column.type &&
        (target->type == "VARCHAR" || (plain_numbers && HasLooseRule(target->type)))) {
      column.type = "VARCHAR";
    } else if (HasOption(input, "all_varchar")) {
      continue;
    } else if (column.type == "VARCHAR") {
      questions.push_back({&column, TypesOfUnseen(), true});
    } else if (std::vector<std::string> types = WiderTypes(column.type); !types.empty()) {
      questions.push_back({&column, std::move(types)});
    }
  }
  TARN_TRY(source.notes,
           Questions(start + ", all_varchar = true)", source.forms, converter).Ask(questions));

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
