#pragma once

// The records of a JSON file: the elements of its array, or a sequence of documents (NDJSON).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/text_reader.h"

namespace tarn::ingest {

enum class JsonLayout : uint8_t {
  kFound,      // An array of records if the file begins with "[", else documents.
  kDocuments,  // Each document is a record, also an array.
};

struct JsonFile {
  TextFile text;
  JsonLayout layout = JsonLayout::kFound;
};

// A batch of records as one JSON array.
struct JsonBatch {
  struct Record {
    size_t offset = 0;  // The position of the first byte in the text.
    uint64_t line = 0;  // The line of the first byte.
  };

  std::string text;   // With padding for the parser.
  size_t length = 0;  // The length of the array, without the padding.
  std::vector<Record> records;
};

inline constexpr size_t kBatchRecordsMax = 2048;

// Divides a file into records by brackets and quotes. The parser finds other syntax errors. Holds
// one batch, or one large record, in memory.
class JsonRecords {
 public:
  static Result<JsonRecords> Open(const JsonFile& file, const ReadHook& hook);

  // Reads the next records. Returns false at the end.
  Result<bool> Next(JsonBatch& batch);

  // True if text follows the array. Then all of the file is a sequence of documents.
  bool has_more_behind_array() const { return has_more_behind_array_; }

 private:
  enum class State : uint8_t { kStart, kBefore, kIn, kBehind, kEnd };

  JsonRecords(std::string path, TextReader text, JsonLayout layout)
      : path_(std::move(path)), text_(std::move(text)), layout_(layout) {}
  Error ErrorAt(std::string_view fault) const;
  // Called at the end of the file.
  Result<> Finish();
  bool CanBegin(char c) const;
  void BeginRecord(char c, JsonBatch& batch);
  // Consume a part of the block.
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
  bool needs_value_ = false;  // After a comma.
  bool has_more_behind_array_ = false;
  // Within a record.
  uint64_t record_bytes_ = 0;
  bool is_scalar_ = false;  // A number, true, false or null.
  uint64_t depth_ = 0;
  bool is_in_string_ = false;
  bool is_escaped_ = false;
};

}  // namespace tarn::ingest
