#include "catalog/manifest.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/text.h"

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
    return InvalidArgument(field + ".key: must not hold a NUL character");
  }
  if (object.size_bytes && *object.size_bytes < 0) {
    return InvalidArgument(field + ".size: must not be negative");
  }
  return ValidateText(object.etag, kEtagBytesMax, field + ".etag");
}

}  // namespace

Result<> ValidateName(std::string_view name) {
  if (name.empty()) return InvalidArgument("name: must not be empty");
  if (name.size() > kNameBytesMax) {
    return InvalidArgument(fmt::format("name: {} bytes, at most {}", name.size(), kNameBytesMax));
  }
  if (!IsValidUtf8(name)) return InvalidArgument("name: is not UTF-8");
  if (HasControlCharacter(name)) {
    return InvalidArgument("name: must not hold control characters");
  }
  return {};
}

Result<> Validate(const DatasetContent& content) {
  if (content.objects.empty()) return InvalidArgument("objects: must name at least one object");
  std::unordered_set<std::string_view> keys;
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
  return ValidateText(content.schema_fingerprint, kFingerprintBytesMax, "schema_fingerprint");
}

}  // namespace tarn::catalog
