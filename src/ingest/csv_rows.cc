#include "ingest/csv_rows.h"

#include <fmt/format.h>

#include <deque>
#include <utility>

namespace tarn::ingest {

class CsvRows::Reader : public duck::TextBatchReader {
 public:
  explicit Reader(const CsvRows& source)
      : source_(source), batch_(source.columns_.size()), is_set_(source.columns_.size()) {}

  Result<duck::TextBatch> Next() override {
    // Another thread can ask again after an error.
    if (error_) return *error_;
    Result<duck::TextBatch> batch = Read();
    if (!batch.ok()) {
      error_ = batch.error();
      const std::lock_guard lock(source_.mutex_);
      source_.error_ = error_;
    }
    return batch;
  }

 private:
  Result<duck::TextBatch> Read();
  Result<> OpenFile();
  Result<> AddRow(const CsvRowsFile& file, const CsvRecord& record);
  Result<> AddText(const CsvRowsFile& file, uint64_t line, size_t column, std::string_view text);
  void EndBatch() {
    full_.push_back(std::exchange(batch_, duck::TextBatch(source_.columns_.size())));
  }

  const CsvRows& source_;
  size_t next_file_ = 0;
  std::optional<CsvScanner> scanner_;
  bool is_header_ = false;  // The next record is that of the names.
  duck::TextBatch batch_;   // The rows after those in full_.
  std::deque<duck::TextBatch> full_;
  std::vector<bool> is_set_;  // The columns of the current row.
  std::optional<Error> error_;
};

Result<> CsvRows::Reader::AddText(const CsvRowsFile& file, uint64_t line, size_t column,
                                  std::string_view text) {
  if (!source_.rules_.empty()) {
    const Result<> kept = CheckText(source_.rules_[column], source_.columns_[column], text);
    if (!kept.ok()) {
      return kept.error().Wrap(fmt::format("\"{}\", line {}", file.text.path, line));
    }
  }
  batch_.Add(column, text);
  return {};
}

Result<> CsvRows::Reader::AddRow(const CsvRowsFile& file, const CsvRecord& record) {
  is_set_.assign(is_set_.size(), false);
  for (size_t i = 0; i < record.fields.size(); ++i) {
    const CsvField& field = record.fields[i];
    const size_t column = file.columns[i];
    is_set_[column] = true;
    if (IsNull(field, file.syntax)) {
      batch_.AddNull(column);
    } else if (field.is_quoted && field.text.find(file.syntax.escape) != std::string_view::npos) {
      TARN_CHECK_OK(AddText(file, record.line, column, Unescaped(field, file.syntax)));
    } else {
      TARN_CHECK_OK(AddText(file, record.line, column, field.text));
    }
  }
  for (size_t i = 0; i < is_set_.size(); ++i) {
    if (!is_set_[i]) batch_.AddNull(i);
  }
  batch_.EndRow();
  if (batch_.rows() == source_.limits_.rows || batch_.bytes() >= source_.limits_.bytes) EndBatch();
  return {};
}

Result<> CsvRows::Reader::OpenFile() {
  const CsvRowsFile& file = source_.files_[next_file_++];
  is_header_ = file.syntax.has_header;
  const ReadHook count = [&source = source_](uint64_t bytes) -> Result<> {
    source.bytes_read_ += bytes;
    return {};
  };
  const auto add = [this, &file](const CsvRecord& record) -> Result<> {
    return std::exchange(is_header_, false) ? Result<>() : AddRow(file, record);
  };
  TARN_TRY(scanner_, CsvScanner::Open(file.text, file.syntax, count, add));
  return {};
}

Result<duck::TextBatch> CsvRows::Reader::Read() {
  while (full_.empty() && (scanner_ || next_file_ < source_.files_.size())) {
    if (!scanner_) TARN_CHECK_OK(OpenFile());
    TARN_TRY(const bool has_more, scanner_->ScanBlock());
    if (has_more) continue;
    if (scanner_->TakeScan().ragged) {
      return Error{ErrorKind::kStale, "the file has changed while it was read: repeat the command"};
    }
    scanner_.reset();
  }
  if (full_.empty()) EndBatch();
  duck::TextBatch next = std::move(full_.front());
  full_.pop_front();
  return next;
}

Result<std::unique_ptr<duck::TextBatchReader>> CsvRows::Open() const {
  return std::unique_ptr<duck::TextBatchReader>(std::make_unique<Reader>(*this));
}

std::optional<Error> CsvRows::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace tarn::ingest
