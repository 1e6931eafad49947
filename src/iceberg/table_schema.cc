#include "iceberg/table_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "base/text_hash.h"

namespace tarn::iceberg {
namespace {

using FieldKind = FileField::Kind;
using nlohmann::ordered_json;

constexpr const char* kElement = "element";
constexpr const char* kKey = "key";
constexpr const char* kValue = "value";
// The name of elements in files of old versions of pyarrow.
constexpr const char* kOldElement = "item";

// The last part of the path of a child.
std::string ChildStep(const FileField& field, size_t child) {
  if (field.kind == FieldKind::kList) return kElement;
  if (field.kind == FieldKind::kMap) return child == 0 ? kKey : kValue;
  return ToLowerAscii(field.children[child].name);
}

std::string JoinPath(const std::string& parent, const std::string& step) {
  return parent.empty() ? step : parent + "." + step;
}

// Indexes the leaves of a file by number.
void CollectLeaves(const FileField& field, const std::string& path, const TextMap<size_t>& by_path,
                   std::vector<size_t>& leaves) {
  if (field.kind == FieldKind::kLeaf) leaves.push_back(by_path.at(path));
  for (size_t i = 0; i < field.children.size(); ++i) {
    CollectLeaves(field.children[i], JoinPath(path, ChildStep(field, i)), by_path, leaves);
  }
}

std::string KindText(const TableSchema::Field& field) {
  switch (field.kind) {
    case FieldKind::kLeaf:
      return field.type ? TypeText(*field.type) : "another type";
    case FieldKind::kStruct:
      return "struct";
    case FieldKind::kList:
      return "list";
    case FieldKind::kMap:
      break;
  }
  return "map";
}

}  // namespace

size_t TableSchema::Create(Field field) {
  const size_t index = fields_.size();
  by_path_[field.path] = index;
  if (field.parent) {
    Field& parent = fields_[*field.parent];
    parent.children.push_back(index);
    field.is_repeated =
        parent.is_repeated || parent.kind == FieldKind::kList || parent.kind == FieldKind::kMap;
  } else {
    columns_.push_back(index);
  }
  fields_.push_back(std::move(field));
  return index;
}

Result<size_t> TableSchema::FindOrCreate(const std::string& key, const FileField& field,
                                         std::optional<size_t> parent, const std::string& step) {
  const std::string path = JoinPath(parent ? fields_[*parent].path : "", step);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) {
    if (fields_.size() >= FieldIds::kPathsMax) {
      return Error{ErrorKind::kTooLarge,
                   fmt::format("the dataset has more than {} columns and fields, which is the "
                               "limit for Iceberg",
                               FieldIds::kPathsMax)};
    }
    const size_t created = Create({.name = field.name,
                                   .path = path,
                                   .parent = parent,
                                   .kind = field.kind,
                                   .type = field.type,
                                   .problem = field.problem});
    return created;
  }
  const Field& known = fields_[found->second];
  if (known.parent != parent) {
    return InvalidArgument(
        fmt::format("object \"{}\" has a column whose name is the path of a field, \"{}\": Iceberg "
                    "clients cannot distinguish them",
                    key, path));
  }
  if (known.last_file == file_count_) {
    return InvalidArgument(fmt::format(
        "object \"{}\" has two columns or fields with the name \"{}\", ignoring case", key, path));
  }
  return found->second;
}

void TableSchema::MergeType(const FileField& from, Field& into) {
  if (!into.problem.empty()) return;
  if (!from.problem.empty()) {
    into.problem = from.problem;
    return;
  }
  if (from.kind == into.kind && from.type == into.type) return;
  std::optional<PrimitiveType> promoted;
  if (from.type && into.type) promoted = PromotedType(*from.type, *into.type);
  if (!promoted) {
    into.problem = fmt::format("objects have the types {} and {}", KindText(into),
                               KindText({.kind = from.kind, .type = from.type}));
    return;
  }
  into.type = promoted;
  has_promotion_ = true;
}

Result<> TableSchema::Merge(const std::string& key, const FileField& field,
                            std::optional<size_t> parent, const std::string& step) {
  TARN_TRY(const size_t index, FindOrCreate(key, field, parent, step));
  MergeType(field, fields_[index]);
  fields_[index].last_file = file_count_;
  fields_[index].file_names.insert(field.name);
  // DuckDB finds the element of a list by the name of the group around it.
  if (!field.repeated_name.empty()) fields_[index].file_names.insert(field.repeated_name);
  for (size_t i = 0; i < field.children.size(); ++i) {
    TARN_CHECK_OK(Merge(key, field.children[i], index, ChildStep(field, i)));
  }
  return {};
}

Result<> TableSchema::Add(const std::string& key, const std::vector<FileField>& columns) {
  ++file_count_;
  for (const FileField& column : columns) {
    TARN_CHECK_OK(Merge(key, column, std::nullopt, ToLowerAscii(column.name)));
  }
  return {};
}

std::optional<size_t> TableSchema::AddPartition(const std::string& name,
                                                const PrimitiveType& type) {
  std::string path = ToLowerAscii(name);
  if (by_path_.contains(path)) return std::nullopt;
  return Create({.name = name, .path = std::move(path), .type = type});
}

Result<> TableSchema::AssignIds(FieldIds& ids) {
  for (Field& field : fields_) {
    TARN_TRY(field.id, ids.Assign(field.path));
  }
  is_hidden_.clear();
  // A parent has a smaller index than its children.
  for (size_t i = 0; i < fields_.size(); ++i) {
    const std::optional<size_t> parent = fields_[i].parent;
    is_hidden_.push_back(parent ? is_hidden_[*parent] : !Problem(i).empty());
  }
  return {};
}

std::vector<size_t> TableSchema::Leaves(const std::vector<FileField>& columns) const {
  std::vector<size_t> leaves;
  for (const FileField& column : columns) {
    CollectLeaves(column, ToLowerAscii(column.name), by_path_, leaves);
  }
  return leaves;
}

std::string TableSchema::Problem(size_t field) const {
  const Field& at = fields_[field];
  if (!at.problem.empty()) {
    return at.parent ? fmt::format("its field \"{}\": {}", at.path, at.problem) : at.problem;
  }
  for (const size_t child : at.children) {
    std::string problem = Problem(child);
    if (!problem.empty()) return problem;
  }
  return "";
}

bool TableSchema::IsVisible(size_t field) const {
  TARN_ASSERT(field < is_hidden_.size(), "AssignIds was not called");
  return !is_hidden_[field];
}

std::vector<HiddenColumn> TableSchema::HiddenColumns() const {
  std::vector<HiddenColumn> hidden;
  for (const size_t column : columns_) {
    if (!IsVisible(column)) hidden.push_back({fields_[column].name, Problem(column)});
  }
  return hidden;
}

ordered_json TableSchema::TypeJson(const Field& field) const {
  if (field.kind == FieldKind::kLeaf) return TypeText(*field.type);
  const auto child = [&](size_t i) -> const Field& { return fields_[field.children[i]]; };
  if (field.kind == FieldKind::kList) {
    return {{"type", "list"},
            {"element-id", child(0).id},
            {"element-required", false},
            {"element", TypeJson(child(0))}};
  }
  if (field.kind == FieldKind::kMap) {
    return {{"type", "map"},           {"key-id", child(0).id},   {"key", TypeJson(child(0))},
            {"value-id", child(1).id}, {"value-required", false}, {"value", TypeJson(child(1))}};
  }
  ordered_json fields = ordered_json::array();
  for (const size_t i : field.children) {
    fields.push_back({{"id", fields_[i].id},
                      {"name", fields_[i].name},
                      {"required", false},
                      {"type", TypeJson(fields_[i])}});
  }
  return {{"type", "struct"}, {"fields", std::move(fields)}};
}

ordered_json TableSchema::FieldsJson() const {
  Field root{.kind = FieldKind::kStruct};
  for (const size_t column : columns_) {
    if (IsVisible(column)) root.children.push_back(column);
  }
  return std::move(TypeJson(root)["fields"]);
}

ordered_json TableSchema::MappedFieldsJson(const std::vector<size_t>& fields) const {
  ordered_json mapped = ordered_json::array();
  // Readers reject a name that is repeated on one level.
  std::set<std::string> used;
  for (const size_t index : fields) {
    const Field& field = fields_[index];
    if (field.file_names.empty()) continue;
    std::set<std::string> names = field.file_names;
    if (field.parent) {
      const std::string step = field.path.substr(fields_[*field.parent].path.size() + 1);
      const FieldKind parent = fields_[*field.parent].kind;
      if (parent == FieldKind::kList || parent == FieldKind::kMap) names.insert(step);
      if (parent == FieldKind::kList) names.insert(kOldElement);
    }
    ordered_json entry = {{"field-id", field.id}, {"names", ordered_json::array()}};
    for (const std::string& name : names) {
      if (used.insert(name).second) entry["names"].push_back(name);
    }
    if (!field.children.empty()) entry["fields"] = MappedFieldsJson(field.children);
    mapped.push_back(std::move(entry));
  }
  return mapped;
}

ordered_json TableSchema::NameMappingJson() const { return MappedFieldsJson(columns_); }

}  // namespace tarn::iceberg
