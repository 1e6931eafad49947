#include "iceberg/partition_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "iceberg/avro_writer.h"

namespace tarn::iceberg {
namespace {

using nlohmann::ordered_json;

bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }

bool IsAvroNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || IsAsciiDigit(c);
}

int64_t ToInteger(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The days from 1970-01-01 to a date in the form "2026-01-31".
int64_t DaysOfDate(std::string_view text) {
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(ToInteger(text.substr(0, 4)))),
      std::chrono::month(static_cast<unsigned>(ToInteger(text.substr(5, 2)))),
      std::chrono::day(static_cast<unsigned>(ToInteger(text.substr(8, 2)))));
  return std::chrono::sys_days(date).time_since_epoch().count();
}

ordered_json PartitionAvroType(const PrimitiveType& type) {
  if (type.kind == PrimitiveType::Kind::kDate) return {{"type", "int"}, {"logicalType", "date"}};
  return type.kind == PrimitiveType::Kind::kLong ? "long" : "string";
}

}  // namespace

PrimitiveType PartitionType(const catalog::Partition& partition) {
  if (partition.type == "DATE") return {.kind = PrimitiveType::Kind::kDate};
  if (partition.type == "BIGINT") return {.kind = PrimitiveType::Kind::kLong};
  return {.kind = PrimitiveType::Kind::kString};
}

ordered_json PartitionFieldsJson(const PartitionSpec& spec) {
  ordered_json fields = ordered_json::array();
  for (const PartitionField& field : spec.fields) {
    fields.push_back({{"source-id", field.source_id},
                      {"field-id", field.field_id},
                      {"name", field.name},
                      {"transform", "identity"}});
  }
  return fields;
}

ordered_json PartitionRecordSchema(const PartitionSpec& spec) {
  ordered_json fields = ordered_json::array();
  for (const PartitionField& field : spec.fields) {
    fields.push_back({{"name", AvroName(field.name)},
                      {"type", ordered_json::array({"null", PartitionAvroType(field.type)})},
                      {"default", nullptr},
                      {"field-id", field.field_id}});
  }
  return {{"type", "record"}, {"name", "r102"}, {"fields", std::move(fields)}};
}

void AppendPartitionRecord(std::string& out, const PartitionSpec& spec, std::string_view path) {
  for (const PartitionField& field : spec.fields) {
    const std::optional<std::string> value = catalog::PartitionValue(path, field.key_name);
    if (!value) {
      AppendAvroNull(out);
      continue;
    }
    AppendAvroPresent(out);
    if (field.type.kind == PrimitiveType::Kind::kDate) {
      AppendAvroLong(out, DaysOfDate(*value));
    } else if (field.type.kind == PrimitiveType::Kind::kLong) {
      AppendAvroLong(out, ToInteger(*value));
    } else {
      AppendAvroBytes(out, *value);
    }
  }
}

std::string AvroName(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const size_t bytes = std::max<size_t>(Utf8SequenceLength(name), 1);
    if (bytes == 1 && IsAvroNameCharacter(name[0])) {
      if (out.empty() && IsAsciiDigit(name[0])) out += '_';
      out += name[0];
    } else {
      const auto code = bytes == 1 ? static_cast<uint8_t>(name[0])
                                   : static_cast<uint32_t>(Utf8CodePoint(name.substr(0, bytes)));
      out += fmt::format("_x{:X}", code);
    }
    name.remove_prefix(bytes);
  }
  return out;
}

}  // namespace tarn::iceberg
