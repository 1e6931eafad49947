#pragma once

// Provides rows of the program as a table function of DuckDB.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tarn::duck {

// A nested type whose leaves are VARCHAR.
struct TextType {
  enum class Kind : uint8_t { kText, kList, kStruct, kMap };

  Kind kind = Kind::kText;
  // LIST: the element. MAP: the value, whose key is a text. STRUCT: the fields.
  std::vector<TextType> children;
  std::vector<std::string>
      names;  // STRUCT: the names of the fields, unique without regard to case.
};

// Writes a vector of a chunk. Set each row once, in ascending order. To set a row of a STRUCT, set
// its fields.
class VectorWriter {
 public:
  VectorWriter(void* vector, const TextType& type);

  void SetText(uint64_t row, std::string_view text);
  // For a STRUCT, sets the fields to NULL too.
  void SetNull(uint64_t row);

  // LIST and MAP: begins the list of a row. Add its elements before you set another row.
  void BeginList(uint64_t row);
  // Adds an element to the list and returns its row in element(), and in key().
  uint64_t AddElement(uint64_t row);
  VectorWriter& element() { return children_.back(); }
  VectorWriter& key() { return children_.front(); }  // MAP
  // STRUCT
  VectorWriter& field(size_t index) { return children_[index]; }

 private:
  void Attach();  // Updates the pointers to the vector, whose memory moves when a list grows.
  void Grow();

  void* vector_;
  const TextType* type_;
  void* data_ = nullptr;
  uint64_t* validity_ = nullptr;
  uint64_t list_size_ = 0;
  uint64_t list_capacity_ = 0;
  std::vector<VectorWriter> children_;
};

// One pass over the rows.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // Writes at most `rows_max` rows, one writer for each column. Returns their number; 0 at the end.
  virtual Result<uint64_t> Read(std::vector<VectorWriter>& columns, uint64_t rows_max) = 0;
};

class RowSource {
 public:
  struct Column {
    std::string name;
    TextType type;
  };

  virtual ~RowSource() = default;
  virtual const std::vector<Column>& columns() const = 0;
  virtual Result<std::unique_ptr<RowReader>> Open() const = 0;
};

}  // namespace tarn::duck
