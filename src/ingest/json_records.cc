#include "ingest/json_records.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "ingest/limits.h"

namespace tarn::ingest {
namespace {

constexpr size_t kBatchBytes = 1024 * 1024;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool EndsScalar(char c) {
  return IsSpace(c) || c == ',' || c == ']' || c == '[' || c == '{' || c == '}' || c == '"';
}

}  // namespace

Result<JsonRecords> JsonRecords::Open(const JsonFile& file, const ReadHook& hook) {
  TARN_TRY(TextReader text, TextReader::Open(file.text, hook));
  return JsonRecords(file.text.path, std::move(text), file.layout);
}

Error JsonRecords::ErrorAt(std::string_view fault) const {
  return InvalidArgument(fmt::format("\"{}\", line {}: {}", path_, line_, fault));
}

Result<> JsonRecords::Finish() {
  if (state_ == State::kIn && is_scalar_) state_ = State::kBehind;
  if (state_ == State::kIn) return ErrorAt("the file is cut off within a record");
  if (is_array_ && state_ != State::kEnd) {
    return ErrorAt("the file is cut off: its array has no end");
  }
  return {};
}

bool JsonRecords::CanBegin(char c) const {
  return !is_array_ || (state_ == State::kBefore && c != ',' && c != ']');
}

void JsonRecords::BeginRecord(char c, JsonBatch& batch) {
  batch.text += batch.records.empty() ? '[' : ',';
  batch.records.push_back({.offset = batch.text.size(), .line = line_});
  state_ = State::kIn;
  needs_value_ = false;
  record_bytes_ = 0;
  is_scalar_ = c != '{' && c != '[' && c != '"';
  depth_ = 0;
}

Result<> JsonRecords::TakeSeparator(char c) {
  if (state_ == State::kEnd) {
    has_more_behind_array_ = true;
    return ErrorAt("there is data after the end of the array");
  }
  if (c == ',' && state_ == State::kBehind) {
    state_ = State::kBefore;
    needs_value_ = true;
    return {};
  }
  if (c == ']' && !needs_value_) {
    state_ = State::kEnd;
    return {};
  }
  if (c == ',' || c == ']') return ErrorAt("there is no value after a comma");
  return ErrorAt("a comma is missing between two values");
}

Result<> JsonRecords::TakeBetween(JsonBatch& batch) {
  const char c = block_[at_];
  if (IsSpace(c)) {
    if (c == '\n') ++line_;
    ++at_;
    return {};
  }
  if (state_ == State::kStart) {
    is_array_ = c == '[' && layout_ == JsonLayout::kFound;
    state_ = State::kBefore;
    if (is_array_) {
      ++at_;
      return {};
    }
  }
  if (CanBegin(c)) {
    BeginRecord(c, batch);
    return {};
  }
  ++at_;
  return TakeSeparator(c);
}

size_t JsonRecords::EndOfScalar(size_t from) {
  size_t i = from;
  while (i < block_.size() && !EndsScalar(block_[i])) ++i;
  if (i < block_.size()) state_ = State::kBehind;
  return i;
}

size_t JsonRecords::EndOfString(size_t from) {
  for (size_t i = from; i < block_.size(); ++i) {
    const char c = block_[i];
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (c == '\\') {
      is_escaped_ = true;
    } else if (c == '"') {
      is_in_string_ = false;
      return i + 1;
    }
  }
  return block_.size();
}

size_t JsonRecords::EndOfNested(size_t from) {
  size_t i = from;
  while (i < block_.size()) {
    if (is_in_string_) {
      i = EndOfString(i);
      if (is_in_string_ || depth_ > 0) continue;
      state_ = State::kBehind;
      return i;
    }
    const char c = block_[i++];
    if (c == '"') {
      is_in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      state_ = State::kBehind;
      return i;
    } else if (c == '\n') {
      ++line_;
    }
  }
  return i;
}

Result<> JsonRecords::TakeRecord(JsonBatch& batch) {
  const size_t end = is_scalar_ ? EndOfScalar(at_) : EndOfNested(at_);
  if (end == at_ && record_bytes_ == 0) {
    return ErrorAt(fmt::format("there is no value at \"{}\"", block_[at_]));
  }
  batch.text += block_.substr(at_, end - at_);
  record_bytes_ += end - at_;
  at_ = end;
  if (record_bytes_ > kRecordBytesMax) return ErrorAt("a record is larger than 256 MiB");
  return {};
}

Result<bool> JsonRecords::Next(JsonBatch& batch) {
  batch.text.clear();
  batch.records.clear();
  const auto is_full = [&batch] {
    return batch.text.size() >= kBatchBytes || batch.records.size() == kBatchRecordsMax;
  };
  while (state_ == State::kIn || !is_full()) {
    if (at_ == block_.size()) {
      TARN_TRY(block_, text_.Next());
      at_ = 0;
      if (block_.empty()) {
        TARN_CHECK_OK(Finish());
        break;
      }
    }
    if (state_ == State::kIn) {
      TARN_CHECK_OK(TakeRecord(batch));
    } else {
      TARN_CHECK_OK(TakeBetween(batch));
    }
  }
  if (batch.records.empty()) return false;
  batch.text += ']';
  batch.length = batch.text.size();
  batch.text.append(simdjson::SIMDJSON_PADDING, ' ');
  return true;
}

}  // namespace tarn::ingest
