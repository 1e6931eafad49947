#include "parquet/footer_statistics.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

#include "parquet/test_thrift.h"

namespace tarn::parquet {
namespace {

constexpr int64_t kInt32 = 1;
constexpr int64_t kInt64 = 2;
constexpr int64_t kByteArray = 6;
constexpr int64_t kFixed = 7;

template <class Number>
std::string Plain(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

ThriftStruct Group(const std::string& name, int64_t children) {
  return ThriftStruct().Binary(4, name).I32(5, children);
}

ThriftStruct Leaf(const std::string& name, int64_t type = kInt32) {
  return ThriftStruct().I32(1, type).I32(3, 1).Binary(4, name);
}

ThriftStruct MinMax(const std::string& min, const std::string& max) {
  return ThriftStruct().I64(3, 0).Binary(5, max).Binary(6, min);
}

// A column chunk of 10 values and 100 bytes.
ThriftStruct Chunk(int64_t type, const ThriftStruct& statistics, int64_t values = 10) {
  return ThriftStruct().I64(2, 0).Struct(
      3, ThriftStruct().I32(1, type).I32s(2, {0, 8}).I64(5, values).I64(7, 100).Struct(12,
                                                                                       statistics));
}

ThriftStruct RowGroup(const std::vector<ThriftStruct>& chunks, int64_t rows = 10) {
  return ThriftStruct().Structs(1, chunks).I64(3, rows);
}

// A file with one leaf and a row group for each chunk.
ThriftStruct OneLeaf(const ThriftStruct& leaf, const std::vector<ThriftStruct>& chunks) {
  std::vector<ThriftStruct> groups;
  for (const ThriftStruct& chunk : chunks) groups.push_back(RowGroup({chunk}));
  return ThriftStruct()
      .Structs(2, {Group("root", 1), leaf})
      .I64(3, 10 * static_cast<int64_t>(chunks.size()))
      .Structs(4, groups);
}

// The footer says that the minimum and maximum have the order of the type.
ThriftStruct WithOrder(ThriftStruct footer) {
  return footer.Structs(7, {ThriftStruct().Struct(1, ThriftStruct())});
}

FooterStatistics Read(const ThriftStruct& footer) {
  auto read = ReadFooterStatistics(footer.Text());
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  return read.ok() ? std::move(*read) : FooterStatistics{.columns = {{}}};
}

Int128 Number(int64_t number) {
  return {.high = number < 0 ? -1 : 0, .low = static_cast<uint64_t>(number)};
}

TEST(FooterStatistics, ReadsTheSchemaDepthFirst) {
  const FooterStatistics read = Read(ThriftStruct()
                                         .Structs(2, {Group("root", 2), Group("s", 2), Leaf("a"),
                                                      Leaf("b", kInt64), Leaf("c", kByteArray)})
                                         .I64(3, 0));
  ASSERT_EQ(read.schema.size(), 4U);
  EXPECT_EQ(read.schema[0].name, "s");
  EXPECT_EQ(read.schema[0].children, 2U);
  EXPECT_FALSE(read.schema[0].type);
  EXPECT_EQ(read.schema[2].name, "b");
  EXPECT_EQ(read.schema[2].type, PhysicalType::kInt64);
  EXPECT_EQ(read.schema[2].repetition, Repetition::kOptional);
  EXPECT_EQ(read.schema[3].type, PhysicalType::kByteArray);
  EXPECT_EQ(read.columns.size(), 3U);
}

SchemaElement ReadLeaf(const ThriftStruct& leaf) { return Read(OneLeaf(leaf, {})).schema.at(0); }

TEST(FooterStatistics, ReadsLogicalTypes) {
  using Kind = LogicalType::Kind;
  const auto logical = [](int64_t id, const ThriftStruct& type) {
    return ReadLeaf(Leaf("a").Struct(10, ThriftStruct().Struct(id, type))).logical;
  };
  const ThriftStruct nanos = ThriftStruct().Struct(3, ThriftStruct());
  EXPECT_EQ(logical(8, ThriftStruct().Bool(1, true).Struct(2, nanos)),
            (LogicalType{.kind = Kind::kTimestamp, .unit = TimeUnit::kNanos, .is_utc = true}));
  const ThriftStruct micros = ThriftStruct().Struct(2, ThriftStruct());
  EXPECT_EQ(logical(7, ThriftStruct().Bool(1, false).Struct(2, micros)),
            (LogicalType{.kind = Kind::kTime, .unit = TimeUnit::kMicros}));
  EXPECT_EQ(logical(5, ThriftStruct().I32(1, 2).I32(2, 18)),
            (LogicalType{.kind = Kind::kDecimal, .precision = 18, .scale = 2}));
  EXPECT_EQ(logical(10, ThriftStruct().I8(1, 16).Bool(2, false)),
            (LogicalType{.kind = Kind::kInteger, .bits = 16, .is_signed = false}));
  EXPECT_EQ(logical(1, ThriftStruct()).kind, Kind::kString);
  EXPECT_EQ(logical(11, ThriftStruct()).kind, Kind::kUnknown);
  EXPECT_EQ(logical(14, ThriftStruct()).kind, Kind::kUuid);
  EXPECT_EQ(logical(18, ThriftStruct()).kind, Kind::kGeography);
  EXPECT_EQ(logical(19, ThriftStruct()).kind, Kind::kOther);
}

TEST(FooterStatistics, ReadsConvertedTypesAsLogicalTypes) {
  using Kind = LogicalType::Kind;
  const auto converted = [](int64_t type) { return ReadLeaf(Leaf("a").I32(6, type)).logical; };
  EXPECT_EQ(converted(0).kind, Kind::kString);
  EXPECT_EQ(converted(9), (LogicalType{.kind = Kind::kTimestamp,
                                       .unit = TimeUnit::kMillis,
                                       .is_utc = true,
                                       .is_converted = true}));
  EXPECT_EQ(
      converted(13),
      (LogicalType{.kind = Kind::kInteger, .bits = 32, .is_signed = false, .is_converted = true}));
  EXPECT_EQ(converted(15), (LogicalType{.kind = Kind::kInteger, .bits = 8, .is_converted = true}));
  EXPECT_EQ(converted(21).kind, Kind::kInterval);
  EXPECT_EQ(converted(22).kind, Kind::kOther);
  EXPECT_EQ(
      ReadLeaf(Leaf("a").I32(6, 5).I32(7, 3).I32(8, 9)).logical,
      (LogicalType{.kind = Kind::kDecimal, .precision = 9, .scale = 3, .is_converted = true}));
  // The logical type takes precedence.
  const ThriftStruct json = ThriftStruct().Struct(12, ThriftStruct());
  EXPECT_EQ(ReadLeaf(Leaf("a").I32(6, 0).Struct(10, json)).logical,
            (LogicalType{.kind = Kind::kJson}));
}

TEST(FooterStatistics, ReportsFieldIds) {
  EXPECT_FALSE(ReadLeaf(Leaf("a")).has_field_id);
  EXPECT_TRUE(ReadLeaf(Leaf("a").I32(9, 1)).has_field_id);
}

TEST(FooterStatistics, CombinesRowGroups) {
  const FooterStatistics read =
      Read(OneLeaf(Leaf("a"), {Chunk(kInt32, MinMax(Plain(-5), Plain(7))),
                               Chunk(kInt32, ThriftStruct().I64(3, 10)),  // Only nulls.
                               Chunk(kInt32, MinMax(Plain(-9), Plain(3)))}));
  EXPECT_EQ(read.row_count, 30U);
  const ColumnStatistics& column = read.columns[0];
  EXPECT_EQ(column.value_count, 30U);
  EXPECT_EQ(column.compressed_bytes, 300U);
  EXPECT_EQ(column.null_count, 10U);
  EXPECT_EQ(column.range, (ValueRange{Number(-9), Number(7)}));
}

TEST(FooterStatistics, HasNoRangeIfARowGroupHasNone) {
  const FooterStatistics read = Read(OneLeaf(Leaf("a"), {Chunk(kInt32, MinMax(Plain(-5), Plain(7))),
                                                         Chunk(kInt32, ThriftStruct().I64(3, 9))}));
  EXPECT_EQ(read.columns[0].range, std::nullopt);
  EXPECT_EQ(read.columns[0].null_count, 9U);
}

TEST(FooterStatistics, HasNoNullCountIfARowGroupHasNone) {
  const FooterStatistics read = Read(OneLeaf(
      Leaf("a"), {Chunk(kInt32, MinMax(Plain(-5), Plain(7))), Chunk(kInt32, ThriftStruct())}));
  EXPECT_EQ(read.columns[0].null_count, std::nullopt);
}

// The range of one chunk.
std::optional<ValueRange> RangeOf(const ThriftStruct& leaf, int64_t type,
                                  const ThriftStruct& statistics, bool has_order = true) {
  const ThriftStruct footer = OneLeaf(leaf, {Chunk(type, statistics)});
  return Read(has_order ? WithOrder(footer) : footer).columns[0].range;
}

TEST(FooterStatistics, ReadsRangesOfIntegers) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(RangeOf(Leaf("a", kInt64), kInt64, MinMax(Plain(kLeast), Plain(int64_t{1}))),
            (ValueRange{Number(kLeast), Number(1)}));
  const ValueRange expected{Number(1), Number(2)};
  const ThriftStruct one_two = MinMax(Plain(1), Plain(2));
  EXPECT_EQ(RangeOf(Leaf("a"), kInt32, one_two, /*has_order=*/false), expected);
  EXPECT_EQ(RangeOf(Leaf("a").I32(6, 12), kInt32, one_two), expected) << "UINT_16";
  EXPECT_EQ(RangeOf(Leaf("a").I32(6, 13), kInt32, one_two), std::nullopt) << "UINT_32";
  EXPECT_EQ(RangeOf(Leaf("a"), kInt32, MinMax(Plain(2), Plain(1))), std::nullopt) << "min > max";
  EXPECT_EQ(RangeOf(Leaf("a"), kInt32, MinMax("abc", Plain(1))), std::nullopt) << "three bytes";
}

TEST(FooterStatistics, IgnoresInexactRanges) {
  const ThriftStruct one_two = MinMax(Plain(1), Plain(2));
  EXPECT_TRUE(RangeOf(Leaf("a"), kInt32, ThriftStruct(one_two).Bool(7, true).Bool(8, true)));
  EXPECT_FALSE(RangeOf(Leaf("a"), kInt32, ThriftStruct(one_two).Bool(7, false).Bool(8, true)));
  EXPECT_FALSE(RangeOf(Leaf("a"), kInt32, ThriftStruct(one_two).Bool(7, true).Bool(8, false)));
}

TEST(FooterStatistics, ReadsRangesOfDecimals) {
  const ThriftStruct fixed = Leaf("a", kFixed).I32(2, 3).I32(6, 5);
  const ThriftStruct statistics =
      MinMax(std::string("\xff\xfe\x00", 3), std::string("\0\x01\x02", 3));
  EXPECT_EQ(RangeOf(fixed, kFixed, statistics), (ValueRange{Number(-512), Number(258)}));
  EXPECT_FALSE(RangeOf(fixed, kFixed, statistics, /*has_order=*/false));
  EXPECT_FALSE(RangeOf(fixed, kFixed, MinMax("\xff", "\x01"))) << "another length than the type's";
  EXPECT_FALSE(RangeOf(Leaf("a", kFixed).I32(2, 3), kFixed, statistics)) << "no DECIMAL";
  // Bytes of any length may have been shortened.
  const ThriftStruct bytes = Leaf("a", kByteArray).I32(6, 5);
  EXPECT_FALSE(RangeOf(bytes, kByteArray, MinMax("\xff", "\x7f")));
  EXPECT_EQ(RangeOf(bytes, kByteArray, MinMax("\xff", "\x7f").Bool(7, true).Bool(8, true)),
            (ValueRange{Number(-1), Number(127)}));
}

TEST(FooterStatistics, UsesDeprecatedRangesOfIntegersOnly) {
  const auto deprecated = [](const std::string& min, const std::string& max) {
    return ThriftStruct().Binary(1, max).Binary(2, min).I64(3, 0);
  };
  EXPECT_EQ(RangeOf(Leaf("a"), kInt32, deprecated(Plain(-1), Plain(2))),
            (ValueRange{Number(-1), Number(2)}));
  EXPECT_FALSE(RangeOf(Leaf("a", kFixed).I32(2, 1).I32(6, 5), kFixed, deprecated("\x01", "\xff")));
}

TEST(FooterStatistics, IgnoresRangesInAnUnknownOrder) {
  ThriftStruct footer = OneLeaf(Leaf("a"), {Chunk(kInt32, MinMax(Plain(1), Plain(2)))});
  footer.Structs(7, {ThriftStruct().Struct(2, ThriftStruct())});
  EXPECT_FALSE(Read(footer).columns[0].range);
}

TEST(FooterStatistics, FindsEncodingsOfVersion2) {
  const auto has_v2 = [](int64_t encoding) {
    const ThriftStruct metadata =
        ThriftStruct().I32(1, kInt32).I32s(2, {3, encoding}).I64(5, 10).I64(7, 100);
    return Read(OneLeaf(Leaf("a"), {ThriftStruct().Struct(3, metadata)})).has_v2_encodings;
  };
  for (const int64_t encoding : {0, 2, 3, 8}) EXPECT_FALSE(has_v2(encoding)) << encoding;
  for (const int64_t encoding : {5, 6, 7, 9}) EXPECT_TRUE(has_v2(encoding)) << encoding;
}

std::string ErrorOf(const ThriftStruct& footer, const StatisticsLimits& limits = {}) {
  const auto read = ReadFooterStatistics(footer.Text(), limits);
  return read.ok() ? "" : read.error().message;
}

TEST(FooterStatistics, RejectsDamagedFooters) {
  const ThriftStruct schema = ThriftStruct().Structs(2, {Group("root", 1), Leaf("a")});
  const auto with_group = [&](const ThriftStruct& group) {
    return ErrorOf(ThriftStruct(schema).I64(3, 10).Structs(4, {group}));
  };
  const auto damaged = [](const std::string& detail) {
    return "its footer is damaged (" + detail + "): write it again";
  };
  const ThriftStruct good = Chunk(kInt32, ThriftStruct());
  EXPECT_EQ(with_group(RowGroup({good})), "");
  EXPECT_EQ(ErrorOf(ThriftStruct().I64(3, 0)), damaged("it has no schema"));
  EXPECT_EQ(with_group(RowGroup({good}, 9)), damaged("it has 10 rows, and its row groups have 9"));
  EXPECT_EQ(with_group(RowGroup({good}, -1)),
            damaged("a row group lacks its columns or its number of rows"));
  EXPECT_EQ(with_group(RowGroup({good, good})),
            damaged("a row group has 2 columns, and its schema has 1"));
  EXPECT_EQ(with_group(RowGroup({Chunk(kInt64, ThriftStruct())})),
            damaged("a column chunk has another type than its schema"));
  EXPECT_EQ(with_group(RowGroup({Chunk(kInt32, ThriftStruct(), -1)})),
            damaged("a column chunk has an impossible size or number of values"));
  EXPECT_EQ(with_group(RowGroup({ThriftStruct().I64(2, 4)})),
            damaged("a column chunk has no metadata"));
  EXPECT_EQ(ErrorOf(ThriftStruct().I64(3, 0).Structs(4, {}).Structs(2, {Group("r", 1), Leaf("a")})),
            damaged("its row groups are before its schema"));
  EXPECT_EQ(ErrorOf(ThriftStruct(schema).Structs(2, {Group("r", 1), Leaf("a")})),
            damaged("it has two schemas"));
  EXPECT_EQ(ErrorOf(ThriftStruct().Structs(2, {Group("r", 2), Group("s", 1), Leaf("a")})),
            damaged("its schema ends before its last element"));
  EXPECT_EQ(ErrorOf(ThriftStruct().Structs(2, {Group("r", 1), Leaf("a"), Leaf("b")})),
            damaged("its schema has two roots"));
  EXPECT_EQ(ErrorOf(ThriftStruct().Structs(2, {Group("r", 9), Leaf("a")})),
            damaged("an element of its schema has an impossible number of children"));
  EXPECT_EQ(ErrorOf(ThriftStruct().Structs(2, {Group("r", 1), ThriftStruct().Binary(4, "a")})),
            damaged("a leaf of its schema has no type"));
  EXPECT_EQ(ErrorOf(ThriftStruct().Structs(2, {Group("r", 1), Leaf("a", 8)})),
            damaged("an element of its schema has no name or is invalid"));
  for (const std::string& name : {std::string(), std::string("\xff")}) {
    EXPECT_EQ(ErrorOf(ThriftStruct().Structs(2, {Group("r", 1), Leaf(name)})),
              "it has a column or field without a name in UTF-8: write it with names");
  }
}

TEST(FooterStatistics, RejectsEveryTruncatedFooter) {
  const std::string good =
      WithOrder(OneLeaf(Leaf("a"), {Chunk(kInt32, MinMax(Plain(1), Plain(2)))})).Text();
  ASSERT_TRUE(ReadFooterStatistics(good).ok());
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(ReadFooterStatistics(good.substr(0, bytes)).ok()) << bytes;
  }
}

TEST(FooterStatistics, RejectsFootersBeyondTheLimits) {
  const ThriftStruct nested =
      ThriftStruct().Structs(2, {Group("r", 1), Group("s", 1), Leaf("a")}).I64(3, 0);
  EXPECT_EQ(ErrorOf(nested, {.depth_max = 2}), "");
  EXPECT_EQ(ErrorOf(nested, {.depth_max = 1}),
            "its schema is nested more than 1 levels deep, which is the limit");
  const ThriftStruct two =
      ThriftStruct().Structs(2, {Group("r", 2), Leaf("a"), Leaf("b")}).I64(3, 0);
  EXPECT_EQ(ErrorOf(two, {.columns_max = 2}), "");
  EXPECT_EQ(ErrorOf(two, {.columns_max = 1}), "it has more than 1 columns, which is the limit");
  const ThriftStruct chunk = Chunk(kInt32, ThriftStruct());
  const ThriftStruct groups = OneLeaf(Leaf("a"), {chunk, chunk});
  EXPECT_EQ(ErrorOf(groups, {.column_chunks_max = 2}), "");
  EXPECT_EQ(ErrorOf(groups, {.column_chunks_max = 1}),
            "it has more than 1 column chunks, which is the limit: write larger row groups, or "
            "several objects");
}

TEST(FooterStatistics, RejectsCountsThatOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const ThriftStruct chunk = Chunk(kInt32, ThriftStruct(), kMost);
  EXPECT_EQ(ErrorOf(OneLeaf(Leaf("a"), {chunk})), "");
  EXPECT_EQ(ErrorOf(OneLeaf(Leaf("a"), {chunk, chunk})),
            "its footer is damaged (a column chunk has an impossible size or number of values): "
            "write it again");
}

TEST(FooterStatistics, IgnoresImpossibleNullCounts) {
  for (const int64_t nulls : {int64_t{-1}, int64_t{11}, int64_t{5'000'000}}) {
    const ThriftStruct statistics = ThriftStruct().I64(3, nulls);
    EXPECT_FALSE(Read(OneLeaf(Leaf("a"), {Chunk(kInt32, statistics)})).columns[0].null_count);
  }
}

TEST(FromBigEndian, ExtendsTheSign) {
  EXPECT_EQ(FromBigEndian("\x7f"), Number(127));
  EXPECT_EQ(FromBigEndian("\x80"), Number(-128));
  EXPECT_EQ(FromBigEndian("\x01" + std::string(8, '\0')), (Int128{.high = 1, .low = 0}));
  EXPECT_EQ(FromBigEndian(std::string(16, '\xff')), Number(-1));
  EXPECT_EQ(FromBigEndian(""), std::nullopt);
  EXPECT_EQ(FromBigEndian(std::string(17, '\0')), std::nullopt);
  EXPECT_LT(*FromBigEndian("\x80" + std::string(15, '\0')), Number(-1));
}

}  // namespace
}  // namespace tarn::parquet
