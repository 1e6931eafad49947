#include "result/arrow_encoder.h"

#include <arrow/io/interfaces.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "result/arrow_array.h"
#include "result/arrow_type.h"

namespace tarn::result {
namespace {

// Appends to the string of the last call of PointAt().
class TextSink : public arrow::io::OutputStream {
 public:
  void PointAt(std::string& out) { out_ = &out; }

  arrow::Status Write(const void* data, int64_t bytes) override {
    out_->append(static_cast<const char*>(data), static_cast<size_t>(bytes));
    position_ += bytes;
    return arrow::Status::OK();
  }
  using Writable::Write;
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return position_; }

 private:
  std::string* out_ = nullptr;
  int64_t position_ = 0;
};

Error ArrowError(const arrow::Status& status) { return Internal("Arrow: " + status.message()); }

class ArrowEncoder : public ResultEncoder {
 public:
  ArrowEncoder(const std::vector<std::string>& names, const std::vector<duck::ColumnType>& types,
               const JsonOptions& options)
      : options_(options) {
    arrow::FieldVector fields;
    for (size_t i = 0; i < names.size(); ++i) {
      fields.push_back(
          arrow::field(names[i], ToArrowType(types[i]), /*nullable=*/true,
                       arrow::key_value_metadata({"tarn.type"}, {duck::TypeName(types[i])})));
    }
    schema_ = arrow::schema(std::move(fields));
  }

  Result<> Begin(std::string& out) override {
    auto write_options = arrow::ipc::IpcWriteOptions::Defaults();
    write_options.use_threads = false;
    sink_.PointAt(out);
    auto writer = arrow::ipc::MakeStreamWriter(&sink_, schema_, write_options);
    if (!writer.ok()) return ArrowError(writer.status());
    writer_ = std::move(*writer);
    return {};
  }

  Result<> Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) override {
    if (begin == end) return {};
    std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
    for (size_t i = 0; i < columns.size(); ++i) {
      auto array = ToArrowArray(columns[i], schema_->field(static_cast<int>(i))->type(), begin, end,
                                options_);
      if (array.status().IsCapacityError()) return Halves(columns, begin, end, i, out);
      if (!array.ok()) return ArrowError(array.status());
      arrays.push_back(std::move(*array));
    }
    sink_.PointAt(out);
    const auto batch =
        arrow::RecordBatch::Make(schema_, static_cast<int64_t>(end - begin), std::move(arrays));
    const arrow::Status status = writer_->WriteRecordBatch(*batch);
    if (!status.ok()) return ArrowError(status);
    return {};
  }

  Result<> End(const ResultSummary& /*summary*/, std::string& out) override {
    sink_.PointAt(out);
    const arrow::Status status = writer_->Close();
    if (!status.ok()) return ArrowError(status);
    return {};
  }

 private:
  // Encodes the rows as two batches, because they do not fit into one.
  Result<> Halves(const Columns& columns, uint64_t begin, uint64_t end, size_t column,
                  std::string& out) {
    if (end - begin == 1) {
      return InvalidArgument(fmt::format(
          "a value in column {} is too large for Arrow, ask for another format", column + 1));
    }
    const uint64_t middle = begin + (end - begin) / 2;
    TARN_CHECK_OK(Rows(columns, begin, middle, out));
    return Rows(columns, middle, end, out);
  }

  const JsonOptions options_;
  std::shared_ptr<arrow::Schema> schema_;
  TextSink sink_;  // Outlives writer_.
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
};

}  // namespace

std::unique_ptr<ResultEncoder> MakeArrowEncoder(const std::vector<std::string>& names,
                                                const std::vector<duck::ColumnType>& types,
                                                const JsonOptions& options) {
  return std::make_unique<ArrowEncoder>(names, types, options);
}

}  // namespace tarn::result
