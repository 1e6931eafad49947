#include "duck/footer_metadata.h"

#include <utility>

namespace tarn::duck {
namespace {

// Deeper structs do not occur in a footer, and each level is a call.
constexpr int kDepthMax = 32;

// Types of fields and of elements, in the compact protocol.
enum Wire : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
  kUuid = 13,
};

struct Field {
  uint8_t type = kStop;
  int64_t id = 0;
};

struct List {
  uint8_t type = 0;
  uint64_t size = 0;
};

// Every method returns zeros once `failed()` is true.
class ThriftReader {
 public:
  explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  std::string_view rest() const { return bytes_; }

  // The header of the next field of a struct; kStop at its end. `previous` is the field before.
  Field ReadField(const Field& previous) {
    const uint8_t head = ReadByte();
    const uint8_t type = head & 0x0FU;
    if (failed_ || type == kStop) return {};
    const uint8_t delta = head >> 4U;
    const int64_t id = delta != 0 ? previous.id + delta : ReadSigned();
    return {type, static_cast<int16_t>(id)};
  }

  // Reads the header of the next field into `field`, which is the one before; false at the end.
  bool NextField(Field& field) {
    field = ReadField(field);
    return !failed_ && field.type != kStop;
  }

  List ReadList() {
    const uint8_t head = ReadByte();
    List list{.type = static_cast<uint8_t>(head & 0x0FU),
              .size = static_cast<uint64_t>(head >> 4U)};
    constexpr uint64_t kLong = 15;
    if (list.size == kLong) list.size = ReadVarint();
    // An element has at least a byte.
    if (list.size > bytes_.size()) Fail();
    return failed_ ? List{} : list;
  }

  std::string_view ReadBinary() { return Take(ReadVarint()); }

  int64_t ReadSigned() {
    const uint64_t zigzag = ReadVarint();
    return static_cast<int64_t>(zigzag >> 1U) ^ -static_cast<int64_t>(zigzag & 1U);
  }

  // A value of a field.
  void Skip(uint8_t type, int depth) {
    if (depth > kDepthMax) return Fail();
    switch (type) {
      case kTrue:
      case kFalse:
        return;  // The type is the value.
      case kByte:
        Take(1);
        return;
      case kI16:
      case kI32:
      case kI64:
        ReadVarint();
        return;
      case kDouble:
        Take(8);
        return;
      case kBinary:
        ReadBinary();
        return;
      case kList:
      case kSet:
        return SkipList(depth);
      case kMap:
        return SkipMap(depth);
      case kStruct:
        return SkipStruct(depth);
      case kUuid:
        Take(16);
        return;
      default:
        return Fail();
    }
  }

 private:
  void Fail() {
    failed_ = true;
    bytes_ = {};
  }

  std::string_view Take(uint64_t count) {
    if (count > bytes_.size()) {
      Fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  uint8_t ReadByte() {
    const std::string_view byte = Take(1);
    return byte.empty() ? 0 : static_cast<uint8_t>(byte[0]);
  }

  uint64_t ReadVarint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = ReadByte();
      value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return failed_ ? 0 : value;
    }
    Fail();
    return 0;
  }

  // In a list a boolean is a byte; in a field it is a part of the header.
  void SkipElement(uint8_t type, int depth) {
    if (type == kTrue || type == kFalse) {
      Take(1);
    } else {
      Skip(type, depth);
    }
  }

  void SkipList(int depth) {
    const List list = ReadList();
    for (uint64_t i = 0; i < list.size && !failed_; ++i) SkipElement(list.type, depth + 1);
  }

  void SkipMap(int depth) {
    const uint64_t size = ReadVarint();
    if (size == 0) return;
    const uint8_t types = ReadByte();
    for (uint64_t i = 0; i < size && !failed_; ++i) {
      SkipElement(types >> 4U, depth + 1);
      SkipElement(types & 0x0FU, depth + 1);
    }
  }

  void SkipStruct(int depth) {
    Field field;
    while (!failed_) {
      field = ReadField(field);
      if (field.type == kStop) return;
      Skip(field.type, depth + 1);
    }
  }

  std::string_view bytes_;
  bool failed_ = false;
};

// Fields of parquet.thrift.
constexpr int64_t kFileSchema = 2;
constexpr int64_t kFileRowGroups = 4;
constexpr int64_t kFileKeyValues = 5;
constexpr int64_t kFileCreatedBy = 6;
constexpr int64_t kRowGroupColumns = 1;
constexpr int64_t kColumnChunkMetadata = 3;
constexpr int64_t kColumnBloomFilterOffset = 14;
constexpr int64_t kElementName = 4;
constexpr int64_t kElementChildren = 5;
constexpr int64_t kElementLogicalType = 10;
constexpr int64_t kLogicalTypeUnknown = 11;
constexpr int64_t kKeyValueKey = 1;
constexpr int64_t kKeyValueValue = 2;

// LogicalType, a union: the field that is set says which type it is.
bool ReadIsUnknown(ThriftReader& reader) {
  bool is_unknown = false;
  for (Field field; reader.NextField(field);) {
    is_unknown = field.id == kLogicalTypeUnknown;
    reader.Skip(field.type, 1);
  }
  return is_unknown;
}

// SchemaElement; returns its name.
std::string_view ReadElement(ThriftReader& reader, std::vector<bool>& untyped_leaves) {
  std::string_view name;
  int64_t children = 0;
  bool is_untyped = false;
  for (Field field; reader.NextField(field);) {
    if (field.id == kElementName && field.type == kBinary) {
      name = reader.ReadBinary();
    } else if (field.id == kElementChildren && field.type == kI32) {
      children = reader.ReadSigned();
    } else if (field.id == kElementLogicalType && field.type == kStruct) {
      is_untyped = ReadIsUnknown(reader);
    } else {
      reader.Skip(field.type, 1);
    }
  }
  if (children == 0) untyped_leaves.push_back(is_untyped);
  return name;
}

void ReadSchema(ThriftReader& reader, FooterMetadata& metadata) {
  const std::string_view begin = reader.rest();
  const List elements = reader.ReadList();
  for (uint64_t i = 0; i < elements.size && !reader.failed(); ++i) {
    const std::string_view name = ReadElement(reader, metadata.untyped_leaves);
    // The first element is the file itself.
    if (i > 0 && name.empty()) metadata.has_empty_names = true;
  }
  metadata.schema = begin.substr(0, begin.size() - reader.rest().size());
}

// ColumnChunk: whether it has a bloom filter.
bool ReadHasBloomFilter(ThriftReader& reader) {
  bool has_bloom_filter = false;
  for (Field field; reader.NextField(field);) {
    if (field.id != kColumnChunkMetadata || field.type != kStruct) {
      reader.Skip(field.type, 1);
      continue;
    }
    for (Field inner; reader.NextField(inner);) {
      has_bloom_filter = has_bloom_filter || inner.id == kColumnBloomFilterOffset;
      reader.Skip(inner.type, 2);
    }
  }
  return has_bloom_filter;
}

void ReadColumnChunks(ThriftReader& reader, std::vector<bool>& bloom_leaves) {
  const List chunks = reader.ReadList();
  if (chunks.size > bloom_leaves.size()) bloom_leaves.resize(chunks.size);
  for (uint64_t i = 0; i < chunks.size && !reader.failed(); ++i) {
    if (ReadHasBloomFilter(reader)) bloom_leaves[i] = true;
  }
}

void ReadRowGroups(ThriftReader& reader, FooterMetadata& metadata) {
  const List groups = reader.ReadList();
  for (uint64_t i = 0; i < groups.size && !reader.failed(); ++i) {
    for (Field field; reader.NextField(field);) {
      if (field.id == kRowGroupColumns && field.type == kList) {
        ReadColumnChunks(reader, metadata.bloom_leaves);
      } else {
        reader.Skip(field.type, 1);
      }
    }
  }
}

void ReadKeyValues(ThriftReader& reader, FooterMetadata& metadata) {
  const List pairs = reader.ReadList();
  for (uint64_t i = 0; i < pairs.size && !reader.failed(); ++i) {
    std::string_view key;
    std::string_view value;
    for (Field field; reader.NextField(field);) {
      if (field.id == kKeyValueKey && field.type == kBinary) {
        key = reader.ReadBinary();
      } else if (field.id == kKeyValueValue && field.type == kBinary) {
        value = reader.ReadBinary();
      } else {
        reader.Skip(field.type, 1);
      }
    }
    if (key == "geo") metadata.geo = value;
  }
}

}  // namespace

Result<FooterMetadata> ReadFooterMetadata(std::string_view footer) {
  ThriftReader reader(footer);
  FooterMetadata metadata;
  for (Field field; reader.NextField(field);) {
    if (field.id == kFileSchema && field.type == kList) {
      ReadSchema(reader, metadata);
    } else if (field.id == kFileRowGroups && field.type == kList) {
      ReadRowGroups(reader, metadata);
    } else if (field.id == kFileCreatedBy && field.type == kBinary) {
      metadata.is_by_duckdb = reader.ReadBinary().starts_with("DuckDB");
    } else if (field.id == kFileKeyValues && field.type == kList) {
      ReadKeyValues(reader, metadata);
    } else {
      reader.Skip(field.type, 1);
    }
  }
  metadata.bloom_leaves.resize(metadata.untyped_leaves.size());
  if (reader.failed() || metadata.schema.empty()) return InvalidArgument("its footer is damaged");
  return metadata;
}

}  // namespace tarn::duck
