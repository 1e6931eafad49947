#include "duck/footer_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "parquet/thrift_reader.h"

namespace tarn::duck {
namespace {

using parquet::ThriftReader;
using Field = ThriftReader::Field;
using List = ThriftReader::List;
using enum ThriftReader::Wire;

// DuckDB 1.5.5 needs about 700 bytes for each.
constexpr uint64_t kColumnChunksMax = 1'000'000;

// Fields of parquet.thrift.
constexpr int64_t kFileSchema = 2;
constexpr int64_t kFileRowGroups = 4;
constexpr int64_t kFileKeyValues = 5;
constexpr int64_t kFileCreatedBy = 6;
constexpr int64_t kRowGroupColumns = 1;
constexpr int64_t kRowGroupBytes = 2;
constexpr int64_t kRowGroupRows = 3;
constexpr int64_t kColumnChunkFileOffset = 2;
constexpr int64_t kColumnChunkMetadata = 3;
constexpr int64_t kColumnBloomFilterOffset = 14;
constexpr int64_t kElementRepetition = 3;
constexpr int64_t kElementName = 4;
constexpr int64_t kElementChildren = 5;
constexpr int64_t kElementConvertedType = 6;
constexpr int64_t kElementPrecision = 8;
constexpr int64_t kElementLogicalType = 10;
constexpr int64_t kLogicalTypeDecimal = 5;
constexpr int64_t kLogicalTypeUnknown = 11;
constexpr int64_t kDecimalPrecision = 2;
constexpr int64_t kKeyValueKey = 1;
constexpr int64_t kKeyValueValue = 2;

struct SchemaElement {
  std::optional<std::string_view> name;
  int64_t children = 0;
  bool is_repeated = false;  // The elements of a list, or the entries of a map.
  bool is_untyped = false;
  int64_t decimal_digits = 0;  // 0: not a DECIMAL.
};

// FieldRepetitionType
constexpr int64_t kRepeated = 2;
// ConvertedType
constexpr int64_t kDecimal = 5;

// The DecimalType of a LogicalType.
int64_t ReadDecimalDigits(ThriftReader& reader) {
  int64_t digits = 0;
  for (Field field; reader.NextField(field);) {
    if (field.id == kDecimalPrecision && field.type == kI32) {
      digits = reader.ReadSigned();
    } else {
      reader.Skip(field.type);
    }
  }
  return digits;
}

// LogicalType is a union: the field that is set is the type.
void ReadLogicalType(ThriftReader& reader, SchemaElement& element) {
  for (Field field; reader.NextField(field);) {
    element.is_untyped = field.id == kLogicalTypeUnknown;
    if (field.id == kLogicalTypeDecimal && field.type == kStruct) {
      element.decimal_digits = std::max(element.decimal_digits, ReadDecimalDigits(reader));
    } else {
      reader.Skip(field.type);
    }
  }
}

SchemaElement ReadElement(ThriftReader& reader) {
  SchemaElement element;
  bool is_decimal = false;
  int64_t digits = 0;
  for (Field field; reader.NextField(field);) {
    if (field.id == kElementName && field.type == kBinary) {
      element.name = reader.ReadBinary();
    } else if (field.id == kElementRepetition && field.type == kI32) {
      element.is_repeated = reader.ReadSigned() == kRepeated;
    } else if (field.id == kElementChildren && field.type == kI32) {
      element.children = reader.ReadSigned();
    } else if (field.id == kElementConvertedType && field.type == kI32) {
      is_decimal = reader.ReadSigned() == kDecimal;
    } else if (field.id == kElementPrecision && field.type == kI32) {
      digits = reader.ReadSigned();
    } else if (field.id == kElementLogicalType && field.type == kStruct) {
      ReadLogicalType(reader, element);
    } else {
      reader.Skip(field.type);
    }
  }
  if (is_decimal) element.decimal_digits = std::max(element.decimal_digits, digits);
  return element;
}

// DuckDB 1.5.5 reads such a DECIMAL as a DOUBLE, which has 17 of its digits.
Result<> CheckDecimal(const SchemaElement& element) {
  constexpr int64_t kDigitsMax = 38;
  if (element.decimal_digits <= kDigitsMax) return {};
  constexpr size_t kNameBytes = 100;
  return Error{ErrorKind::kTooLarge,
               fmt::format("its column \"{}\" is a DECIMAL of {} digits, and at most {} are "
                           "supported: write it with fewer digits, or as text",
                           EscapeUnprintable(Shortened(ToValidUtf8(*element.name), kNameBytes)),
                           element.decimal_digits, kDigitsMax)};
}

Error DamagedError(std::string_view detail) {
  return InvalidArgument(fmt::format("its footer is damaged ({}): write it again", detail));
}

// Parses a FileMetaData struct and checks it against the limits.
class FooterReader {
 public:
  FooterReader(std::string_view footer, const FooterLimits& limits)
      : reader_(footer), limits_(limits) {}

  Result<FooterMetadata> Read() {
    for (Field field; reader_.NextField(field);) TARN_CHECK_OK(ReadField(field));
    if (reader_.failed()) {
      return DamagedError("it ends too early, nests too deeply or has an unknown type");
    }
    if (metadata_.schema.empty()) return DamagedError("it has no schema");
    metadata_.bloom_leaves.resize(metadata_.untyped_leaves.size());
    return std::move(metadata_);
  }

 private:
  Result<> ReadField(const Field& field) {
    if (field.id == kFileSchema && field.type == kList) return ReadSchema();
    if (field.id == kFileRowGroups && field.type == kList) return ReadRowGroups();
    if (field.id == kFileCreatedBy && field.type == kBinary) {
      metadata_.is_by_duckdb = reader_.ReadBinary().starts_with("DuckDB");
    } else if (field.id == kFileKeyValues && field.type == kList) {
      ReadKeyValues();
    } else {
      reader_.Skip(field.type);
    }
    return {};
  }

  // A group of the schema that has begun.
  struct OpenGroup {
    uint64_t children_left = 0;
    size_t repeated = 0;  // The lists and maps on the way to its children.
  };

  // The schema is a tree in depth-first order. Each element has the number of its children, which
  // follow it.
  Result<> ReadSchema() {
    // A decoder would use the last one.
    if (!metadata_.schema.empty()) return DamagedError("it has two schemas");
    const std::string_view begin = reader_.rest();
    const List elements = reader_.ReadList();
    std::vector<OpenGroup> open;
    for (uint64_t i = 0; i < elements.size; ++i) {
      const SchemaElement element = ReadElement(reader_);
      if (reader_.failed()) return {};
      if (!element.name) return DamagedError("an element of its schema has no name");
      if (element.children < 0 || static_cast<uint64_t>(element.children) >= elements.size) {
        return DamagedError("an element of its schema has an impossible number of children");
      }
      // DuckDB ignores elements after the tree.
      if (i > 0 && open.empty()) continue;
      // The first element is the root.
      if (i > 0 && element.name->empty()) metadata_.has_empty_names = true;
      TARN_CHECK_OK(CheckDecimal(element));
      TARN_CHECK_OK(AddToTree(element, open));
    }
    if (!open.empty()) return DamagedError("its schema ends before its last element");
    const size_t columns = metadata_.untyped_leaves.size();
    if (columns > limits_.columns_max) {
      return Error{ErrorKind::kTooLarge, fmt::format("it has {} columns, and at most {} are "
                                                     "supported",
                                                     columns, limits_.columns_max)};
    }
    metadata_.schema = begin.substr(0, begin.size() - reader_.rest().size());
    return {};
  }

  Result<> AddToTree(const SchemaElement& element, std::vector<OpenGroup>& open) {
    size_t repeated = 0;
    if (!open.empty()) {
      --open.back().children_left;
      repeated = open.back().repeated + (element.is_repeated ? 1 : 0);
    }
    if (element.children > 0) {
      open.push_back({static_cast<uint64_t>(element.children), repeated});
    } else {
      metadata_.untyped_leaves.push_back(element.is_untyped);
    }
    if (repeated > limits_.lists_max) {
      return Error{ErrorKind::kTooLarge,
                   fmt::format("it has a column of lists or maps that are nested more than {} "
                               "deep, which is the limit",
                               limits_.lists_max)};
    }
    if (open.size() > limits_.depth_max) {
      return Error{ErrorKind::kTooLarge,
                   fmt::format("its schema is nested more than {} levels deep, which is the limit "
                               "(queryd.schema_depth_max)",
                               limits_.depth_max)};
    }
    while (!open.empty() && open.back().children_left == 0) open.pop_back();
    return {};
  }

  // Reads the ColumnChunk of the leaf with this index.
  Result<> ReadColumnChunk(uint64_t leaf) {
    bool has_offset = false;
    for (Field field; reader_.NextField(field);) {
      if (field.id == kColumnChunkMetadata && field.type == kStruct) {
        for (Field inner; reader_.NextField(inner);) {
          if (inner.id == kColumnBloomFilterOffset) metadata_.bloom_leaves[leaf] = true;
          reader_.Skip(inner.type);
        }
      } else {
        has_offset = has_offset || (field.id == kColumnChunkFileOffset && field.type == kI64);
        reader_.Skip(field.type);
      }
    }
    if (has_offset || reader_.failed()) return {};
    return DamagedError("a column chunk has no offset");
  }

  Result<> ReadColumnChunks() {
    const List chunks = reader_.ReadList();
    column_chunks_ += chunks.size;
    if (column_chunks_ > kColumnChunksMax) {
      return Error{ErrorKind::kTooLarge,
                   fmt::format("it has more than {} column chunks, which is the limit: write "
                               "larger row groups, or several objects",
                               kColumnChunksMax)};
    }
    std::vector<bool>& leaves = metadata_.bloom_leaves;
    if (chunks.size > leaves.size()) leaves.resize(chunks.size);
    for (uint64_t i = 0; i < chunks.size && !reader_.failed(); ++i) {
      TARN_CHECK_OK(ReadColumnChunk(i));
    }
    return {};
  }

  Result<> ReadRowGroup() {
    bool has_columns = false;
    bool has_bytes = false;
    bool has_rows = false;
    for (Field field; reader_.NextField(field);) {
      if (field.id == kRowGroupColumns && field.type == kList) {
        has_columns = true;
        TARN_CHECK_OK(ReadColumnChunks());
        continue;
      }
      has_bytes = has_bytes || (field.id == kRowGroupBytes && field.type == kI64);
      has_rows = has_rows || (field.id == kRowGroupRows && field.type == kI64);
      reader_.Skip(field.type);
    }
    if ((has_columns && has_bytes && has_rows) || reader_.failed()) return {};
    return DamagedError("a row group lacks its columns, its size or its number of rows");
  }

  Result<> ReadRowGroups() {
    const List groups = reader_.ReadList();
    for (uint64_t i = 0; i < groups.size && !reader_.failed(); ++i) TARN_CHECK_OK(ReadRowGroup());
    return {};
  }

  void ReadKeyValues() {
    const List pairs = reader_.ReadList();
    for (uint64_t i = 0; i < pairs.size && !reader_.failed(); ++i) {
      std::string_view key;
      std::string_view value;
      for (Field field; reader_.NextField(field);) {
        if (field.id == kKeyValueKey && field.type == kBinary) {
          key = reader_.ReadBinary();
        } else if (field.id == kKeyValueValue && field.type == kBinary) {
          value = reader_.ReadBinary();
        } else {
          reader_.Skip(field.type);
        }
      }
      if (key == "geo") metadata_.geo = value;
    }
  }

  ThriftReader reader_;
  const FooterLimits limits_;
  FooterMetadata metadata_;
  uint64_t column_chunks_ = 0;
};

}  // namespace

Result<FooterMetadata> ReadFooterMetadata(std::string_view footer, const FooterLimits& limits) {
  return FooterReader(footer, limits).Read();
}

}  // namespace tarn::duck
