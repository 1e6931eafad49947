#include "iceberg/file_columns.h"

#include <utility>

namespace tarn::iceberg {
namespace {

using parquet::Repetition;
using parquet::SchemaElement;
using ParquetKind = parquet::LogicalType::Kind;

constexpr const char* kOldListProblem = "its lists have the two-level form of old Parquet writers";
constexpr const char* kOldMapProblem = "its maps have no repeated pairs of a key and a value";
constexpr const char* kMapNamesProblem =
    "its maps have other names than key_value, key and value, which DuckDB needs";
constexpr const char* kGroupProblem = "Iceberg has no type for its group in Parquet";

// Reads the depth-first list of elements.
class FileColumnsReader {
 public:
  explicit FileColumnsReader(const std::vector<SchemaElement>& schema) : schema_(schema) {}

  std::vector<FileField> Read() {
    std::vector<FileField> columns;
    while (next_ < schema_.size()) columns.push_back(ReadField());
    return columns;
  }

 private:
  // Reads the next element. A repeated one is a list without a group around it.
  FileField ReadField() {
    const SchemaElement& element = schema_[next_];
    if (element.repetition != Repetition::kRepeated) return ReadValue();
    FileField list{
        .name = element.name, .kind = FileField::Kind::kList, .problem = kOldListProblem};
    list.children.push_back(ReadValue());
    return list;
  }

  // Reads the next element, regardless of its repetition.
  FileField ReadValue() {
    const SchemaElement& element = schema_[next_];
    if (element.children == 0) return ReadLeaf();
    ++next_;
    switch (element.logical.kind) {
      case ParquetKind::kList:
        return ReadList(element);
      case ParquetKind::kMap:
        return ReadMap(element);
      case ParquetKind::kNone:
        return ReadStruct(element, "");
      default:
        return ReadStruct(element, kGroupProblem);
    }
  }

  FileField ReadLeaf() {
    const SchemaElement& element = schema_[next_++];
    FileField leaf{.name = element.name, .leaf = leaves_++};
    Result<PrimitiveType> type = ToIcebergType(element);
    if (type.ok()) {
      leaf.type = *type;
    } else {
      leaf.problem = type.error().message;
    }
    return leaf;
  }

  FileField ReadStruct(const SchemaElement& element, const char* problem) {
    FileField group{.name = element.name, .kind = FileField::Kind::kStruct, .problem = problem};
    for (uint32_t i = 0; i < element.children; ++i) group.children.push_back(ReadField());
    return group;
  }

  // True if the children of a group are one repeated group, which is the next element.
  bool HasRepeatedGroup(const SchemaElement& group) const {
    return group.children == 1 && schema_[next_].repetition == Repetition::kRepeated &&
           schema_[next_].children > 0;
  }

  FileField ReadList(const SchemaElement& group) {
    if (!HasRepeatedGroup(group)) return ReadOldList(group);
    const SchemaElement& repeated = schema_[next_];
    // The names that mark the form with two levels.
    const bool is_element = repeated.children != 1 || repeated.name == "array" ||
                            repeated.name == group.name + "_tuple";
    if (is_element) return ReadOldList(group);
    ++next_;
    FileField list{.name = group.name, .kind = FileField::Kind::kList};
    list.children.push_back(ReadField());
    list.children.back().repeated_name = repeated.name;
    return list;
  }

  FileField ReadOldList(const SchemaElement& group) {
    if (group.children != 1 || schema_[next_].repetition != Repetition::kRepeated) {
      return ReadStruct(group, kOldListProblem);
    }
    FileField list{.name = group.name, .kind = FileField::Kind::kList, .problem = kOldListProblem};
    list.children.push_back(ReadValue());
    return list;
  }

  FileField ReadMap(const SchemaElement& group) {
    if (!HasRepeatedGroup(group) || schema_[next_].children != 2) {
      return ReadStruct(group, kOldMapProblem);
    }
    const SchemaElement& pair = schema_[next_++];
    FileField map{.name = group.name, .kind = FileField::Kind::kMap};
    map.children.push_back(ReadField());
    map.children.push_back(ReadField());
    if (pair.name != "key_value" || map.children[0].name != "key" ||
        map.children[1].name != "value") {
      map.problem = kMapNamesProblem;
    }
    return map;
  }

  const std::vector<SchemaElement>& schema_;
  size_t next_ = 0;
  size_t leaves_ = 0;
};

}  // namespace

std::vector<FileField> ReadFileColumns(const std::vector<SchemaElement>& schema) {
  return FileColumnsReader(schema).Read();
}

}  // namespace tarn::iceberg
