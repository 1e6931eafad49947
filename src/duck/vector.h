#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "duck/types.h"

namespace tarn::duck {

// DuckDB's string type: texts of at most 12 bytes are inlined.
struct StringRef {
  uint32_t length;
  char prefix[4];
  union {
    char inlined[8];
    const char* data;
  };

  std::string_view view() const { return {length <= 12 ? prefix : data, length}; }
};
static_assert(sizeof(StringRef) == 16);

struct ListEntry {
  uint64_t offset;
  uint64_t length;
};

struct IntervalValue {
  int32_t months;
  int32_t days;
  int64_t micros;
};
static_assert(sizeof(IntervalValue) == 16);

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

// A read-only view of a flat vector of a chunk, valid during the lifetime of the chunk. The layout
// of the values is documented at https://duckdb.org/docs/stable/clients/c/vector
class VectorView {
 public:
  VectorView(const ColumnType& type, const void* data, const uint64_t* validity)
      : type_(&type), data_(data), validity_(validity) {}

  const ColumnType& type() const { return *type_; }
  bool IsNull(uint64_t row) const {
    return validity_ != nullptr && ((validity_[row / 64] >> (row % 64)) & 1) == 0;
  }
  // A bit for each row, lowest bit first, set if the row is not null; nullptr if no row is null.
  const uint64_t* validity() const { return validity_; }
  // The value of a row that is not null, as its plain type.
  template <class T>
  T At(uint64_t row) const {
    T value;
    std::memcpy(&value, static_cast<const char*>(data_) + row * sizeof(T), sizeof(T));
    return value;
  }
  template <class T>
  const T* Data() const {
    return static_cast<const T*>(data_);
  }
  // LIST, ARRAY: the element vector. MAP: keys and values. STRUCT: the fields. UNION: the tag
  // (UTINYINT), then the members. VARIANT: see VariantPart.
  const VectorView& child(size_t i) const { return children_[i]; }
  const std::vector<VectorView>& children() const { return children_; }

 private:
  friend class Chunk;
  const ColumnType* type_;
  const void* data_;
  const uint64_t* validity_;
  std::vector<VectorView> children_;
};

// A VARIANT vector is a struct of four fields: `keys` VARCHAR[], `children` STRUCT(keys_index
// UINTEGER, values_index UINTEGER)[], `values` STRUCT(type_id UTINYINT, byte_offset UINTEGER)[] and
// `data` BLOB. These are the indexes of its parts in VectorView::children().
enum VariantPart : size_t {
  kVariantKeys,         // LIST
  kVariantKey,          // VARCHAR
  kVariantChildren,     // LIST
  kVariantKeysIndex,    // UINTEGER
  kVariantValuesIndex,  // UINTEGER
  kVariantValues,       // LIST
  kVariantTypeId,       // UTINYINT
  kVariantByteOffset,   // UINTEGER
  kVariantData,         // BLOB
};

}  // namespace tarn::duck
