#include "catalog/schema_union.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"

namespace tarn::catalog {
namespace {

// Returns a type for an error message, shortened because a struct may have thousands of fields.
std::string ShortTypeText(const Type& type) {
  constexpr size_t kBytesMax = 200;
  std::string text = TypeText(type);
  if (text.size() <= kBytesMax) return text;
  size_t end = 0;
  while (end < kBytesMax) end += std::max<size_t>(Utf8SequenceLength(text.substr(end, 4)), 1);
  return text.substr(0, end) + "…";
}

// Replaces untyped columns by INTEGER, as DuckDB does.
Type WithoutUntyped(Type type) {
  if (type.IsUntyped()) return Type{.name = "INTEGER"};
  for (Type& child : type.children) child = WithoutUntyped(std::move(child));
  return type;
}

// Returns the dataset's type, with the object's own types for the parts that the object has. DuckDB
// adds the struct fields that the object lacks without converting values.
Type ReadAs(const Type& dataset, const Type& object) {
  if (object.IsUntyped()) return dataset == WithoutUntyped(object) ? dataset : object;
  if (object.kind == Type::Kind::kScalar || object.kind == Type::Kind::kDecimal) return object;
  Type type = dataset;
  for (size_t i = 0; i < type.children.size(); ++i) {
    const std::optional<size_t> part =
        type.kind == Type::Kind::kStruct ? FindField(object, type.field_names[i]) : i;
    if (part) type.children[i] = ReadAs(dataset.children[i], object.children[*part]);
  }
  return type;
}

Error ConflictError(const std::string& column, const TypeConflict& conflict,
                    const std::string& first_key, const std::string& second_key) {
  return {ErrorKind::kConflict,
          fmt::format("column \"{}{}\" is {} in \"{}\" and {} in \"{}\": no type holds both",
                      column, conflict.path, ShortTypeText(conflict.first), first_key,
                      ShortTypeText(conflict.second), second_key)};
}

}  // namespace

Result<> SchemaUnion::Add(const std::string& key, const std::shared_ptr<const Columns>& columns) {
  const auto known = schema_of_.find(columns.get());
  if (known != schema_of_.end()) {
    schemas_[known->second].objects.push_back(object_count_++);
    return {};
  }
  Schema schema{.columns = columns, .types = {}, .objects = {object_count_}};
  for (const Column& column : *columns) schema.types.push_back(ParseType(column.type));
  TARN_CHECK_OK(Merge(key, schema));
  ++object_count_;
  schema_of_.emplace(columns.get(), schemas_.size());
  schemas_.push_back(std::move(schema));
  return {};
}

Result<> SchemaUnion::Merge(const std::string& key, const Schema& schema) {
  std::vector<std::pair<size_t, Type>> widened;
  std::vector<size_t> added;
  for (size_t i = 0; i < schema.types.size(); ++i) {
    const std::string& name = (*schema.columns)[i].name;
    const auto known = field_of_.find(ToLowerAscii(name));
    if (known == field_of_.end()) {
      added.push_back(i);
      continue;
    }
    const Field& field = fields_[known->second];
    TypeConflict conflict;
    std::optional<Type> common = CommonType(field.type, schema.types[i], &conflict);
    if (common) {
      widened.emplace_back(known->second, std::move(*common));
      continue;
    }
    // Finds an object with a conflicting type, because the common type so far may be the type of no
    // object.
    for (const auto& [type, first_key] : field.found) {
      if (!CommonType(type, schema.types[i], &conflict)) {
        return ConflictError(field.name, conflict, first_key, key);
      }
    }
    return ConflictError(field.name, conflict, field.found.front().second, key);
  }
  for (size_t i = 0; i < schema.types.size(); ++i) {
    const auto known = field_of_.find(ToLowerAscii((*schema.columns)[i].name));
    if (known == field_of_.end()) continue;
    auto& found = fields_[known->second].found;
    const bool is_known = std::any_of(found.begin(), found.end(), [&](const auto& each) {
      return each.first == schema.types[i];
    });
    if (!is_known) found.emplace_back(schema.types[i], key);
  }
  for (auto& [index, type] : widened) fields_[index].type = std::move(type);
  for (const size_t i : added) {
    const std::string& name = (*schema.columns)[i].name;
    field_of_.emplace(ToLowerAscii(name), fields_.size());
    fields_.push_back({name, schema.types[i], {{schema.types[i], key}}});
  }
  return {};
}

SchemaUnion::Columns SchemaUnion::DatasetColumns() const {
  Columns columns;
  for (const Field& field : fields_) {
    columns.push_back({.name = field.name, .type = TypeText(WithoutUntyped(field.type))});
  }
  return columns;
}

SchemaUnion::Columns SchemaUnion::GroupColumns(const Schema& schema,
                                               const std::vector<Type>& dataset) const {
  std::vector<Type> types = dataset;
  for (size_t i = 0; i < schema.types.size(); ++i) {
    const size_t field = field_of_.at(ToLowerAscii((*schema.columns)[i].name));
    types[field] = ReadAs(dataset[field], schema.types[i]);
  }
  Columns columns;
  for (size_t i = 0; i < types.size(); ++i) {
    columns.push_back({.name = fields_[i].name, .type = TypeText(types[i])});
  }
  return columns;
}

std::vector<ObjectGroup> SchemaUnion::Groups() const {
  std::vector<Type> dataset;
  for (const Field& field : fields_) dataset.push_back(WithoutUntyped(field.type));
  bool is_uniform = true;
  // The groups by the column types of their objects.
  std::map<std::vector<std::string>, ObjectGroup> groups;
  for (const Schema& schema : schemas_) {
    is_uniform = is_uniform && schema.types.size() == dataset.size();
    for (size_t i = 0; i < schema.types.size() && is_uniform; ++i) {
      const size_t field = field_of_.at(ToLowerAscii((*schema.columns)[i].name));
      is_uniform = WithoutUntyped(schema.types[i]) == dataset[field];
    }
    Columns columns = GroupColumns(schema, dataset);
    std::vector<std::string> types;
    for (const Column& column : columns) types.push_back(column.type);
    ObjectGroup& group = groups[types];
    group.columns = std::move(columns);
    group.objects.insert(group.objects.end(), schema.objects.begin(), schema.objects.end());
  }
  if (is_uniform) return {};
  std::vector<ObjectGroup> ordered;
  for (auto& [types, group] : groups) {
    std::sort(group.objects.begin(), group.objects.end());
    ordered.push_back(std::move(group));
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const auto& a, const auto& b) { return a.objects.front() < b.objects.front(); });
  return ordered;
}

}  // namespace tarn::catalog
