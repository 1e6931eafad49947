#include "ingest/csv_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/display_text.h"
#include "base/text.h"
#include "ingest/csv_rewrite.h"
#include "ingest/csv_sniffer.h"
#include "ingest/limits.h"
#include "ingest/text_reader.h"

namespace tarn::ingest {
namespace {

constexpr std::string_view kDelimiters = ",;\t|";
// The number of rows that DuckDB samples to detect the format.
constexpr uint64_t kSniffedRows = 20'480;

constexpr std::array<std::string_view, 20> kScannedOptions = {"delim",
                                                              "sep",
                                                              "quote",
                                                              "escape",
                                                              "skip",
                                                              "header",
                                                              "null_padding",
                                                              "nullstr",
                                                              "allow_quoted_nulls",
                                                              "decimal_separator",
                                                              "thousands",
                                                              "dateformat",
                                                              "timestampformat",
                                                              "all_varchar",
                                                              "compression",
                                                              "sample_size",
                                                              "buffer_size",
                                                              "max_line_size",
                                                              "parallel",
                                                              "hive_partitioning"};

std::optional<std::string> OptionOf(const Input& input, std::string_view name) {
  for (const auto& [option, value] : input.options) {
    if (option == name) return value;
  }
  return std::nullopt;
}

bool IsTrue(const std::optional<std::string>& value) {
  return value && (EqualsIgnoreCase(*value, "true") || *value == "1");
}

std::string GivenDelimiter(const Input& input) {
  if (!input.delimiter.empty()) return input.delimiter;
  return OptionOf(input, "delim").value_or(OptionOf(input, "sep").value_or(""));
}

char OneCharacter(const std::string& text) {
  if (text == "\\t") return '\t';
  return text.size() == 1 ? text.front() : 0;
}

// The first lines of a file, up to one block.
Result<std::string> BeginningOf(const std::string& file) {
  TARN_TRY(TextReader text, TextReader::Open({.path = file}, [](uint64_t) { return Result<>(); }));
  TARN_TRY(const std::string_view block, text.Next());
  return std::string(block);
}

std::string_view LineAt(std::string_view text, uint64_t number) {
  for (uint64_t line = 0; line < number; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return Trim(text.substr(0, text.find_first_of("\r\n")));
}

// The first line that is not blank, after `lines_to_skip` lines.
std::string_view FirstLine(std::string_view text, uint64_t lines_to_skip) {
  for (; lines_to_skip > 0; --lines_to_skip) {
    const size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  return Trim(text.substr(0, text.find_first_of("\r\n")));
}

// The most likely delimiter of a line.
char GuessDelimiter(std::string_view line) {
  const auto count = [line](char c) { return std::count(line.begin(), line.end(), c); };
  return *std::max_element(kDelimiters.begin(), kDelimiters.end(),
                           [&count](char a, char b) { return count(a) < count(b); });
}

// The number of lines before the header, if none of these lines has a delimiter.
uint64_t LinesBeforeHeader(const SniffedCsv& sniffed, std::string_view beginning) {
  if (sniffed.columns.size() < 2) return 0;
  for (uint64_t line = 0; line < sniffed.lines_to_skip; ++line) {
    if (LineAt(beginning, line).find(sniffed.delimiter) != std::string_view::npos) return 0;
  }
  return sniffed.lines_to_skip;
}

Error HeaderFurtherDownError(const std::string& file, std::string_view beginning, uint64_t lines) {
  constexpr size_t kShown = 60;
  return InvalidArgument(
      fmt::format("\"{}\": the names of the columns seem to be in line {}: \"{}\". --with skip={} "
                  "skips the lines before",
                  file, lines + 1, FitWidth(LineAt(beginning, lines), kShown), lines));
}

Error RaggedLineError(const Input& input, const CsvFile& file) {
  const CsvScan& scan = file.scan;
  const bool is_short = scan.ragged->fields < scan.columns.size();
  std::string advice =
      is_short ? "Correct it, or use --with null_padding=true to make missing values NULL"
               : fmt::format(
                     "Correct it: a value that contains \"{}\" must be in quotes",
                     file.syntax.delimiter == '\t' ? "\\t" : std::string(1, file.syntax.delimiter));
  if (!SaysDelimiter(input)) advice += "; set another delimiter with --delimiter";
  return InvalidArgument(fmt::format("\"{}\", line {}: {} where line {} has {}: \"{}\". {}",
                                     file.path, scan.ragged->line,
                                     Plural(scan.ragged->fields, "field"), scan.first_line,
                                     scan.columns.size(), scan.ragged->text, advice));
}

// True if a text in UTF-16 was read as bytes: at least every third byte of its first line is NUL.
bool IsUtf16(std::string_view beginning) {
  constexpr size_t kBytesMin = 4;
  const std::string_view line = beginning.substr(0, beginning.find('\n'));
  return line.size() >= kBytesMin &&
         static_cast<size_t>(std::count(line.begin(), line.end(), '\0')) * 3 >= line.size();
}

Error SeemsUtf16(const std::string& file) {
  return InvalidArgument(fmt::format(
      "\"{}\" seems to be UTF-16 without a byte order mark: use --encoding utf-16le", file));
}

Error NoLinesError(const std::string& file, uint64_t skipped) {
  if (skipped == 0) {
    return InvalidArgument(
        fmt::format("\"{}\" has only blank lines, so its columns are unknown", file));
  }
  return InvalidArgument(
      fmt::format("\"{}\" has nothing after the {} that --with skip={} skips: skip fewer lines",
                  file, Plural(skipped, "line"), skipped));
}

// True if all fields of a line are quoted.
bool IsAllQuoted(std::string_view line, char delimiter) {
  while (true) {
    const size_t end = line.find(delimiter);
    const std::string_view field = line.substr(0, end);
    if (field.size() < 2 || field.front() != '"' || field.back() != '"') return false;
    if (end == std::string_view::npos) return true;
    line.remove_prefix(end + 1);
  }
}

// True if a line has a quoted field. Text after TAB is not quoted (IANA text/tab-separated-values).
bool HasQuotedField(std::string_view text, char delimiter) {
  if (delimiter == '\t') return false;
  const auto is_quoted = [](std::string_view field) {
    if (field.size() < 2 || field.front() != '"' || field.back() != '"') return false;
    // A quote within the field is doubled (RFC 4180, 2.7).
    const std::string inner(field.substr(1, field.size() - 2));
    return ReplaceAll(inner, "\"\"", "").find('"') == std::string::npos;
  };
  while (!text.empty()) {
    const size_t end =
        std::min(text.find_first_of(std::string{delimiter, '\r', '\n'}), text.size());
    if (is_quoted(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

// True if a field is more likely a value than a name.
bool HasValues(const std::vector<std::string>& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const std::string& field) { return KindsOf(field, kValueKinds) != 0; });
}

class CsvFinder {
 public:
  CsvFinder(const Input& input, Converter& converter, const PutTask& task)
      : input_(input), converter_(converter), task_(task) {}

  Result<CsvFile> Find(const std::string& path) {
    TARN_CHECK_OK(CheckSeparatorLine(input_, path));
    Result<SniffedCsv> sniffed = SniffCsv(path, GivenCsvOptions(input_), converter_);
    if (!sniffed.ok() && sniffed.error().kind == ErrorKind::kCancelled) return sniffed.error();
    TARN_TRY(beginning_, BeginningOf(path));
    if (IsUtf16(beginning_)) return SeemsUtf16(path);
    first_line_ = FirstLine(beginning_, SkippedLines());
    const bool is_trusted = sniffed.ok() && IsTrusted(*sniffed);
    CsvFile file{.path = path, .syntax = SyntaxOf(sniffed.ok() ? &*sniffed : nullptr, is_trusted)};
    TARN_CHECK_OK(Scan(file, is_trusted ? &*sniffed : nullptr));
    if (file.scan.columns.empty()) return NoLinesError(path, SkippedLines());
    if (!is_trusted && !SaysHeader(input_) && HasValues(file.scan.first)) {
      file.syntax.has_header = false;
      TARN_TRY(file.scan, ScanWith(file));
    }
    if (file.scan.ragged) {
      const uint64_t lines = sniffed.ok() ? LinesBeforeHeader(*sniffed, beginning_) : 0;
      if (lines > 0 && sniffed->has_header) return HeaderFurtherDownError(path, beginning_, lines);
      return RaggedLineError(input_, file);
    }
    if (is_trusted && sniffed->columns.size() == file.scan.columns.size()) {
      const bool has_our_quote = sniffed->quote == 0 || sniffed->quote == file.syntax.quote;
      for (const Column& column : sniffed->columns) {
        if (has_our_quote) file.names.push_back(column.name);
        file.first_types.push_back(column.type);
      }
      file.date_format = sniffed->date_format;
      file.timestamp_format = sniffed->timestamp_format;
    }
    return file;
  }

 private:
  uint64_t SkippedLines() const {
    return std::strtoull(OptionOf(input_, "skip").value_or("0").c_str(), nullptr, 10);
  }

  // True if DuckDB found the fields of the first line.
  bool IsTrusted(const SniffedCsv& sniffed) const {
    if (sniffed.delimiter == 0) return false;
    if (!HasOption(input_, "skip") && sniffed.lines_to_skip > 0) return false;
    return SaysDelimiter(input_) || sniffed.columns.size() > 1 ||
           first_line_.find_first_of(kDelimiters) == std::string::npos;
  }

  CsvSyntax SyntaxOf(const SniffedCsv* sniffed, bool is_trusted) const {
    CsvSyntax syntax;
    syntax.delimiter = SaysDelimiter(input_) ? OneCharacter(GivenDelimiter(input_))
                       : is_trusted          ? sniffed->delimiter
                                             : GuessDelimiter(first_line_);
    const auto quote = OptionOf(input_, "quote");
    const auto escape = OptionOf(input_, "escape");
    if (quote) syntax.quote = OneCharacter(*quote);
    syntax.escape = syntax.quote;
    if (escape) {
      syntax.escape = OneCharacter(*escape);
    } else if (is_trusted && sniffed->quote == syntax.quote && sniffed->escape != 0) {
      syntax.escape = sniffed->escape;
    }
    syntax.lines_to_skip = SkippedLines();
    syntax.has_header = !is_trusted || sniffed->has_header;
    if (input_.has_no_header) syntax.has_header = false;
    if (const auto header = OptionOf(input_, "header")) syntax.has_header = IsTrue(header);
    syntax.may_be_short = IsTrue(OptionOf(input_, "null_padding"));
    syntax.null_text = OptionOf(input_, "nullstr");
    const auto quoted_nulls = OptionOf(input_, "allow_quoted_nulls");
    syntax.has_quoted_nulls = !quoted_nulls || IsTrue(quoted_nulls);
    return syntax;
  }

  // Quotes after the sampled rows are quotes (RFC 4180, 2.5), unless the sampled rows show that
  // they are ordinary characters. Apostrophes are ordinary characters, unless an option makes them
  // quotes.
  Result<> Scan(CsvFile& file, const SniffedCsv* sniffed) {
    Result<CsvScan> scan = ScanWith(file);
    const bool is_good = scan.ok() && !scan->ragged;
    if (is_good || HasOption(input_, "quote") || sniffed == nullptr || sniffed->quote == '"') {
      if (scan.ok()) file.scan = std::move(*scan);
      return scan.ok() ? Result<>() : Result<>(scan.error());
    }
    if (scan.ok() && sniffed->quote != 0) return OtherQuotesError(file.path, sniffed->quote);
    if (!scan.ok() && scan.error().kind == ErrorKind::kCancelled) return scan.error();
    Result<> as_quotes = scan.ok() ? Result<>() : Result<>(scan.error());
    if (!as_quotes.ok() && (IsAllQuoted(first_line_, file.syntax.delimiter) ||
                            HasQuotedField(beginning_, file.syntax.delimiter))) {
      return InvalidArgument(as_quotes.error().message +
                             ". Correct it, or make quotes ordinary characters: --with quote=");
    }
    file.syntax.quote = 0;
    file.syntax.escape = 0;
    TARN_TRY(file.scan, ScanWith(file));
    const bool is_late = file.scan.ragged && file.scan.rows > kSniffedRows;
    return is_late && !as_quotes.ok() ? as_quotes : Result<>();
  }

  Result<CsvScan> ScanWith(const CsvFile& file) {
    return ScanCsv({.path = file.path}, file.syntax, task_.Hook());
  }

  const Input& input_;
  Converter& converter_;
  const PutTask& task_;
  std::string beginning_;
  std::string first_line_;
};

// Names columns like DuckDB: "column3" without a name, and "name_1" after a "name". Removes NULs.
void NameColumns(CsvFile& file, std::vector<std::string>& notes) {
  const size_t count = file.scan.columns.size();
  const bool is_sniffed = file.names.size() == count;
  file.names.resize(count);
  std::set<std::string> used;
  for (size_t i = 0; i < count; ++i) {
    const std::string text = file.syntax.has_header ? file.scan.first[i] : "";
    std::string name = is_sniffed ? file.names[i] : std::string(Trim(text));
    if (text.find('\0') != std::string::npos) {
      name = text;
      std::replace(name.begin(), name.end(), '\0', '_');
      notes.push_back(fmt::format("the column \"{}\" is \"{}\"", text, name));
    }
    if (name.empty()) {
      const size_t width = std::to_string(count - 1).size();
      name = file.syntax.has_header ? fmt::format("column{}", i)
                                    : fmt::format("column{:0{}}", i, width);
    }
    const std::string wanted = name;
    for (size_t number = 1; !used.insert(ToLowerAscii(name)).second; ++number) {
      name = fmt::format("{}_{}", wanted, number);
    }
    file.names[i] = std::move(name);
  }
}

// True if DuckDB would divide the file into other records than the scan: if it has line ends of
// several kinds, or blank lines before the first record. After a byte order mark, DuckDB also ends
// the line of the names at a line end in quotes.
bool IsDividedOtherwise(const CsvFile& file) {
  const auto has_line_end = [](const std::string& text) {
    return text.find_first_of("\r\n") != std::string::npos;
  };
  return file.scan.line_ends == LineEnds::kMixed ||
         file.scan.first_line > file.syntax.lines_to_skip + 1 ||
         std::any_of(file.scan.first.begin(), file.scan.first.end(), has_line_end);
}

Result<> Rewrite(const std::filesystem::path& out, const PutTask& task, CsvFile& file) {
  TARN_TRY(file.scan.longest_record,
           RewriteCsv({.path = file.path}, file.syntax, out, task.Hook()));
  file.path = out;
  file.is_rewritten = true;
  file.syntax.delimiter = ',';
  file.syntax.quote = '"';
  file.syntax.escape = '"';
  file.syntax.lines_to_skip = 0;
  file.scan.line_ends = LineEnds::kLf;
  return {};
}

}  // namespace

bool CanScanCsv(const Input& input) {
  const auto is_character = [](const std::string& text) {
    return text.size() <= 1 || text == "\\t";
  };
  return is_character(GivenDelimiter(input)) &&
         std::all_of(input.options.begin(), input.options.end(), [&](const auto& option) {
           const bool is_known = std::find(kScannedOptions.begin(), kScannedOptions.end(),
                                           option.first) != kScannedOptions.end();
           const bool is_syntax = option.first == "quote" || option.first == "escape";
           return is_known && (!is_syntax || is_character(option.second));
         });
}

Result<std::vector<CsvFile>> ScanCsvFiles(const Input& input, Converter& converter,
                                          const PutTask& task, std::vector<std::string>& notes) {
  std::vector<CsvFile> files;
  task.progress->Begin(PutPhase::kReading, BytesOfFiles(input.files));
  CsvFinder finder(input, converter, task);
  for (const std::string& path : input.files) {
    TARN_TRY(CsvFile file, finder.Find(path));
    if (file.scan.columns.size() > kColumnsMax) {
      return InvalidArgument(fmt::format("\"{}\" has {} columns, and a dataset has at most {}",
                                         path, file.scan.columns.size(), kColumnsMax));
    }
    NameColumns(file, notes);
    if (!files.empty() && files[0].syntax.has_header != file.syntax.has_header) {
      return OtherHeaderError(files[0].path, path, files[0].syntax.has_header);
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::filesystem::path RewrittenFile(const std::filesystem::path& folder, size_t index) {
  return folder / fmt::format("rewritten-{}.csv", index);
}

Result<> RewriteForDuckDb(std::vector<CsvFile>& files, const std::filesystem::path& folder,
                          const PutTask& task) {
  for (size_t i = 0; i < files.size(); ++i) {
    if (!IsDividedOtherwise(files[i])) continue;
    TARN_CHECK_OK(Rewrite(RewrittenFile(folder, i), task, files[i]));
  }
  return {};
}

}  // namespace tarn::ingest
