#pragma once

// Scans a whole CSV file: checks that each record has as many fields as the first one, and finds
// the types that fit all values of each column.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/byte_reader.h"
#include "ingest/text_kinds.h"
#include "ingest/text_reader.h"

namespace tarn::ingest {

struct CsvSyntax {
  char delimiter = ',';
  char quote = '"';   // 0: none.
  char escape = '"';  // Before a quote within quotes.
  uint64_t lines_to_skip = 0;
  bool has_header = true;
  bool may_be_short = false;             // Records can have fewer fields than the first one.
  std::optional<std::string> null_text;  // The text of NULL; by default the empty text.
  bool has_quoted_nulls = true;          // The text of NULL is NULL in quotes too.
};

enum class LineEnds : uint8_t { kLf, kCr, kCrLf, kMixed };

struct CsvScan {
  // The first record with another number of fields than the first one.
  struct Ragged {
    uint64_t line = 0;
    uint64_t fields = 0;
    std::string text;  // The beginning of the record.
  };

  std::vector<std::string> first;  // The fields of the first record.
  uint64_t first_line = 0;
  std::vector<TextKinds> columns;
  uint64_t rows = 0;
  std::optional<Ragged> ragged;  // The scan ends at such a record.
  bool has_quotes = false;
  bool has_quoted_line_ends = false;
  LineEnds line_ends = LineEnds::kLf;
  uint64_t longest_record = 0;  // In bytes.
};

struct CsvField {
  std::string_view text;  // Without quotes, with escapes.
  bool is_quoted = false;
};

struct CsvRecord {
  const std::vector<CsvField>& fields;
  uint64_t line;  // The first line of the record.
};

// Called for each record, also for that of the names. Not called for ignored blank lines.
using CsvRecordHook = std::function<Result<>(const CsvRecord&)>;

// Errors name the line of an unclosed quote, of text after a closing quote, and of a byte that is
// not valid in the encoding. Finds no types if there is a hook.
Result<CsvScan> ScanCsv(const TextFile& file, const CsvSyntax& syntax, const ReadHook& hook,
                        const CsvRecordHook& record_hook = nullptr);

// Like ScanCsv, but in steps.
class CsvScanner {
 public:
  static Result<CsvScanner> Open(const TextFile& file, const CsvSyntax& syntax, ReadHook hook,
                                 CsvRecordHook record_hook);
  CsvScanner(CsvScanner&&) noexcept;
  CsvScanner& operator=(CsvScanner&&) noexcept;
  ~CsvScanner();

  // Scans the records of the next block. Returns false at the end, and after a ragged record.
  Result<bool> ScanBlock();
  // The result, after the end.
  CsvScan TakeScan();

 private:
  class Impl;
  explicit CsvScanner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// True if a field stands for NULL.
bool IsNull(const CsvField& field, const CsvSyntax& syntax);

// The text of a field without its escapes.
std::string Unescaped(const CsvField& field, const CsvSyntax& syntax);

}  // namespace tarn::ingest
