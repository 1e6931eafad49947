#pragma once

// The records of a JSON file: the elements of its array, or the documents that stand one behind
// another (NDJSON).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/text_reader.h"

namespace tarn::ingest {

enum class JsonLayout : uint8_t {
  kFound,      // An array of records where the file begins with "[", else documents.
  kDocuments,  // Each document is a record, arrays too.
};

struct JsonFile {
  std::string path;
  std::string encoding;  // Empty: found out.
  JsonLayout layout = JsonLayout::kFound;
};

// Some records as one JSON array.
struct JsonBatch {
  struct Record {
    size_t offset = 0;  // Of its first byte in the text.
    uint64_t line = 0;  // In which it begins.
  };

  std::string text;   // With room behind its end for the parser.
  size_t length = 0;  // Of the array in the text.
  std::vector<Record> records;
};

inline constexpr size_t kBatchRecordsMax = 2048;

// Divides a file into records by its brackets and quotes; other faults of a record are left
// to the parser. Memory is that of a batch, or of one large record.
class JsonRecords {
 public:
  static Result<JsonRecords> Open(const JsonFile& file, const ReadHook& hook);

  // The next records; false at the end.
  Result<bool> Next(JsonBatch& batch);

  // Whether something follows the end of the array: all the file is documents.
  bool has_more_behind_array() const { return has_more_behind_array_; }

 private:
  enum class State : uint8_t { kStart, kBefore, kIn, kBehind, kEnd };

  JsonRecords(std::string path, TextReader text, JsonLayout layout)
      : path_(std::move(path)), text_(std::move(text)), layout_(layout) {}
  Error ErrorAt(std::string_view fault) const;
  // At the end of the file.
  Result<> Finish();
  bool CanBegin(char c) const;
  void BeginRecord(char c, JsonBatch& batch);
  // Take some of the block.
  Result<> TakeBetween(JsonBatch& batch);
  Result<> TakeSeparator(char c);
  Result<> TakeRecord(JsonBatch& batch);
  // The end of the value that begins at `from`, or of the block.
  size_t EndOfScalar(size_t from);
  size_t EndOfString(size_t from);
  size_t EndOfNested(size_t from);

  std::string path_;
  TextReader text_;
  JsonLayout layout_;
  std::string_view block_;
  size_t at_ = 0;
  uint64_t line_ = 1;
  State state_ = State::kStart;
  bool is_array_ = false;
  bool needs_value_ = false;  // A comma stands before.
  bool has_more_behind_array_ = false;
  // Within a record.
  uint64_t record_bytes_ = 0;
  bool is_scalar_ = false;  // A number, true, false or null.
  uint64_t depth_ = 0;
  bool is_in_string_ = false;
  bool is_escaped_ = false;
};

}  // namespace tarn::ingest
