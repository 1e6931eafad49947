#include <gtest/gtest.h>

#include <cstring>

#include "protocol/messages.h"

namespace tarn::protocol {
namespace {

TEST(RowsHeader, PrecedesTheEncodedBytes) {
  for (const uint64_t rows : {uint64_t{0}, uint64_t{0x0102030405060708}, ~uint64_t{0}}) {
    std::string bytes = RowsFrameHeader({.rows = rows, .compression = Compression::kGzip}, 3);
    bytes += "abc";
    FrameReader reader;
    std::memcpy(reader.Prepare(bytes.size()), bytes.data(), bytes.size());
    reader.Commit(bytes.size());
    const Result<std::optional<Frame>> frame = reader.Next();
    ASSERT_TRUE(frame.ok() && *frame);
    EXPECT_EQ((*frame)->type, FrameType::kRows);
    const Result<RowsHeader> header = ReadRowsHeader((*frame)->payload);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->rows, rows);
    EXPECT_EQ(header->compression, Compression::kGzip);
    EXPECT_EQ((*frame)->payload.substr(RowsHeader::kBytes), "abc");
  }
}

TEST(RowsHeader, RejectsATruncatedHeader) {
  const std::string whole(RowsHeader::kBytes, '\0');
  EXPECT_TRUE(ReadRowsHeader(whole).ok());
  for (size_t size = 0; size < RowsHeader::kBytes; ++size) {
    EXPECT_FALSE(ReadRowsHeader(std::string_view(whole).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace tarn::protocol
