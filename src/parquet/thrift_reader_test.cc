#include "parquet/thrift_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::parquet {
namespace {

// Skips a value of this type and returns the number of remaining bytes, or -1 after a failure.
int LeftAfterSkip(ThriftReader::Wire type, const std::string& bytes) {
  ThriftReader reader(bytes);
  reader.Skip(type);
  return reader.failed() ? -1 : static_cast<int>(reader.rest().size());
}

TEST(ThriftReader, SkipsValuesOfEachType) {
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kTrue, "x"), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kByte, "bx"), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kI64, "\x80\x01x"), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kDouble, "12345678x"), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kBinary,
                          "\x03"
                          "abcx"),
            1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kUuid, "0123456789abcdefx"), 1);
  // Three booleans of a byte each; an empty list; two lists of one number.
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kList, "\x31\x01\x02\x01x"), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kSet, std::string("\x05x", 2)), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kList, "\x29\x15\x02\x15\x02x"), 1);
  // An empty map; two pairs of a number and a text.
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kMap, std::string("\0x", 2)), 1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kMap, std::string("\x02\x58\x02\x01"
                                                          "a\x04\x01"
                                                          "bx",
                                                          9)),
            1);
  // A boolean field, a struct with a number, and a number after it.
  EXPECT_EQ(
      LeftAfterSkip(ThriftReader::kStruct, std::string("\x11\x1c\x15\x02\x00\x15\x02\x00x", 9)), 1);
}

TEST(ThriftReader, RejectsUnknownTypes) {
  for (const int type : {0, 14, 15}) {
    EXPECT_EQ(LeftAfterSkip(static_cast<ThriftReader::Wire>(type), "xxxx"), -1) << type;
    EXPECT_EQ(
        LeftAfterSkip(ThriftReader::kList, std::string(1, static_cast<char>(0x10 | type)) + "x"),
        -1)
        << type;
  }
}

TEST(ThriftReader, LimitsTheDepth) {
  const std::string ends(100, '\0');
  const auto nested = [&](size_t depth) { return std::string(depth, '\x1c') + ends; };
  EXPECT_GE(LeftAfterSkip(ThriftReader::kStruct, nested(ThriftReader::kDepthMax - 1)), 0);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kStruct, nested(ThriftReader::kDepthMax)), -1);
  EXPECT_EQ(LeftAfterSkip(ThriftReader::kList, std::string(1'000'000, '\x19')), -1);
}

TEST(ThriftReader, LimitsTheElementsOfAllLists) {
  std::string bytes;
  // Lists of 127 empty structs.
  const std::string list = "\xfc\x7f" + std::string(127, '\0');
  for (uint64_t i = 0; i < ThriftReader::kElementsMax / 127 + 1; ++i) bytes += list;
  ThriftReader reader(bytes);
  uint64_t lists = 0;
  for (; !reader.failed(); ++lists) reader.Skip(ThriftReader::kList);
  EXPECT_EQ(lists, ThriftReader::kElementsMax / 127 + 1);
}

}  // namespace
}  // namespace tarn::parquet
