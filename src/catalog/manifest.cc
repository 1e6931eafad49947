#include "catalog/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/text_hash.h"

namespace tarn::catalog {
namespace {

Result<> ValidateText(const std::optional<std::string>& text, size_t bytes_max,
                      const std::string& field) {
  if (!text) return {};
  if (text->size() > bytes_max) {
    return InvalidArgument(fmt::format("{}: {} bytes, at most {}", field, text->size(), bytes_max));
  }
  if (!IsValidUtf8(*text)) return InvalidArgument(field + ": is not UTF-8");
  return {};
}

Result<> ValidateObject(const ObjectRef& object, const std::string& field) {
  if (object.key.empty()) return InvalidArgument(field + ".key: must not be empty");
  TARN_CHECK_OK(ValidateText(object.key, kKeyBytesMax, field + ".key"));
  if (object.key.find('\0') != std::string::npos) {
    return InvalidArgument(field + ".key: must not contain a NUL character");
  }
  if (object.size_bytes && *object.size_bytes < 0) {
    return InvalidArgument(field + ".size: must not be negative");
  }
  return ValidateText(object.etag, kEtagBytesMax, field + ".etag");
}

Result<> ValidateColumn(const Column& column, const std::string& field) {
  if (column.name.empty()) return InvalidArgument(field + ".name: must not be empty");
  TARN_CHECK_OK(ValidateText(column.name, kColumnNameBytesMax, field + ".name"));
  if (column.name.find('\0') != std::string::npos) {
    return InvalidArgument(field + ".name: must not contain a NUL character");
  }
  if (column.type.empty()) return InvalidArgument(field + ".type: must not be empty");
  TARN_CHECK_OK(ValidateText(column.type, kColumnTypeBytesMax, field + ".type"));
  if (HasControlCharacter(column.type)) {
    return InvalidArgument(field + ".type: must not contain control characters");
  }
  return {};
}

bool IsCatalogId(std::string_view text) {
  constexpr size_t kLengthMax = 128;
  return !text.empty() && text.size() <= kLengthMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_';
         });
}

}  // namespace

std::string Position::Text() const {
  return catalog_id.empty() ? "" : fmt::format("{}.{}", catalog_id, revision);
}

std::optional<Position> Position::Parse(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || !IsCatalogId(text.substr(0, dot))) return std::nullopt;
  Position position{.catalog_id = std::string(text.substr(0, dot))};
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data() + dot + 1, end, position.revision);
  // SQLite's integers end at 2^63 - 1.
  if (code != std::errc() || stop != end || position.revision > INT64_MAX) return std::nullopt;
  return position;
}

Result<> ValidateName(std::string_view name) {
  if (name.empty()) return InvalidArgument("name: must not be empty");
  if (name.size() > kNameBytesMax) {
    return InvalidArgument(fmt::format("name: {} bytes, at most {}", name.size(), kNameBytesMax));
  }
  if (!IsValidUtf8(name)) return InvalidArgument("name: is not UTF-8");
  if (HasControlCharacter(name)) {
    return InvalidArgument("name: must not contain control characters");
  }
  return {};
}

Result<> ValidateSchema(const std::vector<Column>& columns) {
  if (columns.empty()) return InvalidArgument("schema: must name at least one column");
  if (columns.size() > kColumnsMax) {
    return InvalidArgument(
        fmt::format("schema: {} columns, at most {}", columns.size(), kColumnsMax));
  }
  TextViewSet names;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string field = fmt::format("schema[{}]", i);
    TARN_CHECK_OK(ValidateColumn(columns[i], field));
    if (!names.insert(columns[i].name).second) {
      return InvalidArgument(field + ".name: is named twice");
    }
  }
  return {};
}

Result<> Validate(const DatasetContent& content) {
  if (content.objects.empty()) return InvalidArgument("objects: must name at least one object");
  TextViewSet keys;
  for (size_t i = 0; i < content.objects.size(); ++i) {
    const std::string field = fmt::format("objects[{}]", i);
    TARN_CHECK_OK(ValidateObject(content.objects[i], field));
    if (!keys.insert(content.objects[i].key).second) {
      return InvalidArgument(field + ".key: is named twice");
    }
  }
  if (content.row_count && *content.row_count < 0) {
    return InvalidArgument("row_count: must not be negative");
  }
  TARN_CHECK_OK(
      ValidateText(content.schema_fingerprint, kFingerprintBytesMax, "schema_fingerprint"));
  return content.schema ? ValidateSchema(*content.schema) : Result<>();
}

}  // namespace tarn::catalog
