// ingest/csv_scan: divides a file into the same records for all block sizes, as a simple parser
// does, and writes them again without changes.

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz.h"
#include "ingest/csv_rewrite.h"
#include "ingest/csv_scan.h"
#include "memory_file.h"

using namespace tarn;          // NOLINT: the namespace under test
using namespace tarn::ingest;  // NOLINT: the namespace under test

namespace {

using Record = std::vector<std::string>;

struct Scanned {
  std::string error;
  CsvScan scan;
  std::vector<Record> records;

  bool IsRefused() const { return !error.empty() || scan.ragged; }
};

Result<> NoHook(uint64_t /*bytes*/) { return {}; }

Scanned Scan(const std::string& path, const CsvSyntax& syntax, size_t block_bytes) {
  Scanned scanned;
  const auto keep = [&](const CsvRecord& read) -> Result<> {
    Record record;
    for (const CsvField& field : read.fields) record.push_back(Unescaped(field, syntax));
    scanned.records.push_back(std::move(record));
    return {};
  };
  const TextFile file{.path = path, .block_bytes = block_bytes};
  Result<CsvScan> scan = ScanCsv(file, syntax, NoHook, keep);
  // A scan with a hook finds no types.
  if (const Result<CsvScan> typed = ScanCsv(file, syntax, NoHook); typed.ok() && scan.ok()) {
    scan->columns = typed->columns;
  }
  if (scan.ok()) {
    scanned.scan = std::move(*scan);
  } else {
    scanned.error = scan.error().message;
  }
  return scanned;
}

// The syntax of the first line: the delimiter, the quote and the escape, then flags.
CsvSyntax SyntaxOf(std::string_view line) {
  const auto at = [&](size_t i, char other) { return i < line.size() ? line[i] : other; };
  CsvSyntax syntax;
  constexpr std::string_view kDelimiters = ",;\t|";
  syntax.delimiter = kDelimiters[static_cast<uint8_t>(at(0, 0)) % kDelimiters.size()];
  syntax.quote = at(1, '"') == '\'' ? '\'' : at(1, '"') == '0' ? '\0' : '"';
  syntax.escape = at(2, '"') == '\\' && syntax.quote != 0 ? '\\' : syntax.quote;
  syntax.has_header = at(3, '1') != '0';
  syntax.may_be_short = at(4, '0') == '1';
  syntax.has_quoted_nulls = at(5, '1') != '0';
  return syntax;
}

bool EndsField(char c, const CsvSyntax& syntax) {
  return c == syntax.delimiter || c == '\r' || c == '\n';
}

// Splits a text without faults into its records, including blank lines.
class Splitter {
 public:
  Splitter(std::string_view text, const CsvSyntax& syntax) : text_(text), syntax_(syntax) {}

  std::vector<Record> Split() {
    std::vector<Record> records;
    while (at_ < text_.size()) {
      Record record;
      do record.push_back(Field());
      while (Take(syntax_.delimiter));
      if (!(Take('\r') && Take('\n'))) Take('\n');
      records.push_back(std::move(record));
    }
    return records;
  }

 private:
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string Field() {
    std::string field;
    if (syntax_.quote == 0 || !Take(syntax_.quote)) {
      while (at_ < text_.size() && !EndsField(text_[at_], syntax_)) field += text_[at_++];
      return field;
    }
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      const char next = at_ < text_.size() ? text_[at_] : '\0';
      if (c == syntax_.escape && (next == syntax_.quote || next == syntax_.escape)) {
        field += next;
        ++at_;
      } else if (c == syntax_.escape && c != syntax_.quote) {
        field += c;
        if (at_ < text_.size()) field += text_[at_++];
      } else if (c == syntax_.quote) {
        return field;
      } else {
        field += c;
      }
    }
    return field;
  }

  std::string_view text_;
  const CsvSyntax& syntax_;
  size_t at_ = 0;
};

std::string Show(const std::vector<Record>& records) {
  std::string text;
  for (const Record& record : records) {
    for (const std::string& field : record) text += "[" + EscapeUnprintable(field) + "]";
    text += "\n";
  }
  return text;
}

bool IsBlank(const Record& record) { return record.size() == 1 && record[0].empty(); }

void CheckAgainstSplitter(std::string_view text, const CsvSyntax& syntax, const Scanned& scanned) {
  std::vector<Record> expected = Splitter(text, syntax).Split();
  std::vector<Record> found = scanned.records;
  // Which blank lines are records depends on the number of columns.
  std::erase_if(expected, IsBlank);
  std::erase_if(found, IsBlank);
  FUZZ_CHECK(found == expected, Show(found) + "instead of\n" + Show(expected));
}

void CheckRewritten(const std::string& path, const CsvSyntax& syntax, const Scanned& scanned) {
  static const std::string& out =
      *new std::string("/dev/shm/tarn-csv-scan-fuzz-" + std::to_string(getpid()));
  std::filesystem::remove(out);
  const auto longest = RewriteCsv({.path = path}, syntax, out, NoHook);
  FUZZ_CHECK(longest.ok(), "it was scanned before");
  CsvSyntax plain = syntax;
  plain.delimiter = ',';
  plain.quote = '"';
  plain.escape = '"';
  const Scanned again = Scan(out, plain, kBlockBytes);
  std::filesystem::remove(out);
  FUZZ_CHECK(again.error.empty(), again.error);
  FUZZ_CHECK(again.records == scanned.records,
             Show(again.records) + "instead of\n" + Show(scanned.records));
  FUZZ_CHECK(again.scan.rows == scanned.scan.rows, "rows");
  FUZZ_CHECK(again.scan.longest_record == *longest, "the longest record");
  FUZZ_CHECK(again.scan.line_ends == LineEnds::kLf, "line ends");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = tarn::fuzz::Text(data, size);
  const std::string_view line = tarn::fuzz::TakeLine(text);
  const CsvSyntax syntax = SyntaxOf(line);
  const size_t block_bytes = line.size() > 6 ? 1 + static_cast<uint8_t>(line[6]) % 64 : 7;
  const tarn::fuzz::MemoryFile file(text);
  const Scanned whole = Scan(file.Path(), syntax, kBlockBytes);
  const Scanned pieces = Scan(file.Path(), syntax, block_bytes);
  // If a file has two faults, the block size decides which is found first.
  FUZZ_CHECK(whole.IsRefused() == pieces.IsRefused(), whole.error + pieces.error);
  if (whole.IsRefused()) return 0;
  FUZZ_CHECK(whole.records == pieces.records,
             Show(pieces.records) + "instead of\n" + Show(whole.records));
  FUZZ_CHECK(whole.scan.rows == pieces.scan.rows, "rows");
  FUZZ_CHECK(whole.scan.line_ends == pieces.scan.line_ends, "line ends");
  FUZZ_CHECK(whole.scan.longest_record == pieces.scan.longest_record, "the longest record");
  for (size_t i = 0; i < whole.scan.columns.size(); ++i) {
    FUZZ_CHECK(whole.scan.columns[i].Type() == pieces.scan.columns[i].Type(), "types");
  }
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  const bool is_text = !text.starts_with("\xFF\xFE") && !text.starts_with("\xFE\xFF") &&
                       !text.starts_with("\x1f\x8b") && !text.starts_with("\x28\xb5\x2f\xfd");
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  if (is_text) CheckAgainstSplitter(text, syntax, whole);
  CheckRewritten(file.Path(), syntax, whole);
  return 0;
}
