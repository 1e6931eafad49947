#pragma once

// Rows that the program makes, as a table function of DuckDB.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tarn::duck {

// A type of which all that is not nested is text.
struct TextType {
  enum class Kind : uint8_t { kText, kList, kStruct, kMap };

  Kind kind = Kind::kText;
  // LIST: the element. MAP: the value, whose key is a text. STRUCT: the fields.
  std::vector<TextType> children;
  std::vector<std::string> names;  // STRUCT: of the fields, no two equal in any case.
};

// A vector of a chunk that is being filled. Each row must be set once, in ascending order. A row of
// a STRUCT is set by setting its fields.
class VectorWriter {
 public:
  VectorWriter(void* vector, const TextType& type);

  void SetText(uint64_t row, std::string_view text);
  // Of a STRUCT, its fields become NULL too.
  void SetNull(uint64_t row);

  // LIST and MAP: begins the list of a row, whose elements are added before any other row is set.
  void BeginList(uint64_t row);
  // Adds an element to the list and returns its row in element(), and in key().
  uint64_t AddElement(uint64_t row);
  VectorWriter& element() { return children_.back(); }
  VectorWriter& key() { return children_.front(); }  // MAP
  // STRUCT
  VectorWriter& field(size_t index) { return children_[index]; }

 private:
  void Attach();  // To the memory of the vector, which moves where a list grows.
  void Grow();

  void* vector_;
  const TextType* type_;
  void* data_ = nullptr;
  uint64_t* validity_ = nullptr;
  uint64_t list_size_ = 0;
  uint64_t list_capacity_ = 0;
  std::vector<VectorWriter> children_;
};

// One reading of rows.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // Writes at most `rows_max` rows, a column to each writer, and returns their number; 0 at the
  // end.
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
