#include "ingest/json_rows.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/text.h"
#include "duck/database.h"
#include "ingest/json_parser.h"
#include "ingest/limits.h"

namespace tarn::ingest {
namespace {

using simdjson::ondemand::json_type;

Result<> Observe(JsonValue value, JsonShape& shape, int level);

Result<> ObserveList(JsonValue value, JsonShape& shape, int level) {
  simdjson::ondemand::array elements;
  auto code = value.get_array().get(elements);
  if (code != simdjson::SUCCESS) return JsonError(code);
  JsonShape& element_shape = shape.AddList();
  for (auto element : elements) {
    JsonValue each;
    code = element.get(each);
    if (code != simdjson::SUCCESS) return JsonError(code);
    TARN_CHECK_OK(Observe(each, element_shape, level + 1));
  }
  return {};
}

Result<> ObserveObject(JsonValue value, JsonShape& shape, int level) {
  simdjson::ondemand::object object;
  auto code = value.get_object().get(object);
  if (code != simdjson::SUCCESS) return JsonError(code);
  shape.AddObject();
  shape.BeginObject();
  for (auto field : object) {
    std::string_view key;
    code = field.unescaped_key().get(key);
    if (code != simdjson::SUCCESS) return JsonError(code);
    JsonShape& field_shape = *shape.FindOrAddField(key).shape;
    JsonValue each;
    code = field.value().get(each);
    if (code != simdjson::SUCCESS) return JsonError(code);
    TARN_CHECK_OK(Observe(each, field_shape, level + 1));
  }
  if (level == 0 && shape.fields().size() > kColumnsMax) {
    return InvalidArgument(
        fmt::format("the records have more than {} different keys", kColumnsMax));
  }
  return {};
}

Result<> Observe(JsonValue value, JsonShape& shape, int level) {
  json_type type = json_type::null;
  if (const auto code = value.type().get(type); code != simdjson::SUCCESS) return JsonError(code);
  if (level > kJsonLevelsMax && (type == json_type::array || type == json_type::object)) {
    shape.AddTooDeep();
    const auto code = simdjson::to_json_string(value).error();
    return code == simdjson::SUCCESS ? Result<>() : Result<>(JsonError(code));
  }
  switch (type) {
    case json_type::array:
      return ObserveList(value, shape, level);
    case json_type::object:
      return ObserveObject(value, shape, level);
    case json_type::number: {
      TARN_TRY(const std::string_view text, NumberText(value));
      shape.AddNumber(text);
      return {};
    }
    case json_type::string: {
      TARN_TRY(const std::string_view text, StringText(value));
      shape.AddString(text);
      return {};
    }
    case json_type::boolean: {
      TARN_TRY([[maybe_unused]] const bool is_true, IsTrue(value));
      shape.AddBoolean();
      return {};
    }
    case json_type::null:
      break;
  }
  bool is_null = false;
  const auto code = value.is_null().get(is_null);
  if (code != simdjson::SUCCESS || !is_null) return InvalidArgument("it is not JSON");
  shape.AddNull();
  return {};
}

Result<> ObserveFile(const JsonFile& file, const ReadHook& hook, JsonShape& shape,
                     uint64_t& row_count, bool& is_stream_of_arrays) {
  TARN_TRY(JsonRecords records, JsonRecords::Open(file, hook));
  JsonParser parser(file.text.path);
  JsonBatch batch;
  for (;;) {
    const Result<bool> has_records = records.Next(batch);
    is_stream_of_arrays = records.has_more_behind_array();
    if (!has_records.ok()) return has_records.error();
    if (!*has_records) return {};
    row_count += batch.records.size();
    TARN_CHECK_OK(parser.ForEach(
        batch, [&shape](JsonValue value, uint64_t) { return Observe(value, shape, 0); }));
  }
}

size_t LeavesOf(const duck::TextType& type) {
  if (type.kind == duck::TextType::Kind::kText) return 1;
  size_t leaves = type.kind == duck::TextType::Kind::kMap ? 1 : 0;
  for (const duck::TextType& child : type.children) leaves += LeavesOf(child);
  return leaves;
}

Error FileChangedError() {
  return {ErrorKind::kStale, "the file has changed while it was read: repeat the command"};
}

Result<> Write(JsonValue value, JsonShape& shape, duck::VectorWriter& out, uint64_t row);

Result<> WriteText(JsonValue value, const JsonShape& shape, json_type type, duck::VectorWriter& out,
                   uint64_t row) {
  std::string_view text;
  switch (type) {
    case json_type::string: {
      TARN_TRY(text, StringText(value));
      break;
    }
    case json_type::number: {
      TARN_TRY(text, NumberText(value));
      break;
    }
    case json_type::boolean: {
      TARN_TRY(const bool is_true, IsTrue(value));
      text = is_true ? "true" : "false";
      break;
    }
    default:
      return FileChangedError();
  }
  TARN_CHECK_OK(shape.CheckText(text));
  out.SetText(row, text);
  return {};
}

Result<> WriteJson(JsonValue value, duck::VectorWriter& out, uint64_t row) {
  std::string_view text;
  const auto code = simdjson::to_json_string(value).get(text);
  if (code != simdjson::SUCCESS) return JsonError(code);
  out.SetText(row, Trim(text));
  return {};
}

Result<> WriteList(JsonValue value, const JsonShape& shape, duck::VectorWriter& out, uint64_t row) {
  simdjson::ondemand::array elements;
  if (value.get_array().get(elements) != simdjson::SUCCESS) return FileChangedError();
  out.BeginList(row);
  for (auto element : elements) {
    JsonValue each;
    const auto code = element.get(each);
    if (code != simdjson::SUCCESS) return JsonError(code);
    const uint64_t at = out.AddElement(row);
    TARN_CHECK_OK(Write(each, shape.element(), out.element(), at));
  }
  return {};
}

// An object as a STRUCT, a MAP, or the columns of a row.
template <class Use>
Result<> ForEachField(JsonValue value, const Use& use) {
  simdjson::ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return FileChangedError();
  for (auto field : object) {
    std::string_view key;
    auto code = field.unescaped_key().get(key);
    JsonValue each;
    if (code == simdjson::SUCCESS) code = field.value().get(each);
    if (code != simdjson::SUCCESS) return JsonError(code);
    TARN_CHECK_OK(use(key, each));
  }
  return {};
}

template <class Writers>
Result<> WriteFields(JsonValue value, JsonShape& shape, const Writers& writers, uint64_t row) {
  shape.BeginObject();
  const auto& fields = shape.fields();
  TARN_CHECK_OK(ForEachField(value, [&](std::string_view key, JsonValue each) -> Result<> {
    const JsonShape::Field* field = shape.FindField(key);
    if (field == nullptr) return FileChangedError();
    return Write(each, *field->shape, writers(field - fields.data()), row);
  }));
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!shape.IsInObject(fields[i])) writers(i).SetNull(row);
  }
  return {};
}

Result<> WriteMap(JsonValue value, JsonShape& shape, duck::VectorWriter& out, uint64_t row) {
  out.BeginList(row);
  return ForEachField(value, [&](std::string_view key, JsonValue each) {
    const uint64_t at = out.AddElement(row);
    out.key().SetText(at, key);
    return Write(each, shape.element(), out.element(), at);
  });
}

Result<> Write(JsonValue value, JsonShape& shape, duck::VectorWriter& out, uint64_t row) {
  json_type type = json_type::null;
  if (const auto code = value.type().get(type); code != simdjson::SUCCESS) return JsonError(code);
  if (type == json_type::null) {
    bool is_null = false;
    if (value.is_null().get(is_null) != simdjson::SUCCESS) return FileChangedError();
    out.SetNull(row);
    return {};
  }
  switch (shape.form()) {
    case JsonShape::Form::kText:
      return WriteText(value, shape, type, out, row);
    case JsonShape::Form::kJson:
      return WriteJson(value, out, row);
    case JsonShape::Form::kList:
      return WriteList(value, shape, out, row);
    case JsonShape::Form::kMap:
      return WriteMap(value, shape, out, row);
    case JsonShape::Form::kStruct:
      break;
  }
  return WriteFields(
      value, shape, [&out](size_t i) -> duck::VectorWriter& { return out.field(i); }, row);
}

}  // namespace

class JsonRows::Reader : public duck::RowReader {
 public:
  explicit Reader(std::shared_ptr<const JsonRows> source) : source_(std::move(source)) {}

  Result<uint64_t> Read(std::vector<duck::VectorWriter>& columns, uint64_t rows_max) override;

 private:
  Result<uint64_t> ReadBatch(std::vector<duck::VectorWriter>& columns);

  std::shared_ptr<const JsonRows> source_;
  size_t file_ = 0;
  std::optional<JsonRecords> records_;
  std::optional<JsonParser> parser_;
  JsonBatch batch_;
};

Result<uint64_t> JsonRows::Reader::Read(std::vector<duck::VectorWriter>& columns,
                                        [[maybe_unused]] uint64_t rows_max) {
  Result<uint64_t> count = ReadBatch(columns);
  if (!count.ok()) {
    const std::lock_guard lock(source_->mutex_);
    source_->error_ = count.error();
  }
  return count;
}

Result<uint64_t> JsonRows::Reader::ReadBatch(std::vector<duck::VectorWriter>& columns) {
  static_assert(kBatchRecordsMax <= duck::Chunk::kRowsMax);
  for (; file_ < source_->files_.size(); ++file_) {
    const JsonFile& file = source_->files_[file_];
    if (!records_) {
      const ReadHook count = [bytes_read = source_->bytes_read_](uint64_t bytes) -> Result<> {
        *bytes_read += bytes;
        return {};
      };
      TARN_TRY(records_, JsonRecords::Open(file, count));
      parser_.emplace(file.text.path);
    }
    TARN_TRY(const bool has_records, records_->Next(batch_));
    if (has_records) break;
    records_.reset();
  }
  if (!records_) return uint64_t{0};
  JsonShape& shape = *source_->records_;
  const auto write = [&](JsonValue value, uint64_t row) -> Result<> {
    json_type type = json_type::null;
    const bool is_object = value.type().get(type) == simdjson::SUCCESS && type == json_type::object;
    if (!shape.IsRecord()) return Write(value, shape, columns[0], row);
    if (is_object) {
      return WriteFields(
          value, shape, [&](size_t i) -> duck::VectorWriter& { return columns[i]; }, row);
    }
    for (duck::VectorWriter& column : columns) column.SetNull(row);
    return {};
  };
  TARN_CHECK_OK(parser_->ForEach(batch_, write));
  return batch_.records.size();
}

Result<std::shared_ptr<JsonRows>> JsonRows::Read(const std::vector<std::string>& files,
                                                 const std::string& encoding,
                                                 const ReadHook& hook) {
  auto rows = std::make_shared<JsonRows>();
  for (const std::string& file : files) {
    rows->files_.push_back({.text = {.path = file, .encoding = encoding}});
    TARN_CHECK_OK(rows->ReadShape(rows->files_.back(), hook));
  }
  rows->records_->Finish(true, rows->notes_);
  TARN_CHECK_OK(rows->SetColumns());
  return rows;
}

Result<> JsonRows::ReadShape(JsonFile& file, const ReadHook& hook) {
  JsonShape shape;
  uint64_t row_count = 0;
  bool is_stream_of_arrays = false;
  Result<> read = ObserveFile(file, hook, shape, row_count, is_stream_of_arrays);
  if (is_stream_of_arrays) {
    file.layout = JsonLayout::kDocuments;
    shape = JsonShape();
    row_count = 0;
    read = ObserveFile(file, hook, shape, row_count, is_stream_of_arrays);
  }
  if (!read.ok()) return read;
  records_->Merge(shape);
  row_count_ += row_count;
  return read;
}

Result<> JsonRows::SetColumns() {
  if (records_->IsRecord()) {
    for (const JsonShape::Field& field : records_->fields()) {
      columns_.push_back({field.name, field.shape->Type()});
    }
  } else {
    columns_.push_back({"json", records_->Type()});
  }
  size_t leaves = 0;
  for (const Column& column : columns_) leaves += LeavesOf(column.type);
  if (leaves <= kColumnsMax) return {};
  return InvalidArgument(fmt::format(
      "the records have {} fields, with those of nested objects, and a dataset has at most {}",
      leaves, kColumnsMax));
}

const JsonShape& JsonRows::shape(size_t column) const {
  return records_->IsRecord() ? *records_->fields()[column].shape : *records_;
}

JsonShape& JsonRows::MutableShape(size_t column) {
  return records_->IsRecord() ? *records_->fields()[column].shape : *records_;
}

void JsonRows::KeepJson(size_t column) {
  JsonShape& shape = MutableShape(column);
  shape.KeepJson();
  columns_[column].type = shape.Type();
}

void JsonRows::SetRule(size_t column, ColumnRule rule) {
  MutableShape(column).SetRule(columns_[column].name, std::move(rule));
}

std::optional<Error> JsonRows::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

Result<std::unique_ptr<duck::RowReader>> JsonRows::Open() const {
  return std::unique_ptr<duck::RowReader>(std::make_unique<Reader>(shared_from_this()));
}

}  // namespace tarn::ingest
