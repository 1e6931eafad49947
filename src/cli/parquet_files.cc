#include "cli/parquet_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "base/text.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

// Objects of this size are read in parallel and listed quickly.
constexpr const char* kFileBytes = "512MB";

std::optional<InputFormat> FormatOf(const std::string& file) {
  std::string name = ToLowerAscii(file);
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.resize(name.size() - packed.size());
  }
  const std::string ending = fs::path(name).extension();
  if (ending == ".csv" || ending == ".tsv" || ending == ".txt") return InputFormat::kCsv;
  if (ending == ".json" || ending == ".ndjson" || ending == ".jsonl") return InputFormat::kJson;
  if (ending == ".parquet") return InputFormat::kParquet;
  return std::nullopt;
}

// A path is a path: what DuckDB's glob takes for a pattern is a character here.
std::string PathLiteral(const std::string& path) {
  std::string escaped;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[') {
      escaped += fmt::format("[{}]", c);
    } else {
      escaped += c;
    }
  }
  return duck::QuoteLiteral(escaped);
}

std::string ListOf(const std::vector<std::string>& files) {
  std::string list;
  for (const std::string& file : files) {
    if (!list.empty()) list += ", ";
    list += PathLiteral(file);
  }
  return "[" + list + "]";
}

bool Has(const Input& input, std::string_view option) {
  return std::any_of(input.options.begin(), input.options.end(),
                     [&](const auto& named) { return named.first == option; });
}

std::string OptionsOf(const Input& input) {
  // All rows are looked at for the types: a surprise in the last one is found before anything is
  // written.
  std::string text = ", union_by_name = true, sample_size = -1";
  for (const auto& [name, value] : input.options) {
    text += fmt::format(", {} = {}", name, duck::QuoteLiteral(value));
  }
  if (input.format == InputFormat::kJson) return text;
  if (!input.delimiter.empty()) text += ", delim = " + duck::QuoteLiteral(input.delimiter);
  if (input.header_is_said) text += fmt::format(", header = {}", input.has_header);
  // Else DuckDB leaves out lines at the beginning that do not fit the others, and says nothing.
  if (!Has(input, "skip")) text += ", skip = 0";
  return text;
}

std::string SourceOf(const Input& input) {
  const std::string files = ListOf(input.files);
  switch (input.format) {
    case InputFormat::kCsv:
      return fmt::format("read_csv({}{})", files, OptionsOf(input));
    case InputFormat::kJson:
      return fmt::format("read_json({}{})", files, OptionsOf(input));
    case InputFormat::kParquet:
      break;
  }
  return fmt::format("read_parquet({})", files);
}

// What DuckDB says of a statement that nobody wrote.
Error WithoutStatement(const Error& error) {
  std::string message(Trim(error.message.substr(0, error.message.find("\n\nLINE 1:"))));
  if (message.find("Possible ") != std::string::npos) {
    message += "\n\n--with NAME=VALUE sets such an option, as in --with encoding=latin-1";
  }
  return {error.kind, message};
}

const Column* Find(const std::vector<Column>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& column) {
    return EqualsIgnoreCase(column.name, name);
  });
  return found == columns.end() ? nullptr : &*found;
}

class Converter {
 public:
  static Result<Converter> Open(const fs::path& folder) {
    TARN_TRY(const duck::Database database,
             duck::Database::Open({{"autoinstall_known_extensions", "false"},
                                   {"temp_directory", (folder / "spill").string()}}));
    TARN_TRY(duck::Connection connection, database.Connect());
    for (const char* setting :
         {"SET enable_progress_bar_print = false", "SET enable_progress_bar = true",
          "SET progress_bar_time = 0", "SET TimeZone = 'UTC'"}) {
      TARN_CHECK_OK(connection.Execute(setting));
    }
    return Converter(std::move(connection));
  }

  Result<std::vector<Column>> ColumnsOf(const std::string& source) {
    const Result<duck::Statement> statement = connection_.Prepare("FROM " + source);
    if (!statement.ok()) return WithoutStatement(statement.error());
    std::vector<Column> columns;
    for (const auto& [name, type] : statement->Columns()) {
      columns.push_back({name, duck::TypeName(type)});
    }
    return columns;
  }

  Result<uint64_t> CountRows(const std::string& source) {
    return Number("SELECT count(*) FROM " + source);
  }

  // How many lines at its beginning DuckDB would leave out; none where it cannot tell.
  uint64_t LinesToSkip(const std::string& csv, const Input& input) {
    std::string options;
    for (const auto& [name, value] : input.options) {
      options += fmt::format(", {} = {}", name, duck::QuoteLiteral(value));
    }
    if (!input.delimiter.empty()) options += ", delim = " + duck::QuoteLiteral(input.delimiter);
    return Number(fmt::format("SELECT SkipRows::BIGINT FROM sniff_csv({}{})", PathLiteral(csv),
                              options))
        .value_or(0);
  }

  // Shows how far it is, and listens for the stop.
  Result<> Run(const std::string& sql, const std::string& what, const std::stop_token& stop) {
    Result<> done;
    std::atomic<bool> is_over = false;
    std::thread running([&] {
      done = connection_.Execute(sql);
      is_over = true;
    });
    {
      Progress progress(what, 0);
      while (!is_over) {
        // Again and again: DuckDB forgets an interrupt that comes just before a statement begins.
        if (stop.stop_requested()) connection_.Interrupt();
        if (const auto percent = connection_.Progress()) progress.SetShare(*percent / 100);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      running.join();
    }
    if (stop.stop_requested()) return Error{ErrorKind::kCancelled, "stopped; nothing was changed"};
    if (!done.ok()) return WithoutStatement(done.error());
    return done;
  }

  // Whether all lines have as many columns as the first one, with this between them. The error says
  // which has not.
  Result<> SplitInto(const std::string& head, char delimiter, const std::string& csv) {
    std::string columns;
    for (int64_t i = 0; i <= std::count(head.begin(), head.end(), delimiter); ++i) {
      columns += fmt::format("{}c{}: 'VARCHAR'", i == 0 ? "" : ", ", i);
    }
    const auto rows = CountRows(
        fmt::format("read_csv({}, auto_detect = false, header = true, delim = {}, quote = '\"', "
                    "columns = {{{}}})",
                    PathLiteral(csv), duck::QuoteLiteral(std::string(1, delimiter)), columns));
    if (rows.ok()) return {};
    const std::string& message = rows.error().message;
    return Error{rows.error().kind, message.substr(0, message.find("\nPossible "))};
  }

 private:
  // Of a query with one row of one number.
  Result<uint64_t> Number(const std::string& sql) {
    TARN_TRY(duck::Statement statement, connection_.Prepare(sql));
    TARN_TRY(duck::ResultStream rows, statement.Execute());
    TARN_TRY(const std::optional<duck::Chunk> chunk, rows.Next());
    if (!chunk) return Internal("a number has no rows");
    return static_cast<uint64_t>(chunk->columns()[0].Data<int64_t>()[0]);
  }

  explicit Converter(duck::Connection connection) : connection_(std::move(connection)) {}

  duck::Connection connection_;
};

// The columns of `wanted` out of a source that has at least these.
std::string Casts(const std::vector<Column>& wanted, const std::vector<Column>& here) {
  std::string list;
  for (const Column& column : wanted) {
    if (!list.empty()) list += ", ";
    list +=
        fmt::format("CAST({} AS {}) AS {}", duck::QuoteIdentifier(Find(here, column.name)->name),
                    column.type, duck::QuoteIdentifier(column.name));
  }
  return list;
}

bool HasAll(const std::vector<Column>& wanted, const std::vector<Column>& here) {
  return wanted.size() == here.size() &&
         std::all_of(wanted.begin(), wanted.end(),
                     [&](const Column& column) { return Find(here, column.name) != nullptr; });
}

Error DoesNotFit(const std::vector<Column>& wanted, const std::vector<Column>& here) {
  return InvalidArgument("the columns are not those of the dataset\n" + Difference(wanted, here));
}

Error IsFolder(const std::string& file) {
  return InvalidArgument(
      fmt::format("\"{0}\" is a folder: name the files in it, as in {0}/*.csv", file));
}

Result<> CheckFile(const std::string& file) {
  std::error_code code;
  if (fs::is_directory(file, code)) return IsFolder(file);
  if (!fs::is_regular_file(file, code)) {
    return InvalidArgument(fmt::format("there is no file \"{}\"", file));
  }
  if (fs::file_size(file, code) == 0) {
    return InvalidArgument(
        fmt::format("\"{}\" is empty: there is nothing that tells its columns", file));
  }
  return {};
}

// That no line would be left out, where nobody has said that it may be.
Result<> CheckFirstLines(const Input& input, Converter& converter) {
  if (Has(input, "skip")) return {};
  for (const std::string& file : input.files) {
    const uint64_t lines = converter.LinesToSkip(file, input);
    if (lines == 0) continue;
    return InvalidArgument(
        fmt::format("\"{}\": its first {} not have as many columns as the others. Mend them, or "
                    "leave them out: "
                    "--with skip={}",
                    file, lines == 1 ? "line does" : fmt::format("{} lines do", lines), lines));
  }
  return {};
}

// Files whose lines have different numbers of columns would become one column of whole lines.
Result<> CheckDelimiter(const Input& input, const std::vector<Column>& columns,
                        Converter& converter) {
  if (!input.delimiter.empty() || Has(input, "delim") || Has(input, "sep")) return {};
  if (columns.size() != 1) return {};
  const std::string& head = columns[0].name;
  const size_t at = head.find_first_of(",;\t|");
  if (at == std::string::npos) return {};
  for (const std::string& file : input.files) {
    const Result<> split = converter.SplitInto(head, head[at], file);
    if (split.ok()) continue;
    return InvalidArgument(
        fmt::format("\"{}\": {}\n--with null_padding=true takes what is missing for NULL; "
                    "--delimiter is for files in which \"{}\" is none",
                    file, split.error().message, head[at]));
  }
  return InvalidArgument(
      fmt::format("they have one column \"{}\": --delimiter says what is between "
                  "columns",
                  head));
}

}  // namespace

Result<InputFormat> FormatOf(const std::vector<std::string>& files) {
  std::optional<InputFormat> format;
  for (const std::string& file : files) {
    const auto of_file = FormatOf(file);
    std::error_code code;
    if (!of_file && fs::is_directory(file, code)) return IsFolder(file);
    if (!of_file) {
      return InvalidArgument(fmt::format(
          "what \"{}\" holds is not known: --format csv, json or parquet says it", file));
    }
    if (format && *format != *of_file) {
      return InvalidArgument("give files of one format at a time: CSV, JSON or Parquet");
    }
    format = of_file;
  }
  return *format;
}

std::string Difference(const std::vector<Column>& there, const std::vector<Column>& here) {
  Table table({{"column"}, {"there"}, {"here"}});
  for (const Column& column : there) {
    const Column* other = Find(here, column.name);
    if (other == nullptr) {
      table.Add({column.name, column.type, "missing"});
    } else if (other->type != column.type) {
      table.Add({column.name, column.type, other->type});
    }
  }
  for (const Column& column : here) {
    if (Find(there, column.name) == nullptr) table.Add({column.name, "missing", column.type});
  }
  if (table.empty()) return "";
  std::string text = table.Text(0);
  text.pop_back();
  return text;
}

Result<ParquetFiles> ToParquet(const Input& input, const fs::path& folder,
                               const std::vector<Column>& wanted, const std::stop_token& stop) {
  for (const std::string& file : input.files) TARN_CHECK_OK(CheckFile(file));
  TARN_TRY(Converter converter, Converter::Open(folder));
  if (input.format == InputFormat::kCsv) TARN_CHECK_OK(CheckFirstLines(input, converter));
  const std::string source = SourceOf(input);
  TARN_TRY(const std::vector<Column> here, converter.ColumnsOf(source));
  if (input.format == InputFormat::kCsv) TARN_CHECK_OK(CheckDelimiter(input, here, converter));
  if (input.format == InputFormat::kParquet) {
    for (const std::string& file : input.files) {
      TARN_TRY(const std::vector<Column> columns,
               converter.ColumnsOf(SourceOf({{file}, input.format})));
      const std::string difference = Difference(wanted.empty() ? here : wanted, columns);
      if (!difference.empty()) {
        return InvalidArgument(fmt::format("\"{}\" has other columns than {}\n{}", file,
                                           wanted.empty() ? "the first file" : "the dataset",
                                           difference));
      }
    }
    TARN_TRY(const uint64_t rows, converter.CountRows(source));
    return ParquetFiles{.files = input.files, .columns = here, .rows = rows};
  }

  if (!wanted.empty() && !HasAll(wanted, here)) return DoesNotFit(wanted, here);
  const fs::path out = folder / "parquet";
  const Result<> written =
      converter.Run(fmt::format("COPY (SELECT {} FROM {}) TO {} (FORMAT parquet, COMPRESSION zstd, "
                                "FILE_SIZE_BYTES '{}')",
                                wanted.empty() ? "*" : Casts(wanted, here), source,
                                duck::QuoteLiteral(out.string()), kFileBytes),
                    "reading", stop);
  if (!written.ok()) {
    // A value that is no date, say: the types tell more than the value.
    if (!wanted.empty() && !stop.stop_requested() && !Difference(wanted, here).empty()) {
      return InvalidArgument(written.error().message + "\n" + Difference(wanted, here));
    }
    return written.error();
  }
  ParquetFiles result;
  for (const auto& entry : fs::directory_iterator(out)) result.files.push_back(entry.path());
  std::sort(result.files.begin(), result.files.end());
  if (result.files.empty()) return InvalidArgument("there are no rows");
  const std::string done = SourceOf({result.files, InputFormat::kParquet});
  TARN_TRY(result.columns, converter.ColumnsOf(done));
  TARN_TRY(result.rows, converter.CountRows(done));
  return result;
}

}  // namespace tarn::cli
