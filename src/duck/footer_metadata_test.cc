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
  // Returns the footer of a Parquet file with the rows of the query.
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

TEST_F(FooterMetadataTest, ReadsEqualSchemasForEqualColumns) {
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

TEST_F(FooterMetadataTest, RejectsDamagedFooters) {
  const std::string good = FooterOf("SELECT 1 AS id, {'a': [1]} AS s");
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(ReadFooterMetadata(good.substr(0, bytes)).ok()) << bytes;
  }
  EXPECT_FALSE(ReadFooterMetadata(std::string(1000, '\x1c')).ok()) << "nests too deeply";
  EXPECT_FALSE(ReadFooterMetadata(std::string("\x29\xfc\xff\xff\xff\x7f", 6)).ok());
}

// A list of at most 2^28 elements, as the field after its predecessor.
std::string ListField(size_t elements) {
  std::string bytes = "\x19\xfc";
  for (; elements >= 0x80; elements >>= 7U) bytes += static_cast<char>((elements & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(elements);
}

// A schema with a column inside `depth` structs.
std::string NestedFooter(size_t depth) {
  std::string footer = "\x15\x02" + ListField(depth + 2);
  // SchemaElement{4: "a", 5: 1 child}; the last one has no children.
  for (size_t i = 0; i < depth + 1; ++i)
    footer += std::string(
        "\x48\x01"
        "a\x15\x02\x00",
        6);
  return footer + std::string(
                      "\x15\x02\x38\x01"
                      "a\x00\x00",
                      7);
}

TEST_F(FooterMetadataTest, RejectsSchemasBeyondTheDepthLimit) {
  EXPECT_TRUE(ReadFooterMetadata(NestedFooter(62)).ok());
  EXPECT_TRUE(ReadFooterMetadata(NestedFooter(63)).ok());
  for (const size_t depth : {size_t{64}, size_t{100'000}, size_t{1'000'000}}) {
    const auto read = ReadFooterMetadata(NestedFooter(depth));
    ASSERT_FALSE(read.ok()) << depth;
    EXPECT_EQ(read.error().kind, ErrorKind::kTooLarge);
    EXPECT_EQ(read.error().message,
              "its schema is nested more than 64 levels deep, which is the limit "
              "(queryd.schema_depth_max)");
  }
  EXPECT_TRUE(ReadFooterMetadata(NestedFooter(100), {.depth_max = 101}).ok());
}

TEST_F(FooterMetadataTest, RejectsListsThatAreNestedTooDeep) {
  const auto lists = [](size_t depth) {
    return "SELECT " + std::string(depth, '[') + "1" + std::string(depth, ']') + " AS v";
  };
  EXPECT_TRUE(ReadFooterMetadata(FooterOf(lists(16))).ok());
  EXPECT_TRUE(ReadFooterMetadata(FooterOf("SELECT [[1]] AS a, [[2]] AS b"), {.lists_max = 2}).ok());
  for (const std::string& sql :
       {lists(17), "SELECT MAP {'k': " + lists(16).substr(7, 33) + "} AS v",
        "SELECT {'s': " + lists(17).substr(7, 35) + "} AS v"}) {
    const auto read = ReadFooterMetadata(FooterOf(sql));
    ASSERT_FALSE(read.ok()) << sql;
    EXPECT_EQ(read.error().kind, ErrorKind::kTooLarge);
    EXPECT_EQ(read.error().message,
              "it has a column of lists or maps that are nested more than 16 deep, which is the "
              "limit");
  }
}

TEST_F(FooterMetadataTest, RejectsSchemasBeyondTheColumnLimit) {
  const std::string footer = FooterOf("SELECT 1 AS a, {'b': 2, 'c': 3} AS s");
  EXPECT_TRUE(ReadFooterMetadata(footer, {.columns_max = 3}).ok());
  const auto read = ReadFooterMetadata(footer, {.columns_max = 2});
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(read.error().message, "it has 3 columns, and at most 2 are supported");
}

TEST_F(FooterMetadataTest, RejectsDecimalsOfMoreThan38Digits) {
  EXPECT_TRUE(ReadFooterMetadata(FooterOf("SELECT 1::DECIMAL(38,2) AS d")).ok());
  const std::string root("\x48\x01r\x15\x02\x00", 6);
  // Fields 6 and 8: the converted type DECIMAL of 38 or 39 digits. Field 10: the logical type.
  const auto converted = [&](char digits) {
    return "\x15\x02" + ListField(2) + root + "\x48\x01" + "d\x25\x0a\x25" + digits +
           std::string("\x00\x00", 2);
  };
  const auto logical = [&](char digits) {
    return "\x15\x02" + ListField(2) + root + "\x48\x01" + "d\x6c\x5c\x25" + digits +
           std::string("\x00\x00\x00\x00", 4);
  };
  constexpr char k38 = 76;
  constexpr char k39 = 78;
  EXPECT_TRUE(ReadFooterMetadata(converted(k38)).ok());
  EXPECT_TRUE(ReadFooterMetadata(logical(k38)).ok());
  for (const std::string& footer : {converted(k39), logical(k39)}) {
    const auto read = ReadFooterMetadata(footer);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().kind, ErrorKind::kTooLarge);
    EXPECT_EQ(read.error().message,
              "its column \"d\" is a DECIMAL of 39 digits, and at most 38 are supported: write it "
              "with fewer digits, or as text");
  }
}

TEST_F(FooterMetadataTest, ReportsTheDamage) {
  const std::string leaf(
      "\x48\x01"
      "a\x00",
      4);
  const std::string root("\x48\x01r\x15\x02\x00", 6);
  const std::string schema = "\x15\x02" + ListField(2) + root + leaf;
  const auto detail_of = [](const std::string& footer) {
    const auto read = ReadFooterMetadata(footer);
    return read.ok() ? "" : read.error().message;
  };
  const auto damaged = [](const std::string& detail) {
    return "its footer is damaged (" + detail + "): write it again";
  };
  const std::string end(1, '\0');
  EXPECT_EQ(detail_of(schema + end), "");
  EXPECT_EQ(detail_of("\x15\x02" + end), damaged("it has no schema"));
  EXPECT_EQ(detail_of("\x15\x02" + ListField(1) + end + end),
            damaged("an element of its schema has no name"));
  EXPECT_EQ(detail_of("\x15\x02" + ListField(1) + root + end),
            damaged("an element of its schema has an impossible number of children"));
  const std::string negative("\x48\x01r\x15\x01\x00", 6);
  EXPECT_EQ(detail_of("\x15\x02" + ListField(1) + negative + end),
            damaged("an element of its schema has an impossible number of children"));
  const std::string two_children("\x48\x01r\x15\x04\x00", 6);
  EXPECT_EQ(detail_of("\x15\x02" + ListField(3) + two_children + two_children + leaf + end),
            damaged("its schema ends before its last element"));
  // The second list has the id 2 again, in the long form of a field header.
  EXPECT_EQ(detail_of(schema + std::string("\x09\x04\x1c", 3) + leaf + end),
            damaged("it has two schemas"));
  // Field 4, the row groups: an empty one, and one with an empty column chunk.
  EXPECT_EQ(detail_of(schema + std::string("\x29\x1c\x00\x00", 4)),
            damaged("a row group lacks its columns, its size or its number of rows"));
  EXPECT_EQ(detail_of(schema + std::string("\x29\x1c\x19\x1c\x00", 5)),
            damaged("a column chunk has no offset"));
}

// A decoder allocates memory for all elements of a list before it reads the first one.
TEST_F(FooterMetadataTest, RejectsListsWithFalseLengths) {
  const std::string schema = "\x15\x02" + ListField(2) +
                             std::string(
                                 "\x48\x01r\x15\x02\x00\x48\x01"
                                 "a\x00",
                                 10);
  const size_t claimed = 50'000'000;
  EXPECT_FALSE(
      ReadFooterMetadata(schema + "\x29\xfc\x80\xe1\xeb\x17" + std::string(claimed, '\0')).ok());
  // Field 5, the metadata of the file, with as many empty structs.
  EXPECT_FALSE(
      ReadFooterMetadata(schema + "\x39\xfc\x80\xe1\xeb\x17" + std::string(claimed, '\0')).ok());
}

}  // namespace
}  // namespace tarn::duck
