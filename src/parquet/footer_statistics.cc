#include "parquet/footer_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.h"

namespace tarn::parquet {
namespace {

using Field = ThriftReader::Field;
using List = ThriftReader::List;
using enum ThriftReader::Wire;

// Fields of parquet.thrift.
constexpr int64_t kFileSchema = 2;
constexpr int64_t kFileRows = 3;
constexpr int64_t kFileRowGroups = 4;
constexpr int64_t kFileColumnOrders = 7;
constexpr int64_t kRowGroupColumns = 1;
constexpr int64_t kRowGroupRows = 3;
constexpr int64_t kColumnChunkMetadata = 3;
constexpr int64_t kColumnType = 1;
constexpr int64_t kColumnEncodings = 2;
constexpr int64_t kColumnValues = 5;
constexpr int64_t kColumnCompressedBytes = 7;
constexpr int64_t kColumnStatistics = 12;
constexpr int64_t kStatisticsDeprecatedMax = 1;
constexpr int64_t kStatisticsDeprecatedMin = 2;
constexpr int64_t kStatisticsNulls = 3;
constexpr int64_t kStatisticsMax = 5;
constexpr int64_t kStatisticsMin = 6;
constexpr int64_t kStatisticsIsMaxExact = 7;
constexpr int64_t kStatisticsIsMinExact = 8;
constexpr int64_t kTypeDefinedOrder = 1;

// The values of Encoding that Parquet's version 2 added.
constexpr int64_t kDeltaBinaryPacked = 5;
constexpr int64_t kDeltaLengthByteArray = 6;
constexpr int64_t kDeltaByteArray = 7;
constexpr int64_t kByteStreamSplit = 9;

Error DamagedFooterError(std::string_view detail) {
  return InvalidArgument(fmt::format("its footer is damaged ({}): write it again", detail));
}

// The statistics of a leaf in one row group.
struct ChunkStatistics {
  std::optional<int64_t> null_count;
  std::optional<std::string_view> min;
  std::optional<std::string_view> max;
  std::optional<std::string_view> deprecated_min;
  std::optional<std::string_view> deprecated_max;
  std::optional<bool> is_min_exact;
  std::optional<bool> is_max_exact;
};

// A leaf in one row group.
struct ColumnChunk {
  bool has_metadata = false;
  int64_t type = -1;
  int64_t value_count = -1;
  int64_t compressed_bytes = -1;
  bool has_v2_encodings = false;
  ChunkStatistics statistics;
};

void SetBinary(int64_t id, std::string_view bytes, ChunkStatistics& statistics) {
  if (id == kStatisticsMax) statistics.max = bytes;
  if (id == kStatisticsMin) statistics.min = bytes;
  if (id == kStatisticsDeprecatedMax) statistics.deprecated_max = bytes;
  if (id == kStatisticsDeprecatedMin) statistics.deprecated_min = bytes;
}

ChunkStatistics ReadStatistics(ThriftReader& reader) {
  ChunkStatistics statistics;
  for (Field field; reader.NextField(field);) {
    const bool is_bool = field.type == kTrue || field.type == kFalse;
    if (field.type == kBinary) {
      SetBinary(field.id, reader.ReadBinary(), statistics);
    } else if (field.id == kStatisticsNulls && field.type == kI64) {
      statistics.null_count = reader.ReadSigned();
    } else if (field.id == kStatisticsIsMaxExact && is_bool) {
      statistics.is_max_exact = field.type == kTrue;
    } else if (field.id == kStatisticsIsMinExact && is_bool) {
      statistics.is_min_exact = field.type == kTrue;
    } else {
      reader.Skip(field.type);
    }
  }
  return statistics;
}

// Reads a list of Encoding values; true if version 2 added one of them.
bool ReadEncodings(ThriftReader& reader) {
  const List encodings = reader.ReadList();
  bool has_v2 = false;
  for (uint64_t i = 0; i < encodings.size && !reader.failed(); ++i) {
    if (encodings.type != kI32) {
      reader.Skip(encodings.type);
      continue;
    }
    const int64_t encoding = reader.ReadSigned();
    has_v2 = has_v2 || encoding == kDeltaBinaryPacked || encoding == kDeltaLengthByteArray ||
             encoding == kDeltaByteArray || encoding == kByteStreamSplit;
  }
  return has_v2;
}

void ReadColumnMetadata(ThriftReader& reader, ColumnChunk& chunk) {
  chunk.has_metadata = true;
  for (Field field; reader.NextField(field);) {
    if (field.id == kColumnType && field.type == kI32) {
      chunk.type = reader.ReadSigned();
    } else if (field.id == kColumnEncodings && field.type == kList) {
      chunk.has_v2_encodings = ReadEncodings(reader);
    } else if (field.id == kColumnValues && field.type == kI64) {
      chunk.value_count = reader.ReadSigned();
    } else if (field.id == kColumnCompressedBytes && field.type == kI64) {
      chunk.compressed_bytes = reader.ReadSigned();
    } else if (field.id == kColumnStatistics && field.type == kStruct) {
      chunk.statistics = ReadStatistics(reader);
    } else {
      reader.Skip(field.type);
    }
  }
}

ColumnChunk ReadColumnChunk(ThriftReader& reader) {
  ColumnChunk chunk;
  for (Field field; reader.NextField(field);) {
    if (field.id == kColumnChunkMetadata && field.type == kStruct) {
      ReadColumnMetadata(reader, chunk);
    } else {
      reader.Skip(field.type);
    }
  }
  return chunk;
}

bool IsBytes(const SchemaElement& leaf) {
  return leaf.type == PhysicalType::kByteArray || leaf.type == PhysicalType::kFixedLenByteArray;
}

// True if the values of a leaf are numbers in signed order.
bool HasRange(const SchemaElement& leaf) {
  using Kind = LogicalType::Kind;
  const LogicalType& logical = leaf.logical;
  if (IsBytes(leaf)) return logical.kind == Kind::kDecimal;
  if (leaf.type != PhysicalType::kInt32 && leaf.type != PhysicalType::kInt64) return false;
  constexpr int8_t kSmallBits = 16;
  switch (logical.kind) {
    case Kind::kNone:
    case Kind::kDecimal:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimestamp:
      return true;
    case Kind::kInteger:
      return logical.is_signed || logical.bits <= kSmallBits;
    default:
      return false;
  }
}

template <class Number>
std::optional<Int128> FromLittleEndian(std::string_view bytes) {
  Number number = 0;
  if (bytes.size() != sizeof(number)) return std::nullopt;
  std::memcpy(&number, bytes.data(), sizeof(number));  // All supported machines are little-endian.
  return Int128{.high = number < 0 ? -1 : 0, .low = static_cast<uint64_t>(int64_t{number})};
}

// A value in the encoding PLAIN.
std::optional<Int128> ReadPlain(const SchemaElement& leaf, std::string_view bytes) {
  if (leaf.type == PhysicalType::kInt32) return FromLittleEndian<int32_t>(bytes);
  if (leaf.type == PhysicalType::kInt64) return FromLittleEndian<int64_t>(bytes);
  const bool is_fixed = leaf.type == PhysicalType::kFixedLenByteArray;
  if (is_fixed && static_cast<int64_t>(bytes.size()) != leaf.type_length) return std::nullopt;
  return FromBigEndian(bytes);
}

// The range of a leaf in one row group, if the statistics have it exactly. Without the flags, only
// values of a fixed width are exact. The deprecated fields have the right order only for integers:
// writers compared bytes as unsigned (PARQUET-686).
std::optional<ValueRange> ChunkRange(const SchemaElement& leaf, const ChunkStatistics& chunk) {
  if (!HasRange(leaf)) return std::nullopt;
  std::optional<std::string_view> min = chunk.min;
  std::optional<std::string_view> max = chunk.max;
  const bool is_exact_by_width = leaf.type != PhysicalType::kByteArray;
  bool is_exact = chunk.is_min_exact.value_or(is_exact_by_width) &&
                  chunk.is_max_exact.value_or(is_exact_by_width);
  if (!min && !max && !IsBytes(leaf)) {
    min = chunk.deprecated_min;
    max = chunk.deprecated_max;
    is_exact = true;
  }
  if (!min || !max || !is_exact) return std::nullopt;
  const std::optional<Int128> low = ReadPlain(leaf, *min);
  const std::optional<Int128> high = ReadPlain(leaf, *max);
  if (!low || !high || *low > *high) return std::nullopt;
  return ValueRange{*low, *high};
}

// Adds a count of a file; false if it is negative or the sum does not fit int64.
bool AddCount(uint64_t& sum, int64_t count) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (count < 0 || static_cast<uint64_t>(count) > kMax - sum) return false;
  sum += static_cast<uint64_t>(count);
  return true;
}

// Parses a FileMetaData struct and checks it against the limits.
class StatisticsReader {
 public:
  StatisticsReader(std::string_view footer, const StatisticsLimits& limits)
      : reader_(footer), limits_(limits) {}

  Result<FooterStatistics> Read() {
    for (Field field; reader_.NextField(field);) TARN_CHECK_OK(ReadField(field));
    if (reader_.failed()) {
      return DamagedFooterError("it ends too early, nests too deeply or has an unknown type");
    }
    if (leaves_.empty()) return DamagedFooterError("it has no schema");
    if (file_rows_ < 0 || static_cast<uint64_t>(file_rows_) != read_.row_count) {
      return DamagedFooterError(
          fmt::format("it has {} rows, and its row groups have {}", file_rows_, read_.row_count));
    }
    Finish();
    return std::move(read_);
  }

 private:
  // A leaf while the row groups are read.
  struct Leaf {
    size_t element = 0;  // Index in the schema.
    bool has_null_counts = true;
    bool has_ranges = true;
    bool has_order = false;  // The file defines the order of its minimum and maximum.
  };

  Result<> ReadField(const Field& field) {
    if (field.id == kFileSchema && field.type == kList) return ReadSchema();
    if (field.id == kFileRowGroups && field.type == kList) return ReadRowGroups();
    if (field.id == kFileColumnOrders && field.type == kList) {
      ReadColumnOrders();
    } else if (field.id == kFileRows && field.type == kI64) {
      file_rows_ = reader_.ReadSigned();
    } else {
      reader_.Skip(field.type);
    }
    return {};
  }

  // The schema is a tree in depth-first order. Each element has the number of its children, which
  // follow it. The first element is the root.
  Result<> ReadSchema() {
    if (has_schema_) return DamagedFooterError("it has two schemas");
    has_schema_ = true;
    const List elements = reader_.ReadList();
    std::vector<uint64_t> open;  // The remaining children of each open group.
    for (uint64_t i = 0; i < elements.size; ++i) {
      std::optional<SchemaElement> element = ReadSchemaElement(reader_);
      if (reader_.failed()) return {};
      if (!element) return DamagedFooterError("an element of its schema has no name or is invalid");
      if (element->children >= elements.size) {
        return DamagedFooterError("an element of its schema has an impossible number of children");
      }
      if (i > 0 && open.empty()) return DamagedFooterError("its schema has two roots");
      if (i > 0) --open.back();
      if (element->children > 0) open.push_back(element->children);
      if (i > 0) TARN_CHECK_OK(AddElement(std::move(*element)));
      if (open.size() > limits_.depth_max) {
        return Error{
            ErrorKind::kTooLarge,
            fmt::format("its schema is nested more than {} levels deep, which is the limit",
                        limits_.depth_max)};
      }
      while (!open.empty() && open.back() == 0) open.pop_back();
    }
    if (!open.empty()) return DamagedFooterError("its schema ends before its last element");
    return {};
  }

  Result<> AddElement(SchemaElement element) {
    if (element.name.empty() || !IsValidUtf8(element.name)) {
      return InvalidArgument(
          "it has a column or field without a name in UTF-8: write it with names");
    }
    if (element.children == 0) {
      if (!element.type) return DamagedFooterError("a leaf of its schema has no type");
      if (leaves_.size() == limits_.columns_max) {
        return Error{
            ErrorKind::kTooLarge,
            fmt::format("it has more than {} columns, which is the limit", limits_.columns_max)};
      }
      leaves_.push_back({.element = read_.schema.size()});
    }
    read_.schema.push_back(std::move(element));
    return {};
  }

  Result<> ReadRowGroups() {
    if (leaves_.empty()) return DamagedFooterError("its row groups are before its schema");
    if (!read_.columns.empty()) return DamagedFooterError("it has two lists of row groups");
    read_.columns.resize(leaves_.size());
    const List groups = reader_.ReadList();
    for (uint64_t i = 0; i < groups.size && !reader_.failed(); ++i) TARN_CHECK_OK(ReadRowGroup());
    return {};
  }

  Result<> ReadRowGroup() {
    bool has_columns = false;
    int64_t rows = -1;
    for (Field field; reader_.NextField(field);) {
      if (field.id == kRowGroupColumns && field.type == kList && !has_columns) {
        has_columns = true;
        TARN_CHECK_OK(ReadColumnChunks());
      } else if (field.id == kRowGroupRows && field.type == kI64) {
        rows = reader_.ReadSigned();
      } else {
        reader_.Skip(field.type);
      }
    }
    if (reader_.failed()) return {};
    if (has_columns && AddCount(read_.row_count, rows)) return {};
    return DamagedFooterError("a row group lacks its columns or its number of rows");
  }

  Result<> ReadColumnChunks() {
    const List chunks = reader_.ReadList();
    if (reader_.failed()) return {};
    if (chunks.size != leaves_.size()) {
      return DamagedFooterError(fmt::format("a row group has {} columns, and its schema has {}",
                                            chunks.size, leaves_.size()));
    }
    column_chunks_ += chunks.size;
    if (column_chunks_ > limits_.column_chunks_max) {
      return Error{ErrorKind::kTooLarge,
                   fmt::format("it has more than {} column chunks, which is the limit: write "
                               "larger row groups, or several objects",
                               limits_.column_chunks_max)};
    }
    for (size_t i = 0; i < leaves_.size(); ++i) {
      const ColumnChunk chunk = ReadColumnChunk(reader_);
      if (reader_.failed()) return {};
      TARN_CHECK_OK(AddChunk(chunk, leaves_[i], read_.columns[i]));
    }
    return {};
  }

  Result<> AddChunk(const ColumnChunk& chunk, Leaf& leaf, ColumnStatistics& column) {
    const SchemaElement& element = read_.schema[leaf.element];
    if (!chunk.has_metadata) return DamagedFooterError("a column chunk has no metadata");
    if (chunk.type != static_cast<int64_t>(*element.type)) {
      return DamagedFooterError("a column chunk has another type than its schema");
    }
    if (!AddCount(column.value_count, chunk.value_count) ||
        !AddCount(column.compressed_bytes, chunk.compressed_bytes)) {
      return DamagedFooterError("a column chunk has an impossible size or number of values");
    }
    read_.has_v2_encodings = read_.has_v2_encodings || chunk.has_v2_encodings;
    const std::optional<int64_t> nulls = chunk.statistics.null_count;
    const bool has_nulls = nulls && *nulls >= 0 && *nulls <= chunk.value_count;
    if (has_nulls) {
      column.null_count = column.null_count.value_or(0) + static_cast<uint64_t>(*nulls);
    } else {
      leaf.has_null_counts = false;
    }
    const bool has_values = !(has_nulls && *nulls == chunk.value_count) && chunk.value_count > 0;
    if (has_values) AddRange(ChunkRange(element, chunk.statistics), leaf, column);
    return {};
  }

  static void AddRange(const std::optional<ValueRange>& range, Leaf& leaf,
                       ColumnStatistics& column) {
    if (!range) {
      leaf.has_ranges = false;
    } else if (!column.range) {
      column.range = range;
    } else {
      column.range->min = std::min(column.range->min, range->min);
      column.range->max = std::max(column.range->max, range->max);
    }
  }

  // ColumnOrder is a union: the field that is set is the order. Without the list, the order of
  // minima and maxima is undefined; that of integers is not in doubt.
  void ReadColumnOrders() {
    has_orders_ = true;
    const List orders = reader_.ReadList();
    for (uint64_t i = 0; i < orders.size && !reader_.failed(); ++i) {
      for (Field field; reader_.NextField(field);) {
        if (i < leaves_.size()) leaves_[i].has_order = field.id == kTypeDefinedOrder;
        reader_.Skip(field.type);
      }
    }
  }

  // Drops the statistics that not all row groups have.
  void Finish() {
    read_.columns.resize(leaves_.size());
    for (size_t i = 0; i < leaves_.size(); ++i) {
      const Leaf& leaf = leaves_[i];
      const bool has_order = has_orders_ ? leaf.has_order : !IsBytes(read_.schema[leaf.element]);
      if (!leaf.has_ranges || !has_order) read_.columns[i].range.reset();
      if (!leaf.has_null_counts) read_.columns[i].null_count.reset();
    }
  }

  ThriftReader reader_;
  const StatisticsLimits limits_;
  FooterStatistics read_;
  std::vector<Leaf> leaves_;
  bool has_schema_ = false;
  bool has_orders_ = false;
  int64_t file_rows_ = -1;
  uint64_t column_chunks_ = 0;
};

}  // namespace

std::optional<Int128> FromBigEndian(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > sizeof(Int128)) return std::nullopt;
  const bool is_negative = static_cast<int8_t>(bytes[0]) < 0;
  uint64_t high = is_negative ? ~uint64_t{0} : 0;
  uint64_t low = high;
  for (const char byte : bytes) {
    high = high << 8U | low >> 56U;
    low = low << 8U | static_cast<uint8_t>(byte);
  }
  return Int128{.high = static_cast<int64_t>(high), .low = low};
}

Result<FooterStatistics> ReadFooterStatistics(std::string_view footer,
                                              const StatisticsLimits& limits) {
  return StatisticsReader(footer, limits).Read();
}

}  // namespace tarn::parquet
