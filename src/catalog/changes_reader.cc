#include "catalog/changes_reader.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bounded_json.h"
#include "catalog/manifest_json.h"

namespace tarn::catalog {
namespace {

using Json = nlohmann::json;

// A value that is neither a list nor an object.
struct Scalar {
  std::string* text = nullptr;         // Null if not a string.
  std::optional<int64_t> number = {};  // nullopt unless a signed 64-bit integer.
  std::optional<bool> boolean = {};
  bool is_null = false;
};

constexpr const char* kNotNames = "must be a list of names";

// Builds a Changes from the events of the JSON parser. Ignores unknown fields.
class ChangesReader : public nlohmann::json_sax<Json> {
 public:
  explicit ChangesReader(size_t values_max) : values_max_(values_max) {}

  Result<Changes> Finish(bool is_complete) {
    if (error_) return std::move(*error_);
    if (!is_complete) return InvalidArgument("not JSON: incomplete");
    if (!has_manifests_) return InvalidArgument("manifests: is missing");
    if (!changes_.since) {
      changes_.deleted.clear();
    } else if (!deleted_problem_.empty()) {
      return InvalidArgument("deleted: " + deleted_problem_);
    }
    return std::move(changes_);
  }

  bool null() override { return Count() && Take({.is_null = true}); }
  bool boolean(bool value) override { return Count() && Take({.boolean = value}); }
  bool number_integer(number_integer_t value) override {
    return Count() && Take({.number = value});
  }
  bool number_unsigned(number_unsigned_t value) override {
    Scalar scalar;
    if (value <= INT64_MAX) scalar.number = static_cast<int64_t>(value);
    return Count() && Take(scalar);
  }
  bool number_float(number_float_t, const std::string&) override { return Count() && Take({}); }
  bool string(std::string& value) override { return Count() && Take({.text = &value}); }
  bool binary(Json::binary_t&) override { return Count() && Take({}); }
  bool start_object(size_t) override { return Enter(/*is_list=*/false); }
  bool start_array(size_t) override { return Enter(/*is_list=*/true); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    return Fail(InvalidArgument("not JSON: " + JsonReason(error.what())));
  }

 private:
  // The kind of a list or object that the parser is in.
  enum class Container : uint8_t {
    kRoot,
    kManifests,
    kManifest,
    kObjects,
    kObject,
    kSchema,
    kColumn,
    kDeleted,
    kIgnored
  };

  bool Fail(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }
  // Fails with an error about the field that was read last. Always returns false.
  bool FailField(std::string_view why) { return FailAt(Prefix() + key_, why); }
  bool FailAt(const std::string& field, std::string_view why) {
    return Fail(InvalidArgument(fmt::format("{}: {}", field, why)));
  }
  std::string ManifestField() const {
    return fmt::format("manifests[{}]", changes_.manifests.size() - 1);
  }
  std::string ObjectField() const {
    return fmt::format("{}.objects[{}]", ManifestField(),
                       changes_.manifests.back().content.objects.size() - 1);
  }
  std::string Prefix() const {
    if (open_.back() == Container::kManifest) return ManifestField() + ".";
    if (open_.back() == Container::kObject) return ObjectField() + ".";
    return "";
  }

  bool Count() { return ++values_ <= values_max_ || Fail(JsonTooManyValuesError(values_max_)); }

  bool Enter(bool is_list) {
    if (open_.size() >= kJsonDepthMax) {
      return Fail(JsonTooDeepError(kJsonDepthMax).Wrap("not JSON"));
    }
    if (!Count()) return false;
    if (open_.empty()) {
      if (is_list) return FailRoot();
      open_.push_back(Container::kRoot);
      return true;
    }
    const std::optional<Container> container = ContainerAt(is_list);
    if (!container && !Take({})) return false;  // Only a scalar is allowed here.
    open_.push_back(container.value_or(Container::kIgnored));
    return !container || Begin(*container);
  }

  bool FailRoot() { return Fail(InvalidArgument("must be a JSON object with \"manifests\"")); }

  // Returns the kind of a list or object that begins here, or nullopt if only a scalar is allowed.
  std::optional<Container> ContainerAt(bool is_list) const {
    switch (open_.back()) {
      case Container::kRoot:
        if (key_ == "manifests" && is_list) return Container::kManifests;
        if (key_ == "deleted" && is_list) return Container::kDeleted;
        return IsRootField(key_) ? std::nullopt : std::optional(Container::kIgnored);
      case Container::kManifests:
        return is_list ? std::nullopt : std::optional(Container::kManifest);
      case Container::kManifest:
        if (key_ == "objects" && is_list) return Container::kObjects;
        if (key_ == "schema") return is_list ? Container::kSchema : Container::kIgnored;
        return IsManifestField(key_) ? std::nullopt : std::optional(Container::kIgnored);
      case Container::kObjects:
        return is_list ? std::nullopt : std::optional(Container::kObject);
      case Container::kObject:
        return IsObjectField(key_) ? std::nullopt : std::optional(Container::kIgnored);
      case Container::kSchema:
        return is_list ? Container::kIgnored : Container::kColumn;
      case Container::kColumn:
      case Container::kDeleted:
      case Container::kIgnored:
        return Container::kIgnored;
    }
    return Container::kIgnored;
  }
  static bool IsRootField(std::string_view key) {
    return key == "manifests" || key == "deleted" || key == "revision" || key == "catalog_id" ||
           key == "since";
  }
  static bool IsManifestField(std::string_view key) {
    return key == "name" || key == "dataset_id" || key == "objects" || key == "row_count" ||
           key == "schema_fingerprint" || key == "updated_at" || key == "created_at" ||
           key == "version" || key == "changed_by";
  }
  static bool IsObjectField(std::string_view key) {
    return key == "key" || key == "size" || key == "etag";
  }

  // If a name occurs twice in an object, the last value wins.
  bool Begin(Container container) {
    switch (container) {
      case Container::kManifests:
        changes_.manifests.clear();
        has_manifests_ = true;
        break;
      case Container::kDeleted:
        changes_.deleted.clear();
        deleted_problem_.clear();
        break;
      case Container::kManifest:
        changes_.manifests.emplace_back();
        has_ = {};
        break;
      case Container::kObjects:
        Content().objects.clear();
        has_.objects = true;
        break;
      case Container::kObject:
        Content().objects.emplace_back();
        has_.key = false;
        break;
      case Container::kSchema:
        Content().schema.emplace();
        is_schema_bad_ = false;
        break;
      case Container::kColumn:
        Content().schema->emplace_back();
        has_.column_name = has_.column_type = false;
        break;
      case Container::kIgnored:
        if (IsPartOfSchema(open_[open_.size() - 2])) InvalidateSchema();
        if (open_[open_.size() - 2] == Container::kDeleted) deleted_problem_ = kNotNames;
        break;
      case Container::kRoot:
        break;
    }
    return true;
  }
  // Returns true if an unexpected list or object in this container is part of a schema.
  bool IsPartOfSchema(Container parent) const {
    if (parent == Container::kManifest) return key_ == "schema";
    if (parent == Container::kColumn) return key_ == "name" || key_ == "type" || key_ == "nullable";
    return parent == Container::kSchema;
  }
  // An invalid schema is treated as a missing one.
  void InvalidateSchema() { is_schema_bad_ = true; }

  bool Leave() {
    const Container container = open_.back();
    open_.pop_back();
    switch (container) {
      case Container::kManifest:
        if (!has_.name) return FailAt(ManifestField() + ".name", "is missing");
        if (!has_.objects) return FailAt(ManifestField() + ".objects", "is missing");
        if (!has_.updated_at) return FailAt(ManifestField() + ".updated_at", "is missing");
        if (is_schema_bad_) Content().schema.reset();
        is_schema_bad_ = false;
        return true;
      case Container::kObject:
        return has_.key || FailAt(ObjectField() + ".key", "is missing");
      case Container::kColumn:
        if (!has_.column_name || !has_.column_type) InvalidateSchema();
        return true;
      default:
        return true;
    }
  }

  bool Take(Scalar value) {
    if (open_.empty()) return FailRoot();
    switch (open_.back()) {
      case Container::kRoot:
        return TakeRootField(value);
      case Container::kManifests:
        return FailAt(fmt::format("manifests[{}]", changes_.manifests.size()), "must be an object");
      case Container::kManifest:
        return TakeManifestField(value);
      case Container::kObjects:
        return FailAt(fmt::format("{}.objects[{}]", ManifestField(), Content().objects.size()),
                      "must be an object with a \"key\"");
      case Container::kObject:
        return TakeObjectField(value);
      case Container::kSchema:
        InvalidateSchema();
        return true;
      case Container::kColumn:
        TakeColumnField(value);
        return true;
      case Container::kDeleted:
        if (value.text != nullptr) {
          changes_.deleted.push_back(std::move(*value.text));
        } else {
          deleted_problem_ = kNotNames;
        }
        return true;
      case Container::kIgnored:
        return true;
    }
    return true;
  }

  bool TakeRootField(Scalar& value) {
    if (key_ == "revision") return TakeCount(value, changes_.position.revision);
    if (key_ == "catalog_id") return TakeText(value, changes_.position.catalog_id);
    if (key_ == "since") {
      uint64_t since = 0;
      if (!TakeCount(value, since)) return false;
      changes_.since = value.is_null ? std::nullopt : std::optional(since);
      return true;
    }
    if (key_ == "manifests") {
      has_manifests_ = false;
      return value.is_null || FailField("must be a list");
    }
    if (key_ == "deleted") {
      changes_.deleted.clear();
      deleted_problem_ = value.is_null ? "" : "must be a list";
    }
    return true;
  }

  bool TakeManifestField(Scalar& value) {
    Manifest& manifest = changes_.manifests.back();
    if (key_ == "name") {
      has_.name = !value.is_null;
      return TakeText(value, manifest.name);
    }
    if (key_ == "updated_at") {
      has_.updated_at = !value.is_null;
      return TakeTime(value, manifest.updated_at);
    }
    if (key_ == "objects") return FailField("must be a list");
    if (key_ == "dataset_id") return TakeText(value, manifest.dataset_id);
    if (key_ == "changed_by") return TakeText(value, manifest.changed_by);
    if (key_ == "created_at") return TakeTime(value, manifest.created_at);
    if (key_ == "version") return TakeCount(value, manifest.version);
    if (key_ == "row_count") return TakeNumber(value, manifest.content.row_count);
    if (key_ == "schema_fingerprint") {
      return TakeOptionalText(value, manifest.content.schema_fingerprint);
    }
    if (key_ == "schema") {
      manifest.content.schema.reset();
      is_schema_bad_ = false;
    }
    return true;
  }

  bool TakeObjectField(Scalar& value) {
    ObjectRef& object = Content().objects.back();
    if (key_ == "key") {
      has_.key = !value.is_null;
      return TakeText(value, object.key);
    }
    if (key_ == "size") return TakeNumber(value, object.size_bytes);
    if (key_ == "etag") return TakeOptionalText(value, object.etag);
    return true;
  }

  void TakeColumnField(Scalar& value) {
    Column& column = Content().schema->back();
    if (key_ == "name" || key_ == "type") {
      const bool is_name = key_ == "name";
      (is_name ? has_.column_name : has_.column_type) = value.text != nullptr;
      if (value.text == nullptr) return InvalidateSchema();
      (is_name ? column.name : column.type) = std::move(*value.text);
    } else if (key_ == "nullable") {
      if (!value.boolean && !value.is_null) return InvalidateSchema();
      column.nullable = value.boolean;
    }
  }

  bool TakeText(Scalar& value, std::string& out) {
    if (value.text == nullptr && !value.is_null) return FailField("must be a string");
    out = value.is_null ? std::string() : std::move(*value.text);
    return true;
  }
  bool TakeOptionalText(Scalar& value, std::optional<std::string>& out) {
    std::string text;
    if (!TakeText(value, text)) return false;
    out = value.is_null ? std::nullopt : std::optional(std::move(text));
    return true;
  }
  bool TakeNumber(const Scalar& value, std::optional<int64_t>& out) {
    if (!value.number && !value.is_null) return FailField("must be a whole number");
    out = value.number;
    return true;
  }
  // Stores 0 for null.
  bool TakeCount(const Scalar& value, uint64_t& out) {
    std::optional<int64_t> number;
    if (!TakeNumber(value, number)) return false;
    if (number.value_or(0) < 0) return FailField("must not be negative");
    out = static_cast<uint64_t>(number.value_or(0));
    return true;
  }
  bool TakeTime(Scalar& value, UnixMicros& out) {
    std::string text;
    if (!TakeText(value, text)) return false;
    if (value.is_null) return true;
    const Result<UnixMicros> time = ParseRfc3339(text);
    if (!time.ok()) return FailField(time.error().message);
    out = *time;
    return true;
  }

  DatasetContent& Content() { return changes_.manifests.back().content; }

  const size_t values_max_;
  size_t values_ = 0;
  std::vector<Container> open_;  // From the outermost to the innermost.
  std::string key_;              // The name of the next value, if it is in an object.
  std::optional<Error> error_;
  Changes changes_;
  bool has_manifests_ = false;
  std::string deleted_problem_;  // Reported only if there is a `since`.
  // The required fields that the current manifest, object and column have had so far.
  struct Has {
    bool name = false;
    bool objects = false;
    bool updated_at = false;
    bool key = false;
    bool column_name = false;
    bool column_type = false;
  };
  Has has_;
  bool is_schema_bad_ = false;
};

}  // namespace

Result<Changes> ReadChanges(std::string_view json, size_t values_max) {
  ChangesReader reader(values_max);
  const bool is_complete = Json::sax_parse(json.data(), json.data() + json.size(), &reader);
  return reader.Finish(is_complete);
}

}  // namespace tarn::catalog
