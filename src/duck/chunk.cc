#include <duckdb.h>

#include "duck/database.h"

namespace tarn::duck {
namespace {

duckdb_vector ToVector(void* p) { return static_cast<duckdb_vector>(p); }

const ColumnType& PlainType(TypeId id) {
  static const ColumnType kText{.id = TypeId::kVarchar};
  static const ColumnType kBytes{.id = TypeId::kBlob};
  static const ColumnType kTag{.id = TypeId::kUtinyint};
  static const ColumnType kIndex{.id = TypeId::kUinteger};
  static const ColumnType kEntries{.id = TypeId::kList};
  switch (id) {
    case TypeId::kVarchar:
      return kText;
    case TypeId::kBlob:
      return kBytes;
    case TypeId::kUtinyint:
      return kTag;
    case TypeId::kUinteger:
      return kIndex;
    default:
      return kEntries;
  }
}

VectorView Flat(duckdb_vector vector, const ColumnType& type) {
  return {type, duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector)};
}

}  // namespace

Chunk::Chunk(void* chunk, const std::vector<ColumnType>& types)
    : chunk_(chunk), row_count_(duckdb_data_chunk_get_size(static_cast<duckdb_data_chunk>(chunk))) {
  columns_.reserve(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    columns_.push_back(
        View(duckdb_data_chunk_get_vector(static_cast<duckdb_data_chunk>(chunk), i), types[i]));
  }
}

Chunk::Chunk(Chunk&& other) noexcept
    : chunk_(std::exchange(other.chunk_, nullptr)),
      row_count_(other.row_count_),
      columns_(std::move(other.columns_)) {}

Chunk::~Chunk() {
  auto chunk = static_cast<duckdb_data_chunk>(chunk_);
  duckdb_destroy_data_chunk(&chunk);
}

VectorView Chunk::View(void* handle, const ColumnType& type) {
  duckdb_vector vector = ToVector(handle);
  VectorView view = Flat(vector, type);
  switch (type.id) {
    case TypeId::kList:
      view.children_.push_back(View(duckdb_list_vector_get_child(vector), type.children[0]));
      break;
    case TypeId::kArray:
      view.children_.push_back(View(duckdb_array_vector_get_child(vector), type.children[0]));
      break;
    case TypeId::kMap: {
      // A list of STRUCT(key, value).
      duckdb_vector entries = duckdb_list_vector_get_child(vector);
      view.children_.push_back(View(duckdb_struct_vector_get_child(entries, 0), type.children[0]));
      view.children_.push_back(View(duckdb_struct_vector_get_child(entries, 1), type.children[1]));
      break;
    }
    case TypeId::kStruct:
      for (size_t i = 0; i < type.children.size(); ++i) {
        view.children_.push_back(View(duckdb_struct_vector_get_child(vector, i), type.children[i]));
      }
      break;
    case TypeId::kUnion:
      // A struct whose first field is the tag.
      view.children_.push_back(
          Flat(duckdb_struct_vector_get_child(vector, 0), PlainType(TypeId::kUtinyint)));
      for (size_t i = 0; i < type.children.size(); ++i) {
        view.children_.push_back(
            View(duckdb_struct_vector_get_child(vector, i + 1), type.children[i]));
      }
      break;
    case TypeId::kVariant:
      AddVariantParts(vector, view);
      break;
    default:
      break;
  }
  return view;
}

void Chunk::AddVariantParts(void* handle, VectorView& view) {
  duckdb_vector variant = ToVector(handle);
  const auto add = [&view](duckdb_vector vector, TypeId id) {
    view.children_.push_back(Flat(vector, PlainType(id)));
  };
  // In the order of VariantPart.
  duckdb_vector keys = duckdb_struct_vector_get_child(variant, 0);
  duckdb_vector children = duckdb_struct_vector_get_child(variant, 1);
  duckdb_vector values = duckdb_struct_vector_get_child(variant, 2);
  duckdb_vector child = duckdb_list_vector_get_child(children);
  duckdb_vector value = duckdb_list_vector_get_child(values);
  add(keys, TypeId::kList);
  add(duckdb_list_vector_get_child(keys), TypeId::kVarchar);
  add(children, TypeId::kList);
  add(duckdb_struct_vector_get_child(child, 0), TypeId::kUinteger);
  add(duckdb_struct_vector_get_child(child, 1), TypeId::kUinteger);
  add(values, TypeId::kList);
  add(duckdb_struct_vector_get_child(value, 0), TypeId::kUtinyint);
  add(duckdb_struct_vector_get_child(value, 1), TypeId::kUinteger);
  add(duckdb_struct_vector_get_child(variant, 3), TypeId::kBlob);
}

}  // namespace tarn::duck
