#pragma once

// JSON files as rows: each record is a row, and each key of the records a column.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/row_source.h"
#include "ingest/json_records.h"
#include "ingest/json_shape.h"

namespace tarn::ingest {

// All leaves are texts: numbers as they are written, and strings without escapes. If a record is
// not an object, the only column is "json".
class JsonRows : public duck::RowSource, public std::enable_shared_from_this<JsonRows> {
 public:
  // Reads all files to find the shape of their records.
  static Result<std::shared_ptr<JsonRows>> Read(const std::vector<std::string>& files,
                                                const std::string& encoding, const ReadHook& hook);

  const std::vector<Column>& columns() const override { return columns_; }
  // Use one reading at a time.
  Result<std::unique_ptr<duck::RowReader>> Open() const override;

  const JsonShape& shape(size_t column) const;
  // Notes about names, a line each.
  const std::vector<std::string>& notes() const { return notes_; }
  // Adds notes about the types of a column, a line each.
  void AddTypeNotes(size_t column, std::vector<std::string>& notes) const {
    shape(column).AddNotes(columns_[column].name, notes);
  }

  // The number of bytes that Open() has read so far. May be called from any thread.
  uint64_t bytes_read() const { return *bytes_read_; }
  uint64_t row_count() const { return row_count_; }

  // The column gets the JSON text of its values.
  void KeepJson(size_t column);
  // Texts of the column that break the rule are an error with their line. The column has texts.
  void SetRule(size_t column, ColumnRule rule);

  // The error that ended the reading. May be called from any thread.
  std::optional<Error> error() const;

 private:
  class Reader;

  Result<> ReadShape(JsonFile& file, const ReadHook& hook);
  Result<> SetColumns();
  JsonShape& MutableShape(size_t column);

  std::vector<JsonFile> files_;
  std::unique_ptr<JsonShape> records_ = std::make_unique<JsonShape>();
  std::vector<Column> columns_;
  std::vector<std::string> notes_;
  uint64_t row_count_ = 0;
  const std::shared_ptr<std::atomic<uint64_t>> bytes_read_ =
      std::make_shared<std::atomic<uint64_t>>(0);
  mutable std::mutex mutex_;
  mutable std::optional<Error> error_;  // Guarded by mutex_.
};

}  // namespace tarn::ingest
