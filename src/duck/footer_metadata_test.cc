#include "duck/footer_metadata.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::duck {
namespace {

class FooterMetadataTest : public testing::Test {
 protected:
  // The footer of a Parquet file with the rows of the query.
  static std::string FooterOf(const std::string& query) {
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / RandomId();
    Connection connection = *Database::Open({})->Connect();
    EXPECT_TRUE(connection
                    .Execute("COPY (" + query + ") TO " + QuoteLiteral(path.string()) +
                             " (FORMAT parquet, KV_METADATA {geo: 'geo text', other: 'x'})")
                    .ok());
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::filesystem::remove(path);
    uint32_t length = 0;
    std::memcpy(&length, bytes.data() + bytes.size() - 8, sizeof(length));
    return bytes.substr(bytes.size() - 8 - length, length);
  }
};

TEST_F(FooterMetadataTest, FilesWithTheSameColumnsHaveTheSameSchema) {
  const auto one = ReadFooterMetadata(FooterOf("SELECT 1 AS id, 'x' AS name"));
  const auto two = ReadFooterMetadata(FooterOf("SELECT 7 AS id, 'yy' AS name FROM range(300000)"));
  const auto other = ReadFooterMetadata(FooterOf("SELECT 1 AS id, 'x' AS named"));
  ASSERT_TRUE(one.ok() && two.ok() && other.ok());
  EXPECT_EQ(one->schema, two->schema);
  EXPECT_NE(one->schema, other->schema);
  EXPECT_EQ(one->geo, "geo text");
  EXPECT_EQ(one->untyped_leaves, (std::vector<bool>{false, false}));
}

TEST_F(FooterMetadataTest, CountsTheLeavesOfNestedColumns) {
  const auto metadata = ReadFooterMetadata(
      FooterOf("SELECT {'a': 1, 'b': [1]} AS s, MAP {'k': DATE '2026-01-31'} m"));
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ(metadata->untyped_leaves.size(), 4U);
}

TEST_F(FooterMetadataTest, FindsColumnsOfTheUnknownType) {
  // FileMetaData{2: [root{4: "r", 5: 2 children}, leaf{4: "a", 10: {11: {}}}, leaf{4: "b", 1: 1}]}
  const std::string footer(
      "\x29\x3c"
      "\x48\x01r\x15\x04\x00"
      "\x48\x01"
      "a\x6c\xbc\x00\x00\x00"
      "\x15\x02\x38\x01"
      "b\x00"
      "\x00",
      23);
  const auto metadata = ReadFooterMetadata(footer);
  ASSERT_TRUE(metadata.ok()) << metadata.error().message;
  EXPECT_EQ(metadata->untyped_leaves, (std::vector<bool>{true, false}));
}

TEST_F(FooterMetadataTest, RefusesDamagedFooters) {
  const std::string good = FooterOf("SELECT 1 AS id, {'a': [1]} AS s");
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(ReadFooterMetadata(good.substr(0, bytes)).ok()) << bytes;
  }
  EXPECT_FALSE(ReadFooterMetadata(std::string(1000, '\x1c')).ok()) << "nests too deeply";
  EXPECT_FALSE(ReadFooterMetadata(std::string("\x29\xfc\xff\xff\xff\x7f", 6)).ok());
}

}  // namespace
}  // namespace tarn::duck
