#pragma once

// Provides batches of text rows of the program as a view of DuckDB.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::duck {

// Rows whose columns are texts, in the layout of Arrow's LargeUtf8.
class TextBatch {
 public:
  explicit TextBatch(size_t columns) : columns_(columns) {}

  // Set each column of a row once, and then end the row.
  void Add(size_t column, std::string_view text) {
    Column& to = columns_[column];
    to.bytes += text;
    to.ends.push_back(static_cast<int64_t>(to.bytes.size()));
    bytes_ += text.size();
  }
  void AddNull(size_t column);
  void EndRow() { ++rows_; }

  uint64_t rows() const { return rows_; }
  // The number of bytes of all texts.
  uint64_t bytes() const { return bytes_; }

 private:
  friend class TextBatchStream;
  struct Column {
    std::string bytes;
    std::vector<int64_t> ends = {0};  // The end of each text, after a 0.
    std::vector<uint8_t> validity;    // A bit for each row; can end before the last valid rows.
    int64_t nulls = 0;
  };

  std::vector<Column> columns_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

// One pass over the rows.
class TextBatchReader {
 public:
  virtual ~TextBatchReader() = default;
  // Returns the next rows; a batch without rows at the end.
  virtual Result<TextBatch> Next() = 0;
};

class TextBatchSource {
 public:
  virtual ~TextBatchSource() = default;
  virtual const std::vector<std::string>& columns() const = 0;
  virtual Result<std::unique_ptr<TextBatchReader>> Open() const = 0;
};

// A source as an ArrowArrayStream. DuckDB's threads take the batches in turns.
class TextBatchStream {
 public:
  explicit TextBatchStream(std::shared_ptr<const TextBatchSource> source);
  ~TextBatchStream();

  void* arrow_stream();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tarn::duck
