#pragma once

// CSV files as batches of text rows.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/text_batches.h"
#include "ingest/csv_scan.h"
#include "ingest/text_rules.h"

namespace tarn::ingest {

struct CsvRowsFile {
  TextFile text;
  CsvSyntax syntax;
  std::vector<size_t> columns;  // The column of each field. Other columns are NULL.
};

// A batch ends at either limit, so the same files give the same batches.
struct BatchLimits {
  uint64_t rows = 0;
  uint64_t bytes = 64'000'000;
};

class CsvRows : public duck::TextBatchSource {
 public:
  // `rules`: of each column, or empty. A text that breaks one is an error with its line.
  CsvRows(std::vector<std::string> columns, std::vector<CsvRowsFile> files, BatchLimits limits,
          std::vector<ColumnRule> rules = {})
      : columns_(std::move(columns)),
        files_(std::move(files)),
        limits_(limits),
        rules_(std::move(rules)) {}

  const std::vector<std::string>& columns() const override { return columns_; }
  Result<std::unique_ptr<duck::TextBatchReader>> Open() const override;

  // The number of bytes that Open() has read so far. May be called from any thread.
  uint64_t bytes_read() const { return bytes_read_; }
  // The error that ended the reading. May be called from any thread.
  std::optional<Error> error() const;

 private:
  class Reader;

  const std::vector<std::string> columns_;
  const std::vector<CsvRowsFile> files_;
  const BatchLimits limits_;
  const std::vector<ColumnRule> rules_;
  mutable std::atomic<uint64_t> bytes_read_ = 0;
  mutable std::mutex mutex_;
  mutable std::optional<Error> error_;  // Guarded by mutex_.
};

}  // namespace tarn::ingest
