#include "duck/text_batches.h"

#include <arrow/c/abi.h>
#include <duckdb.h>

#include <array>
#include <exception>
#include <utility>

#include "duck/database.h"

namespace tarn::duck {
namespace {

constexpr uint8_t kAllValid = 0xFF;
constexpr const char* kTextFormat = "U";
constexpr const char* kStructFormat = "+s";

}  // namespace

void TextBatch::AddNull(size_t column) {
  Column& to = columns_[column];
  to.validity.resize(rows_ / 8 + 1, kAllValid);
  to.validity[rows_ / 8] &= static_cast<uint8_t>(~(1U << (rows_ % 8)));
  ++to.nulls;
  to.ends.push_back(static_cast<int64_t>(to.bytes.size()));
}

struct TextBatchStream::State {
  // A batch with the arrays that point into it. Deleted by the release of its array.
  struct Exported {
    TextBatch batch;
    std::vector<ArrowArray> children;
    std::vector<ArrowArray*> pointers;
    std::vector<std::array<const void*, 3>> buffers;
    std::array<const void*, 1> struct_buffers = {nullptr};
  };

  // Begins a new pass, because DuckDB asks for the schema before it reads.
  static int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
    auto* state = static_cast<State*>(stream->private_data);
    state->reader.reset();
    *out = {.format = kStructFormat,
            .name = "",
            .metadata = nullptr,
            .flags = 0,
            .n_children = static_cast<int64_t>(state->schema_pointers.size()),
            .children = state->schema_pointers.data(),
            .dictionary = nullptr,
            .release = [](ArrowSchema* schema) { schema->release = nullptr; },
            .private_data = nullptr};
    return 0;
  }

  static int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
    auto* state = static_cast<State*>(stream->private_data);
    try {
      Result<TextBatch> batch = state->Next();
      if (batch.ok()) {
        Export(std::move(*batch), out);
        return 0;
      }
      state->error = batch.error().message;
    } catch (const std::exception& error) {
      state->error = error.what();
    }
    return -1;
  }

  static const char* GetError(ArrowArrayStream* stream) {
    return static_cast<State*>(stream->private_data)->error.c_str();
  }

  static void Export(TextBatch batch, ArrowArray* out) {
    *out = {};
    if (batch.rows_ == 0) return;
    auto* exported = new Exported{.batch = std::move(batch)};
    const auto rows = static_cast<int64_t>(exported->batch.rows_);
    exported->buffers.reserve(exported->batch.columns_.size());
    for (TextBatch::Column& column : exported->batch.columns_) {
      column.validity.resize((rows + 7) / 8, kAllValid);
      const void* validity = column.nulls == 0 ? nullptr : column.validity.data();
      exported->buffers.push_back({validity, column.ends.data(), column.bytes.data()});
      exported->children.push_back({.length = rows,
                                    .null_count = column.nulls,
                                    .offset = 0,
                                    .n_buffers = 3,
                                    .n_children = 0,
                                    .buffers = exported->buffers.back().data(),
                                    .children = nullptr,
                                    .dictionary = nullptr,
                                    .release = [](ArrowArray* array) { array->release = nullptr; },
                                    .private_data = nullptr});
    }
    for (ArrowArray& child : exported->children) exported->pointers.push_back(&child);
    *out = {.length = rows,
            .null_count = 0,
            .offset = 0,
            .n_buffers = 1,
            .n_children = static_cast<int64_t>(exported->pointers.size()),
            .buffers = exported->struct_buffers.data(),
            .children = exported->pointers.data(),
            .dictionary = nullptr,
            .release =
                [](ArrowArray* array) {
                  delete static_cast<Exported*>(array->private_data);
                  array->release = nullptr;
                },
            .private_data = exported};
  }

  Result<TextBatch> Next() {
    if (reader == nullptr) {
      TARN_TRY(reader, source->Open());
    }
    return reader->Next();
  }

  std::shared_ptr<const TextBatchSource> source;
  std::unique_ptr<TextBatchReader> reader;
  std::string error;
  std::vector<ArrowSchema> schemas;
  std::vector<ArrowSchema*> schema_pointers;
  ArrowArrayStream stream = {};
};

TextBatchStream::TextBatchStream(std::shared_ptr<const TextBatchSource> source)
    : state_(std::make_unique<State>()) {
  constexpr int64_t kNullable = 2;
  state_->source = std::move(source);
  for (const std::string& name : state_->source->columns()) {
    state_->schemas.push_back({.format = kTextFormat,
                               .name = name.c_str(),
                               .metadata = nullptr,
                               .flags = kNullable,
                               .n_children = 0,
                               .children = nullptr,
                               .dictionary = nullptr,
                               .release = [](ArrowSchema* schema) { schema->release = nullptr; },
                               .private_data = nullptr});
  }
  for (ArrowSchema& schema : state_->schemas) state_->schema_pointers.push_back(&schema);
  state_->stream = {.get_schema = &State::GetSchema,
                    .get_next = &State::GetNext,
                    .get_last_error = &State::GetError,
                    .release = [](ArrowArrayStream* stream) { stream->release = nullptr; },
                    .private_data = state_.get()};
}

TextBatchStream::~TextBatchStream() = default;

void* TextBatchStream::arrow_stream() { return &state_->stream; }

Result<> Connection::RegisterBatches(const std::string& name,
                                     std::shared_ptr<const TextBatchSource> source) {
  auto stream = std::make_shared<TextBatchStream>(std::move(source));
  const duckdb_state state =
      duckdb_arrow_scan(static_cast<duckdb_connection>(connection_), name.c_str(),
                        static_cast<duckdb_arrow_stream>(stream->arrow_stream()));
  if (state != DuckDBSuccess) return Internal("DuckDB refuses the view \"" + name + "\"");
  streams_.push_back(std::move(stream));
  return {};
}

}  // namespace tarn::duck
