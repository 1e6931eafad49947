#pragma once

// JSON files as rows: each record is a row, and each key of the records a column.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/row_source.h"
#include "ingest/json_records.h"
#include "ingest/json_shape.h"

namespace tarn::ingest {

// All leaves are texts: numbers as they are written, strings without their escapes. Records that
// are not all objects are one column "json".
class JsonRows : public duck::RowSource, public std::enable_shared_from_this<JsonRows> {
 public:
  // Reads all of the files for the shape of their records.
  static Result<std::shared_ptr<JsonRows>> Read(const std::vector<std::string>& files,
                                                const std::string& encoding, const ReadHook& hook);

  const std::vector<Column>& columns() const override { return columns_; }
  // One at a time.
  Result<std::unique_ptr<duck::RowReader>> Open() const override;

  const JsonShape& shape(size_t column) const;
  // Lines about names and types.
  const std::vector<std::string>& notes() const { return notes_; }

  // The bytes of all files that Open() has read so far. From any thread.
  uint64_t bytes_read() const { return *bytes_read_; }
  uint64_t row_count() const { return row_count_; }

  // The column gets the JSON text of its values.
  void KeepJson(size_t column);

 private:
  class Reader;

  Result<> ReadShape(JsonFile& file, const ReadHook& hook);
  Result<> SetColumns();

  std::vector<JsonFile> files_;
  std::unique_ptr<JsonShape> records_ = std::make_unique<JsonShape>();
  std::vector<Column> columns_;
  std::vector<std::string> notes_;
  uint64_t row_count_ = 0;
  const std::shared_ptr<std::atomic<uint64_t>> bytes_read_ =
      std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace tarn::ingest
