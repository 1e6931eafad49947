#include "catalog/manifest_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/json_text.h"
#include "base/text.h"
#include "catalog/changes_reader.h"

namespace tarn::catalog {
namespace {

using Json = nlohmann::json;

Error FieldError(const std::string& field, std::string_view why) {
  return InvalidArgument(fmt::format("{}: {}", field, why));
}

// The maximum number of JSON values in the body of a restore request.
constexpr size_t kRestoreValuesMax = 100;

Result<Json> Parse(std::string_view text, size_t values_max) {
  Result<Json> json = ParseBoundedJson(text, {.values = values_max});
  if (!json.ok() && json.error().kind == ErrorKind::kInvalidArgument) {
    return json.error().Wrap("not JSON");
  }
  return json;
}

Result<> RejectUnknownFields(const Json& object, std::initializer_list<std::string_view> known,
                             const std::string& prefix) {
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return FieldError(prefix + item.key(), "unknown field");
    }
  }
  return {};
}

Result<std::optional<int64_t>> OptionalInteger(const Json& object, const char* name,
                                               const std::string& prefix) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::optional<int64_t>();
  const bool fits = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->get<uint64_t>() <= INT64_MAX);
  if (!fits) return FieldError(prefix + name, "must be a whole number");
  return std::optional(found->get<int64_t>());
}

// Returns 0 if the field is missing.
Result<uint64_t> OptionalCount(const Json& object, const char* name, const std::string& prefix) {
  TARN_TRY(const std::optional<int64_t> count, OptionalInteger(object, name, prefix));
  if (count && *count < 0) return FieldError(prefix + name, "must not be negative");
  return static_cast<uint64_t>(count.value_or(0));
}

Result<std::optional<std::string>> OptionalText(const Json& object, const char* name,
                                                const std::string& prefix) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::optional<std::string>();
  if (!found->is_string()) return FieldError(prefix + name, "must be a string");
  return std::optional(found->get<std::string>());
}

Result<std::optional<bool>> OptionalBool(const Json& object, const char* name,
                                         const std::string& prefix) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::optional<bool>();
  if (!found->is_boolean()) return FieldError(prefix + name, "must be true or false");
  return std::optional(found->get<bool>());
}

Result<ObjectRef> ReadObject(const Json& json, const std::string& field) {
  if (!json.is_object()) return FieldError(field, "must be an object with a \"key\"");
  TARN_CHECK_OK(RejectUnknownFields(json, {"key", "size", "etag"}, field + "."));
  ObjectRef object;
  TARN_TRY(std::optional<std::string> key, OptionalText(json, "key", field + "."));
  if (!key) return FieldError(field + ".key", "is missing");
  object.key = std::move(*key);
  TARN_TRY(object.size_bytes, OptionalInteger(json, "size", field + "."));
  TARN_TRY(object.etag, OptionalText(json, "etag", field + "."));
  return object;
}

Result<Column> ReadColumn(const Json& json, const std::string& field) {
  if (!json.is_object())
    return FieldError(field, "must be an object with a \"name\" and a \"type\"");
  TARN_CHECK_OK(RejectUnknownFields(json, {"name", "type", "nullable"}, field + "."));
  Column column;
  TARN_TRY(std::optional<std::string> name, OptionalText(json, "name", field + "."));
  if (!name) return FieldError(field + ".name", "is missing");
  column.name = std::move(*name);
  TARN_TRY(std::optional<std::string> type, OptionalText(json, "type", field + "."));
  if (!type) return FieldError(field + ".type", "is missing");
  column.type = std::move(*type);
  TARN_TRY(column.nullable, OptionalBool(json, "nullable", field + "."));
  return column;
}

Result<std::optional<std::vector<Column>>> ReadSchema(const Json& json) {
  const auto found = json.find("schema");
  if (found == json.end() || found->is_null()) return std::optional<std::vector<Column>>();
  if (!found->is_array()) return FieldError("schema", "must be a list");
  std::vector<Column> columns;
  columns.reserve(found->size());
  for (size_t i = 0; i < found->size(); ++i) {
    TARN_TRY(Column column, ReadColumn((*found)[i], fmt::format("schema[{}]", i)));
    columns.push_back(std::move(column));
  }
  return std::optional(std::move(columns));
}

Result<DatasetContent> ReadContent(const Json& json) {
  DatasetContent content;
  const auto objects = json.find("objects");
  if (objects == json.end()) return FieldError("objects", "is missing");
  if (!objects->is_array()) return FieldError("objects", "must be a list");
  content.objects.reserve(objects->size());
  for (size_t i = 0; i < objects->size(); ++i) {
    TARN_TRY(ObjectRef object, ReadObject((*objects)[i], fmt::format("objects[{}]", i)));
    content.objects.push_back(std::move(object));
  }
  TARN_TRY(content.row_count, OptionalInteger(json, "row_count", ""));
  TARN_TRY(content.schema_fingerprint, OptionalText(json, "schema_fingerprint", ""));
  TARN_TRY(content.schema, ReadSchema(json));
  return content;
}

void AppendObject(std::string& out, const ObjectRef& object) {
  out += R"({"key":)";
  AppendJsonText(out, object.key);
  if (object.size_bytes)
    fmt::format_to(std::back_inserter(out), ",\"size\":{}", *object.size_bytes);
  if (object.etag) {
    out += ",\"etag\":";
    AppendJsonText(out, *object.etag);
  }
  out += '}';
}

void AppendColumn(std::string& out, const Column& column) {
  out += R"({"name":)";
  AppendJsonText(out, column.name);
  out += ",\"type\":";
  AppendJsonText(out, column.type);
  if (column.nullable) out += *column.nullable ? ",\"nullable\":true" : ",\"nullable\":false";
  out += '}';
}

template <class Item>
void AppendItems(std::string& out, const std::vector<Item>& items,
                 void (*append)(std::string& out, const Item& item)) {
  out += '[';
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ',';
    append(out, items[i]);
  }
  out += ']';
}

void AppendManifests(std::string& out, const std::vector<Manifest>& manifests) {
  for (size_t i = 0; i < manifests.size(); ++i) {
    if (i > 0) out += ',';
    AppendManifest(out, manifests[i], FormatDatasetContent(manifests[i].content));
  }
}

std::string BeginList(const std::string& catalog_id, uint64_t revision) {
  return fmt::format(R"({{"catalog_id":{},"revision":{},)", JsonText(catalog_id), revision);
}

// Removes exactly `width` digits from the front of `text`.
bool ConsumeDigits(std::string_view& text, size_t width, int& value) {
  if (text.size() < width) return false;
  value = 0;
  for (size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return true;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<DatasetContent> ParseDatasetContent(std::string_view json, size_t values_max) {
  TARN_TRY(const Json parsed, Parse(json, values_max));
  if (!parsed.is_object()) return InvalidArgument("body: must be a JSON object with \"objects\"");
  TARN_CHECK_OK(
      RejectUnknownFields(parsed, {"objects", "row_count", "schema_fingerprint", "schema"}, ""));
  TARN_TRY(DatasetContent content, ReadContent(parsed));
  TARN_CHECK_OK(Validate(content));
  return content;
}

Result<RestoreRequest> ParseRestoreRequest(std::string_view json) {
  TARN_TRY(const Json parsed, Parse(json, kRestoreValuesMax));
  if (!parsed.is_object()) return InvalidArgument("body: must be a JSON object with \"version\"");
  TARN_CHECK_OK(RejectUnknownFields(parsed, {"version", "dataset_id"}, ""));
  RestoreRequest request;
  TARN_TRY(request.version, OptionalCount(parsed, "version", ""));
  if (request.version == 0) return FieldError("version", "must be a whole number from 1");
  TARN_TRY(std::optional<std::string> id, OptionalText(parsed, "dataset_id", ""));
  request.dataset_id = std::move(id).value_or("");
  return request;
}

// Without a tree of JSON values, which takes several times the time and memory of the text.
std::string FormatDatasetContent(const DatasetContent& content) {
  std::string out = "{\"objects\":";
  AppendItems(out, content.objects, AppendObject);
  fmt::format_to(std::back_inserter(out), ",\"row_count\":{},\"schema_fingerprint\":",
                 content.row_count ? fmt::format("{}", *content.row_count) : "null");
  if (content.schema_fingerprint) {
    AppendJsonText(out, *content.schema_fingerprint);
  } else {
    out += "null";
  }
  if (content.schema) {
    out += ",\"schema\":";
    AppendItems(out, *content.schema, AppendColumn);
  }
  return out + '}';
}

std::string JsonText(std::string_view text) {
  std::string out;
  AppendJsonText(out, text);
  return out;
}

void AppendManifestStart(std::string& out, const Manifest& manifest) {
  fmt::format_to(std::back_inserter(out), R"({{"name":{},"dataset_id":{},"version":{},)",
                 JsonText(manifest.name), JsonText(manifest.dataset_id), manifest.version);
}

void AppendManifestEnd(std::string& out, const Manifest& manifest) {
  fmt::format_to(std::back_inserter(out), R"(,"created_at":"{}","updated_at":"{}")",
                 FormatRfc3339(manifest.created_at), FormatRfc3339(manifest.updated_at));
  if (!manifest.changed_by.empty()) out += ",\"changed_by\":" + JsonText(manifest.changed_by);
  out += '}';
}

void AppendManifest(std::string& out, const Manifest& manifest, std::string_view content) {
  AppendManifestStart(out, manifest);
  // The fields of the content, without its braces.
  out +=
      content.substr(std::min<size_t>(content.size(), 1), std::max<size_t>(content.size(), 2) - 2);
  AppendManifestEnd(out, manifest);
}

std::string FormatManifest(const Manifest& manifest) {
  std::string out;
  AppendManifest(out, manifest, FormatDatasetContent(manifest.content));
  return out;
}

std::string FormatSnapshot(const Snapshot& snapshot) {
  std::string out = BeginList(snapshot.catalog_id, snapshot.revision) + "\"manifests\":[";
  AppendManifests(out, snapshot.manifests);
  return out + "]}";
}

Result<Snapshot> ParseSnapshot(std::string_view json) {
  TARN_TRY(Changes all, ParseChanges(json));
  if (all.since) return InvalidArgument("since: unexpected in a complete catalogue");
  return Snapshot{.revision = all.position.revision,
                  .manifests = std::move(all.manifests),
                  .catalog_id = std::move(all.position.catalog_id)};
}

std::string FormatChanges(const Changes& changes) {
  std::string out = BeginList(changes.position.catalog_id, changes.position.revision);
  if (changes.since) out += fmt::format("\"since\":{},", *changes.since);
  out += "\"manifests\":[";
  AppendManifests(out, changes.manifests);
  out += ']';
  if (changes.since) out += ",\"deleted\":" + Json(changes.deleted).dump();
  return out + "}";
}

Result<Changes> ParseChanges(std::string_view json, size_t values_max) {
  return ReadChanges(json, values_max);
}

Result<UnixMicros> ParseRfc3339(std::string_view text) {
  const std::string whole(text);
  const auto bad = [&] { return InvalidArgument("not an RFC 3339 time: \"" + whole + "\""); };
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!ConsumeDigits(text, 4, year) || !Take(text, '-') || !ConsumeDigits(text, 2, month) ||
      !Take(text, '-') || !ConsumeDigits(text, 2, day) ||
      !(Take(text, 'T') || Take(text, 't') || Take(text, ' ')) || !ConsumeDigits(text, 2, hour) ||
      !Take(text, ':') || !ConsumeDigits(text, 2, minute) || !Take(text, ':') ||
      !ConsumeDigits(text, 2, second)) {
    return bad();
  }
  int micros = 0;
  if (Take(text, '.')) {
    int scale = 100'000;
    size_t digits = 0;
    for (int digit = 0; ConsumeDigits(text, 1, digit); ++digits, scale /= 10)
      micros += digit * scale;
    if (digits == 0) return bad();
  }
  int offset_minutes = 0;
  if (!Take(text, 'Z') && !Take(text, 'z')) {
    const bool west = !text.empty() && text.front() == '-';
    int offset_hour = 0;
    int offset_minute = 0;
    if (!(Take(text, '+') || Take(text, '-')) || !ConsumeDigits(text, 2, offset_hour) ||
        !Take(text, ':') || !ConsumeDigits(text, 2, offset_minute) || offset_hour > 23 ||
        offset_minute > 59) {
      return bad();
    }
    offset_minutes = (offset_hour * 60 + offset_minute) * (west ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!text.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  return UnixMicros(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute - offset_minutes) + std::chrono::seconds(second) +
         std::chrono::microseconds(micros);
}

}  // namespace tarn::catalog
