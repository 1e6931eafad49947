#include "ingest/parquet_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "base/display_text.h"
#include "base/machine.h"
#include "base/text.h"
#include "duck/quote.h"
#include "ingest/byte_reader.h"
#include "ingest/column_casts.h"
#include "ingest/converter.h"
#include "ingest/csv_files.h"
#include "ingest/parquet_input.h"
#include "ingest/parquet_parts.h"
#include "ingest/text_encoding.h"
#include "ingest/text_source.h"

namespace tarn::ingest {

namespace fs = std::filesystem;

namespace {

// Objects of this size are read in parallel and listed quickly.
constexpr uint64_t kObjectBytes = 512'000'000;

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

// A type with a time zone and one without represent different values, so a cast between them is a
// guess.
bool HasZone(std::string_view type) { return type.ends_with("WITH TIME ZONE"); }
bool IsGuess(const Column& from, const std::string& to) {
  const auto is_moment = [](std::string_view type) {
    return type == "DATE" || type.starts_with("TIME");
  };
  return is_moment(from.type) && is_moment(to) && HasZone(from.type) != HasZone(to);
}

// DuckDB writes the integers that only HUGEINT holds as DOUBLE into Parquet.
std::string WrittenType(const Column& column) {
  return ReplaceAll(ReplaceAll(column.type, "UHUGEINT", "HUGEINT"), "HUGEINT", "DECIMAL(38,0)");
}

// The given types as DuckDB writes them.
Result<std::vector<Column>> SaidTypes(const Input& input, Converter& converter) {
  std::vector<Column> columns;
  for (const Column& said : input.types) {
    const auto known =
        converter.ColumnsOf(fmt::format("(SELECT CAST(NULL AS {}) AS x)", said.type));
    if (!known.ok() && known.error().kind == ErrorKind::kCancelled) return known.error();
    if (!known.ok() || known->size() != 1) {
      return InvalidArgument(
          fmt::format("--type {}={}: there is no such type; write one such as DATE, VARCHAR "
                      "or DECIMAL(18,2)",
                      said.name, said.type));
    }
    columns.push_back({said.name, WrittenType(known->front())});
  }
  return columns;
}

// The target types of the columns: those of the dataset, and those that were given.
Result<std::vector<Column>> Targets(const std::vector<Column>& wanted,
                                    const std::vector<Column>& said) {
  std::vector<Column> targets = wanted;
  for (const Column& column : said) {
    const Column* there = FindColumn(wanted, column.name);
    if (there == nullptr) {
      targets.push_back(column);
    } else if (there->type != column.type) {
      return InvalidArgument(
          fmt::format("--type {}={}: the dataset has {}", column.name, column.type, there->type));
    }
  }
  return targets;
}

// A table of the columns that differ: the name, the type in the dataset ("there"), and the type in
// the files ("here").
class DifferenceTable {
 public:
  using Row = std::array<std::string, 3>;

  void Add(Row row) {
    for (std::string& cell : row) cell = EscapeUnprintable(cell, "\u200B\u200E\u200F\u061C");
    rows_.push_back(std::move(row));
  }
  // Empty if there are no rows.
  std::string Text() const {
    if (rows_.empty()) return "";
    std::array<size_t, 3> widths = {};
    std::vector<Row> lines = {{"column", "there", "here"}};
    lines.insert(lines.end(), rows_.begin(), rows_.end());
    for (const Row& line : lines) {
      for (size_t i = 0; i < line.size(); ++i) {
        widths[i] = std::max(widths[i], DisplayWidth(line[i]));
      }
    }
    Row rule;
    for (size_t i = 0; i < rule.size(); ++i) rule[i] = std::string(widths[i], '-');
    lines.insert(lines.begin() + 1, rule);
    std::string text;
    for (const Row& line : lines) {
      for (size_t i = 0; i + 1 < line.size(); ++i) {
        text += line[i] + std::string(widths[i] - DisplayWidth(line[i]) + 2, ' ');
      }
      text += line.back() + '\n';
    }
    text.pop_back();
    return text;
  }

 private:
  std::vector<Row> rows_;
};

Error DifferentColumnsError(const std::vector<Column>& wanted, const std::vector<Column>& here) {
  return InvalidArgument("the columns are not those of the dataset\n" + Difference(wanted, here));
}

Error FolderError(const std::string& file) {
  return InvalidArgument(
      fmt::format("\"{0}\" is a folder: name the files in it, as in {0}/*.csv", file));
}

Result<> CheckFile(const std::string& file) {
  std::error_code code;
  if (fs::is_directory(file, code)) return FolderError(file);
  if (!fs::is_regular_file(file, code)) {
    return InvalidArgument(fmt::format("there is no file \"{}\"", file));
  }
  if (fs::file_size(file, code) == 0) {
    return InvalidArgument(fmt::format("\"{}\" is empty, so its columns are unknown", file));
  }
  return {};
}

Error UnknownColumnError(const Column& said, const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  const auto nearest = NearestName(said.name, names);
  return InvalidArgument(
      fmt::format("--type {}={}: the files have no such column{}", said.name, said.type,
                  nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : ""));
}

// The SQL list that converts the columns of the files. `wanted`: the resulting columns in their
// order, if there are any.
Result<std::string> Select(const TextSource& source, const std::vector<Column>& wanted,
                           const std::vector<Column>& targets) {
  std::string list;
  const auto add = [&](const Column& column, const std::string& type, const std::string& name) {
    if (!list.empty()) list += ", ";
    list += fmt::format("{} AS {}",
                        source.checked.contains(column.name) ? CastChecked(column, type)
                                                             : CastTo(column, type, &source.forms),
                        duck::QuoteIdentifier(name));
  };
  if (wanted.empty()) {
    for (const Column& column : source.columns) {
      const Column* target = FindColumn(targets, column.name);
      add(column, target == nullptr ? WrittenType(column) : target->type, column.name);
    }
    return list;
  }
  for (const Column& column : wanted) {
    const Column* here = FindColumn(source.columns, column.name);
    if (here == nullptr || wanted.size() != source.columns.size() || IsGuess(*here, column.type)) {
      return DifferentColumnsError(wanted, source.found);
    }
    add(*here, column.type, column.name);
  }
  return list;
}

// Adds an option if the names do not tell how the files are compressed. Checks compressed files
// that no other step reads completely before DuckDB.
Result<Input> WithPacking(Input input, const PutTask& task) {
  std::set<Packing> packings;
  bool names_say_it = true;
  task.progress->Begin(PutPhase::kReading, BytesOfFiles(input.files));
  for (const std::string& file : input.files) {
    const Packing packing = PackingOfFile(file);
    if (packing != Packing::kNone && !CanScanCsv(input)) {
      TARN_CHECK_OK(CheckPacked(file, task.Hook()));
    }
    packings.insert(packing);
    names_say_it = names_say_it && packing == PackingOf(file);
  }
  if (names_say_it || HasOption(input, "compression")) return input;
  if (packings.size() > 1) {
    return InvalidArgument(
        "some files are compressed and some are not, and their names do not show which: end the "
        "names of compressed files with .gz or .zst");
  }
  input.options.emplace_back("compression", *packings.begin() == Packing::kGzip ? "gzip" : "zstd");
  return input;
}

// The error of a conversion, with the columns that differ from those of the dataset.
Error ConversionError(Error error, const std::vector<Column>& wanted, const TextSource& source) {
  const std::optional<CastFailure> failure = FailureOfCast(error.message);
  error.message = PlainMessage(failure ? failure->Message() : error.message);
  const std::string difference = Difference(wanted, source.found);
  if (!wanted.empty() && error.kind != ErrorKind::kCancelled && !difference.empty()) {
    error.message += "\n" + difference;
  }
  return error;
}

// The memory of a COPY: a few vectors of each column for each thread, and rows that wait to be
// written.
uint64_t CopyMemory(size_t columns) {
  constexpr uint64_t kThreadBytes = 200'000'000;
  constexpr uint64_t kColumnBytes = 300'000;  // DuckDB allocates blocks of 256 KiB.
  const uint64_t threads = std::max<uint64_t>(MachineCores(), 3);
  return threads * (kThreadBytes + columns * kColumnBytes);
}

// Writes `columns`, an SQL list, of all rows. `bytes`: of the input.
Result<ParquetFiles> WriteParquet(const TextSource& source, const std::string& columns,
                                  const fs::path& folder, uint64_t bytes, Converter& converter) {
  const fs::path out = folder / "rows.parquet";
  const uint64_t group_rows = RowGroupRows(source.rows.value_or(0), bytes, source.columns.size());
  std::function<double()> share;
  if (source.bytes_read != nullptr) {
    share = [&] { return static_cast<double>(source.bytes_read()) / static_cast<double>(bytes); };
  }
  converter.progress().Begin(PutPhase::kConverting, bytes);
  TARN_CHECK_OK(converter.UseOneThread(source.needs_one_thread));
  const Result<> copied = converter.RunWithin(
      CopyMemory(source.columns.size()),
      fmt::format("COPY (SELECT {} FROM {}) TO {} ({}, ROW_GROUP_SIZE {})", columns, source.sql,
                  duck::QuoteLiteral(out.string()), kParquetOptions,
                  source.has_batches ? kBatchIsGroup : group_rows),
      bytes, share);
  if (!copied.ok()) {
    const auto read_error =
        source.read_error != nullptr ? source.read_error() : std::optional<Error>();
    if (read_error) return *read_error;
    const std::optional<CastFailure> failure = FailureOfCast(copied.error().message);
    std::optional<Error> with_line;
    if (failure && source.find_line != nullptr) with_line = source.find_line(*failure);
    return with_line.value_or(copied.error());
  }
  TARN_CHECK_OK(converter.UseOneThread(false));
  ParquetFiles result;
  const std::string done = ParquetSource(out.string());
  TARN_TRY(result.columns, converter.ColumnsOf(done));
  TARN_TRY(result.rows, converter.CountRows(done));
  if (source.rows && *source.rows != result.rows) {
    return InvalidArgument(
        fmt::format("there are {} rows with these options, and {} without them: leave out options "
                    "of --with that divide rows",
                    result.rows, *source.rows));
  }
  TARN_TRY(result.files, DivideParquet(out, {.rows = result.rows, .group_rows = group_rows},
                                       kObjectBytes, converter));
  return result;
}

Error NoRowsError(const std::vector<std::string>& files) {
  return InvalidArgument(files.size() == 1 ? fmt::format("\"{}\" has no rows", files.front())
                                           : "the files have no rows");
}

// Replaces the paths of temporary files in a message by the files that the user named.
std::string WithNames(std::string message, const Input& given, const fs::path& folder) {
  for (size_t i = 0; i < given.files.size(); ++i) {
    message = ReplaceAll(std::move(message), RewrittenFile(folder, i).string(), given.files[i]);
    message = ReplaceAll(std::move(message), Utf8File(folder, i, given.files[i]).string(),
                         given.files[i]);
  }
  for (const auto& [file, name] : given.aliases) {
    message = ReplaceAll(std::move(message), file, name);
  }
  return message;
}

Result<ParquetFiles> Convert(const Input& given, const fs::path& folder,
                             const std::vector<Column>& wanted, const PutTask& task,
                             Converter& converter) {
  Input input = given;
  if (input.format == InputFormat::kCsv) {
    TARN_TRY(input, WithUtf8(given, folder, task));
    TARN_TRY(input, WithPacking(input, task));
  }
  const uint64_t bytes = BytesOfFiles(input.files);
  TARN_TRY(const std::vector<Column> said, SaidTypes(input, converter));
  TARN_TRY(const std::vector<Column> targets, Targets(wanted, said));
  TARN_TRY(TextSource source, input.format == InputFormat::kJson
                                  ? OpenJson(input, targets, converter, task)
                                  : OpenCsv(input, targets, folder, converter, task));
  for (const Column& column : said) {
    if (FindColumn(source.columns, column.name) == nullptr)
      return UnknownColumnError(column, source.columns);
  }
  if (source.rows == 0) return NoRowsError(given.files);
  TARN_TRY(const std::string list, Select(source, wanted, targets));
  Result<ParquetFiles> written = WriteParquet(source, list, folder, bytes, converter);
  if (!written.ok()) return ConversionError(written.error(), wanted, source);
  if (written->rows == 0) return NoRowsError(given.files);
  for (const std::string& file : written->files) {
    const auto read = converter.ParquetColumnsOf(file, input.footer_limits);
    if (!read.ok()) return read.error().Wrap("queryd cannot read the converted file");
  }
  written->notes = std::move(source.notes);
  return written;
}

}  // namespace

bool HasOption(const Input& input, std::string_view option) {
  return std::any_of(input.options.begin(), input.options.end(),
                     [&](const auto& named) { return named.first == option; });
}

Result<InputFormat> FormatOf(const std::vector<std::string>& files) {
  std::optional<InputFormat> format;
  for (const std::string& file : files) {
    const auto of_file = FormatOf(file);
    std::error_code code;
    if (!of_file && fs::is_directory(file, code)) return FolderError(file);
    if (!of_file) {
      return InvalidArgument(fmt::format(
          "the format of \"{}\" is unknown: set --format to csv, json or parquet", file));
    }
    if (format && *format != *of_file) {
      return InvalidArgument("give files of one format at a time: CSV, JSON or Parquet");
    }
    format = of_file;
  }
  return *format;
}

std::string Difference(const std::vector<Column>& there, const std::vector<Column>& here) {
  DifferenceTable table;
  for (const Column& column : there) {
    const Column* other = FindColumn(here, column.name);
    if (other == nullptr) {
      table.Add({column.name, column.type, "missing"});
    } else if (other->type != column.type) {
      table.Add({column.name, column.type, other->type});
    }
  }
  for (const Column& column : here) {
    if (FindColumn(there, column.name) == nullptr) table.Add({column.name, "missing", column.type});
  }
  return table.Text();
}

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

std::string PathList(const std::vector<std::string>& files) {
  std::string list;
  for (const std::string& file : files) {
    if (!list.empty()) list += ", ";
    list += PathLiteral(file);
  }
  return "[" + list + "]";
}

Result<ParquetFiles> ToParquet(const Input& input, const fs::path& folder,
                               const std::vector<Column>& wanted, const PutTask& task) {
  const auto convert = [&]() -> Result<ParquetFiles> {
    for (const std::string& file : input.files) TARN_CHECK_OK(CheckFile(file));
    TARN_TRY(Converter converter, Converter::Open(folder, task));
    if (input.format == InputFormat::kParquet) return TakeParquet(input, wanted, converter);
    return Convert(input, folder, wanted, task, converter);
  };
  Result<ParquetFiles> files = convert();
  if (files.ok()) return files;
  return Error{files.error().kind, WithNames(PlainMessage(files.error().message), input, folder)};
}

}  // namespace tarn::ingest
