#pragma once

// Writes structs in Thrift's compact protocol, for tests.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::parquet {

inline std::string Varint(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7U) bytes += static_cast<char>((number & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(number);
}

inline std::string ZigZag(int64_t number) {
  return Varint(static_cast<uint64_t>(number) << 1U ^ static_cast<uint64_t>(number >> 63U));
}

// The fields of one struct, with ids of at most 63. Each field has the long form of its header.
class ThriftStruct {
 public:
  ThriftStruct& Bool(int64_t id, bool value) { return Add(id, value ? 1 : 2, ""); }
  ThriftStruct& I8(int64_t id, char value) { return Add(id, 3, std::string(1, value)); }
  ThriftStruct& I32(int64_t id, int64_t value) { return Add(id, 5, ZigZag(value)); }
  ThriftStruct& I64(int64_t id, int64_t value) { return Add(id, 6, ZigZag(value)); }
  ThriftStruct& Binary(int64_t id, std::string_view value) {
    return Add(id, 8, Varint(value.size()) + std::string(value));
  }
  ThriftStruct& Struct(int64_t id, const ThriftStruct& value) { return Add(id, 12, value.Text()); }
  ThriftStruct& Structs(int64_t id, const std::vector<ThriftStruct>& values) {
    std::string bytes = "\xfc" + Varint(values.size());
    for (const ThriftStruct& value : values) bytes += value.Text();
    return Add(id, 9, bytes);
  }
  ThriftStruct& I32s(int64_t id, const std::vector<int64_t>& values) {
    std::string bytes = "\xf5" + Varint(values.size());
    for (const int64_t value : values) bytes += ZigZag(value);
    return Add(id, 9, bytes);
  }
  std::string Text() const { return fields_ + '\0'; }

 private:
  ThriftStruct& Add(int64_t id, char type, const std::string& bytes) {
    fields_ += type + ZigZag(id) + bytes;
    return *this;
  }

  std::string fields_;
};

}  // namespace tarn::parquet
