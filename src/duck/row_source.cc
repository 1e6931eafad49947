#include "duck/row_source.h"

#include <duckdb.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>

#include "duck/database.h"
#include "duck/vector.h"

namespace tarn::duck {
namespace {

// DuckDB stores texts of at most this size inside the string value.
constexpr size_t kInlineBytes = 12;

class OwnedType {
 public:
  explicit OwnedType(duckdb_logical_type type) : type_(type) {}
  ~OwnedType() { duckdb_destroy_logical_type(&type_); }
  OwnedType(OwnedType&& other) noexcept : type_(std::exchange(other.type_, nullptr)) {}
  OwnedType& operator=(OwnedType&&) = delete;
  duckdb_logical_type get() const { return type_; }

 private:
  duckdb_logical_type type_;
};

OwnedType ToLogicalType(const TextType& type) {
  std::vector<OwnedType> children;
  for (const TextType& child : type.children) children.push_back(ToLogicalType(child));
  switch (type.kind) {
    case TextType::Kind::kText:
      break;
    case TextType::Kind::kList:
      return OwnedType(duckdb_create_list_type(children.at(0).get()));
    case TextType::Kind::kMap: {
      const OwnedType key(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
      return OwnedType(duckdb_create_map_type(key.get(), children.at(0).get()));
    }
    case TextType::Kind::kStruct: {
      std::vector<duckdb_logical_type> types;
      std::vector<const char*> names;
      for (const OwnedType& child : children) types.push_back(child.get());
      for (const std::string& name : type.names) names.push_back(name.c_str());
      return OwnedType(duckdb_create_struct_type(types.data(), names.data(), types.size()));
    }
  }
  return OwnedType(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
}

using Shared = std::shared_ptr<const RowSource>;

template <class T>
void Delete(void* p) {
  delete static_cast<T*>(p);
}

const RowSource& SourceOf(void* extra_info) { return **static_cast<Shared*>(extra_info); }

void BindRows(duckdb_bind_info info) {
  for (const RowSource::Column& column : SourceOf(duckdb_bind_get_extra_info(info)).columns()) {
    const OwnedType type = ToLogicalType(column.type);
    duckdb_bind_add_result_column(info, column.name.c_str(), type.get());
  }
}

void InitRows(duckdb_init_info info) {
  try {
    Result<std::unique_ptr<RowReader>> reader = SourceOf(duckdb_init_get_extra_info(info)).Open();
    if (!reader.ok()) return duckdb_init_set_error(info, reader.error().message.c_str());
    duckdb_init_set_init_data(info, reader->release(), &Delete<RowReader>);
  } catch (const std::exception& error) {
    duckdb_init_set_error(info, error.what());
  }
}

void ReadRows(duckdb_function_info info, duckdb_data_chunk chunk) {
  try {
    const auto& columns = SourceOf(duckdb_function_get_extra_info(info)).columns();
    std::vector<VectorWriter> writers;
    writers.reserve(columns.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      writers.emplace_back(duckdb_data_chunk_get_vector(chunk, i), columns[i].type);
    }
    auto* reader = static_cast<RowReader*>(duckdb_function_get_init_data(info));
    const Result<uint64_t> count = reader->Read(writers, Chunk::kRowsMax);
    if (!count.ok()) return duckdb_function_set_error(info, count.error().message.c_str());
    duckdb_data_chunk_set_size(chunk, *count);
  } catch (const std::exception& error) {
    duckdb_function_set_error(info, error.what());
  }
}

}  // namespace

VectorWriter::VectorWriter(void* vector, const TextType& type) : vector_(vector), type_(&type) {
  Attach();
}

void VectorWriter::Attach() {
  auto* vector = static_cast<duckdb_vector>(vector_);
  data_ = duckdb_vector_get_data(vector);
  duckdb_vector_ensure_validity_writable(vector);
  validity_ = duckdb_vector_get_validity(vector);
  const auto attach = [this](size_t index, void* child, const TextType& type) {
    if (index == children_.size()) {
      children_.emplace_back(child, type);
    } else {
      children_[index].vector_ = child;
      children_[index].Attach();
    }
  };
  static const TextType kKey;
  switch (type_->kind) {
    case TextType::Kind::kText:
      break;
    case TextType::Kind::kList:
      attach(0, duckdb_list_vector_get_child(vector), type_->children[0]);
      break;
    case TextType::Kind::kMap: {
      auto* entries = duckdb_list_vector_get_child(vector);
      attach(0, duckdb_struct_vector_get_child(entries, 0), kKey);
      attach(1, duckdb_struct_vector_get_child(entries, 1), type_->children[0]);
      break;
    }
    case TextType::Kind::kStruct:
      for (size_t i = 0; i < type_->children.size(); ++i) {
        attach(i, duckdb_struct_vector_get_child(vector, i), type_->children[i]);
      }
      break;
  }
}

void VectorWriter::SetText(uint64_t row, std::string_view text) {
  if (text.size() > kInlineBytes) {
    duckdb_vector_assign_string_element_len(static_cast<duckdb_vector>(vector_), row, text.data(),
                                            text.size());
    return;
  }
  StringRef string = {};
  string.length = static_cast<uint32_t>(text.size());
  auto* bytes = reinterpret_cast<char*>(&string) + offsetof(StringRef, prefix);
  if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
  static_cast<StringRef*>(data_)[row] = string;
}

void VectorWriter::SetNull(uint64_t row) {
  duckdb_validity_set_row_invalid(validity_, row);
  if (type_->kind == TextType::Kind::kStruct) {
    for (VectorWriter& child : children_) child.SetNull(row);
  } else if (type_->kind != TextType::Kind::kText) {
    static_cast<ListEntry*>(data_)[row] = {list_size_, 0};
  }
}

void VectorWriter::BeginList(uint64_t row) {
  static_cast<ListEntry*>(data_)[row] = {list_size_, 0};
}

uint64_t VectorWriter::AddElement(uint64_t row) {
  if (list_size_ == list_capacity_) Grow();
  ++static_cast<ListEntry*>(data_)[row].length;
  duckdb_list_vector_set_size(static_cast<duckdb_vector>(vector_), list_size_ + 1);
  return list_size_++;
}

void VectorWriter::Grow() {
  list_capacity_ = std::max<uint64_t>(Chunk::kRowsMax, list_capacity_ * 2);
  duckdb_list_vector_reserve(static_cast<duckdb_vector>(vector_), list_capacity_);
  Attach();
}

Result<> Connection::Register(const std::string& name, std::shared_ptr<const RowSource> source) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, name.c_str());
  duckdb_table_function_set_extra_info(function, new Shared(std::move(source)), &Delete<Shared>);
  duckdb_table_function_set_bind(function, &BindRows);
  duckdb_table_function_set_init(function, &InitRows);
  duckdb_table_function_set_function(function, &ReadRows);
  const duckdb_state state =
      duckdb_register_table_function(static_cast<duckdb_connection>(connection_), function);
  duckdb_destroy_table_function(&function);
  if (state == DuckDBSuccess) return {};
  return Internal("DuckDB refuses the table function \"" + name + "\"");
}

}  // namespace tarn::duck
