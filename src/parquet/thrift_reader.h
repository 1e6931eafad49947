#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tarn::parquet {

// Parses untrusted bytes in Thrift's compact protocol. Not recursive, copies nothing, and reads
// each byte once. Once `failed()` is true, all methods return zeros.
//
// Not thread-safe.
class ThriftReader {
 public:
  // Types of fields and elements in the compact protocol.
  // https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
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

  // The maximum nesting depth within a skipped value. Parquet's structs are nested less deeply.
  static constexpr size_t kDepthMax = 32;
  // The maximum number of elements of all lists, sets and maps together. A decoder allocates memory
  // for each element, which may be a single byte here.
  static constexpr uint64_t kElementsMax = 10'000'000;

  explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  // The unread bytes.
  std::string_view rest() const { return bytes_; }

  // Reads the header of the next field of a struct into `field`, which must hold the previous
  // field. Returns false at the end of the struct.
  bool NextField(Field& field);
  // Reads the header of a list. The elements follow.
  List ReadList();
  std::string_view ReadBinary() { return Consume(ReadVarint()); }
  int64_t ReadSigned() {
    const uint64_t zigzag = ReadVarint();
    return static_cast<int64_t>(zigzag >> 1U) ^ -static_cast<int64_t>(zigzag & 1U);
  }
  // Reads an i8, which is a plain byte.
  int8_t ReadI8() { return static_cast<int8_t>(ReadByte()); }
  // Skips the value of a field of this type.
  void Skip(uint8_t type);

 private:
  // An open list, set, map or struct.
  struct Open {
    uint8_t kind = kStruct;  // kStruct, kMap or kList (also for a set).
    uint8_t type = 0;        // The type of elements, or of the keys of a map.
    uint8_t value_type = 0;  // The type of the values of a map.
    uint64_t left = 0;       // The remaining elements; a key and its value count as two.
    int64_t field = 0;       // The last field of a struct.
  };
  // Reads a scalar (returns false), or the header of a container into `open` (returns true).
  bool Begin(uint8_t type, bool is_element, Open& open);
  void BeginMap(Open& open);
  // Returns the type of the next value in `open`; kStop at its end.
  uint8_t Next(Open& open);
  // Counts elements against kElementsMax. Each takes at least one byte.
  bool CountElements(uint64_t count);
  uint64_t ReadVarint();
  uint8_t ReadByte();
  std::string_view Consume(uint64_t count);
  void Fail();

  std::string_view bytes_;
  uint64_t elements_ = 0;
  bool failed_ = false;
};

}  // namespace tarn::parquet
