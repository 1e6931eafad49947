#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tarn::duck {

// Reads values in Thrift's compact protocol from bytes that anyone may have written. It never
// recurses, copies nothing, and reads no byte twice. Every method returns zeros once `failed()` is
// true.
//
// Not thread-safe.
class ThriftReader {
 public:
  // Types of fields and of elements in Thrift's compact protocol.
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

  // Values may nest this deep within a value that is skipped. Parquet's own structs nest less.
  static constexpr size_t kDepthMax = 32;
  // The most elements of all lists, sets and maps together. A decoder allocates memory for each
  // element, which is at most one byte here.
  static constexpr uint64_t kElementsMax = 10'000'000;

  explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  // The bytes that have not been read.
  std::string_view rest() const { return bytes_; }

  // Reads the header of the next field of a struct into `field`, which is the field before it.
  // Returns false at the end of the struct.
  bool NextField(Field& field);
  // Reads the header of a list. Its elements follow.
  List ReadList();
  std::string_view ReadBinary() { return Take(ReadVarint()); }
  int64_t ReadSigned() {
    const uint64_t zigzag = ReadVarint();
    return static_cast<int64_t>(zigzag >> 1U) ^ -static_cast<int64_t>(zigzag & 1U);
  }
  // Reads the value of a field of this type.
  void Skip(uint8_t type);

 private:
  // A list, set, map or struct that has begun.
  struct Open {
    uint8_t kind = kStruct;  // kStruct, kMap or kList; a set is a kList.
    uint8_t type = 0;        // Of the elements, or of the keys of a map.
    uint8_t value_type = 0;  // Of the values of a map.
    uint64_t left = 0;       // Elements that follow. Keys and values count one each.
    int64_t field = 0;       // The last field of a struct.
  };
  // Reads a scalar, or the header of anything else, which is returned.
  bool Begin(uint8_t type, bool is_element, Open& open);
  void BeginMap(Open& open);
  // Returns the type of the next value in `open`; kStop at its end.
  uint8_t Next(Open& open);
  // Counts elements. Each takes at least one byte.
  bool CountElements(uint64_t count);
  uint64_t ReadVarint();
  uint8_t ReadByte();
  std::string_view Take(uint64_t count);
  void Fail();

  std::string_view bytes_;
  uint64_t elements_ = 0;
  bool failed_ = false;
};

}  // namespace tarn::duck
