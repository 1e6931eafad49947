#include "iceberg/avro_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "iceberg/test_inflate.h"

namespace tarn::iceberg {
namespace {

std::string Long(int64_t value) {
  std::string out;
  AppendAvroLong(out, value);
  return out;
}

// https://avro.apache.org/docs/1.11.1/specification/#primitive-types-1
TEST(AvroEncoding, WritesLongsAsZigZagVarints) {
  EXPECT_EQ(Long(0), std::string(1, '\0'));
  EXPECT_EQ(Long(-1), "\x01");
  EXPECT_EQ(Long(1), "\x02");
  EXPECT_EQ(Long(-64), "\x7f");
  EXPECT_EQ(Long(64), "\x80\x01");
  EXPECT_EQ(Long(std::numeric_limits<int64_t>::max()), "\xfe" + std::string(8, '\xff') + "\x01");
  EXPECT_EQ(Long(std::numeric_limits<int64_t>::min()), "\xff" + std::string(8, '\xff') + "\x01");
}

TEST(AvroEncoding, WritesBytesUnionsAndArrays) {
  std::string out;
  AppendAvroBytes(out, "foo");
  EXPECT_EQ(out,
            "\x06"
            "foo");
  out.clear();
  AppendAvroNull(out);
  AppendAvroPresent(out);
  EXPECT_EQ(out, std::string("\x00\x02", 2));
  out.clear();
  AppendAvroArrayStart(out, 2);
  AppendAvroLong(out, 3);
  AppendAvroLong(out, 27);
  AppendAvroArrayEnd(out);
  EXPECT_EQ(out, std::string("\x04\x06\x36\x00", 4));
  out.clear();
  AppendAvroArrayStart(out, 0);
  AppendAvroArrayEnd(out);
  EXPECT_EQ(out, std::string(1, '\0'));
}

constexpr size_t kMarkerBytes = 16;

TEST(AvroWriter, WritesAContainerFile) {
  AvroWriter writer(AvroCodec::kNull, "\"long\"", {{"k", "v"}});
  writer.Add("\x02");
  writer.Add("\x04");
  const std::string file = writer.Finish();
  const std::string header =
      "Obj\x01"
      "\x06"
      "\x16"
      "avro.schema"
      "\x0c"
      "\"long\""
      "\x14"
      "avro.codec"
      "\x08"
      "null"
      "\x02"
      "k"
      "\x02"
      "v" +
      std::string(1, '\0');
  ASSERT_TRUE(file.starts_with(header));
  const std::string marker = file.substr(header.size(), kMarkerBytes);
  EXPECT_EQ(file.substr(header.size()), marker + "\x04\x04\x02\x04" + marker);
}

TEST(AvroWriter, WritesNoBlockWithoutRecords) {
  const std::string file = AvroWriter(AvroCodec::kDeflate, "\"long\"", {}).Finish();
  EXPECT_EQ(file.find("deflate") + 7 + 1 + kMarkerBytes, file.size());
}

TEST(AvroWriter, CompressesBlocksWithRawDeflate) {
  AvroWriter writer(AvroCodec::kDeflate, "\"bytes\"", {});
  const std::string record = "\x80\x01" + std::string(64, 'x');
  writer.Add(record);
  const std::string file = writer.Finish();
  const size_t marker_begin = file.find("deflate") + 7 + 1;
  const std::string marker = file.substr(marker_begin, kMarkerBytes);
  const std::string_view block = std::string_view(file).substr(marker_begin + kMarkerBytes);
  ASSERT_GT(block.size(), 2 + kMarkerBytes);
  EXPECT_EQ(block[0], '\x02') << "one record";
  const size_t bytes = block.size() - 2 - kMarkerBytes;
  EXPECT_EQ(static_cast<size_t>(block[1]), 2 * bytes) << "the size, as a zigzag number";
  EXPECT_EQ(Inflated(block.substr(2, bytes), 1000), record);
  EXPECT_TRUE(block.ends_with(marker));
}

TEST(AvroWriter, SplitsLargeFilesIntoBlocks) {
  AvroWriter writer(AvroCodec::kNull, "\"bytes\"", {});
  const std::string record = Long(40'000) + std::string(40'000, 'x');
  for (int i = 0; i < 3; ++i) writer.Add(record);
  const std::string file = writer.Finish();
  const size_t marker_begin = file.find("null") + 4 + 1;
  const std::string marker = file.substr(marker_begin, kMarkerBytes);
  const std::string first =
      Long(2) + Long(static_cast<int64_t>(2 * record.size())) + record + record;
  const std::string second = Long(1) + Long(static_cast<int64_t>(record.size())) + record;
  EXPECT_EQ(file.substr(marker_begin), marker + first + marker + second + marker);
}

TEST(AvroWriter, HasASyncMarkerThatDependsOnTheContent) {
  const auto file = [](const std::string& record, const std::string& value) {
    AvroWriter writer(AvroCodec::kNull, "\"long\"", {{"k", value}});
    writer.Add(record);
    return writer.Finish();
  };
  const auto marker = [](const std::string& text) {
    return text.substr(text.size() - kMarkerBytes);
  };
  EXPECT_EQ(file("\x02", "v"), file("\x02", "v"));
  EXPECT_NE(marker(file("\x02", "v")), marker(file("\x04", "v")));
  EXPECT_NE(marker(file("\x02", "v")), marker(file("\x02", "w")));
}

}  // namespace
}  // namespace tarn::iceberg
