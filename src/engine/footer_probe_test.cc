#include "engine/footer_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "duck/quote.h"
#include "engine/parquet_folder.h"
#include "s3/test_bucket.h"

namespace tarn::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FooterProbeTest : public testing::Test {
 protected:
  s3::TestBucket bucket;
  ParquetFolder folder{testing::TempDir()};
  WatchedTask task{Deadline::Never()};
  duck::Database planner = *FooterProbe::OpenPlanner();
  std::optional<FooterProbe> probe;

  std::string BytesOf(const std::string& query) {
    folder.Write("one.parquet", query);
    std::ifstream file(folder.path() / "one.parquet", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Result<std::vector<protocol::Column>> Run(const std::vector<std::string>& keys) {
    if (!probe) {
      const s3::Bucket access = bucket.bucket();
      probe.emplace(std::move(
          *FooterProbe::Make({.store = access.store, .credentials = access.credentials}, planner)));
    }
    return probe->Run({.name = "t", .keys = keys}, task);
  }
  std::string ErrorOf(const std::vector<std::string>& keys) {
    const auto columns = Run(keys);
    return columns.ok() ? "" : columns.error().message;
  }
  // What DuckDB says of the file itself.
  std::vector<protocol::Column> Direct() {
    duck::Connection connection = *duck::Database::Open({})->Connect();
    return *ColumnsOf(connection, "SELECT * FROM read_parquet(" +
                                      duck::QuoteLiteral((folder.path() / "one.parquet").string()) +
                                      ")");
  }
};

TEST_F(FooterProbeTest, TypesAreThoseOfTheObject) {
  bucket.objects["one"] = BytesOf(
      "SELECT * EXCLUDE (bignum, uhugeint, hugeint, \"union\", fixed_int_array, "
      "fixed_varchar_array, fixed_nested_int_array, fixed_nested_varchar_array, "
      "fixed_struct_array, struct_of_fixed_array, fixed_array_of_int_list, "
      "list_of_fixed_int_array) "
      "FROM test_all_types()");
  const auto columns = Run({"one"});
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_EQ(*columns, Direct());
  EXPECT_GT(columns->size(), 30U);
  ASSERT_EQ(bucket.seen().size(), 1U);
  EXPECT_EQ(bucket.seen()[0].range, "bytes=-32768");
}

TEST_F(FooterProbeTest, AFooterThatIsLongerThanTheGuessIsReadWithASecondRequest) {
  std::string select = "SELECT 0 AS c0";
  for (int i = 1; i < 1000; ++i) select += fmt::format(", {} AS column_{}", i, i);
  bucket.objects["one"] = BytesOf(select);
  const auto columns = Run({"one"});
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_EQ(*columns, Direct());
  ASSERT_EQ(bucket.seen().size(), 2U);
  EXPECT_EQ(bucket.seen()[1].if_match, "\"1\"");

  bucket.changes = true;
  EXPECT_EQ(ErrorOf({"one"}), "the object store answers 412 PreconditionFailed");
}

TEST_F(FooterProbeTest, EachOfManyObjectsIsReadOnce) {
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.push_back(fmt::format("{}.parquet", i));
  const std::string bytes = BytesOf("FROM range(10)");
  for (const std::string& key : keys) bucket.objects[key] = bytes;
  const auto columns = Run(keys);
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_THAT(*columns, ElementsAre(protocol::Column{"range", "BIGINT"}));
  EXPECT_EQ(bucket.seen().size(), 100U);
  // Again, in the same files.
  bucket.objects["0.parquet"] = BytesOf("SELECT 'other' AS text");
  EXPECT_THAT(*Run({"0.parquet"}), ElementsAre(protocol::Column{"text", "VARCHAR"}));
}

TEST_F(FooterProbeTest, OneBrokenObjectOfManyIsFound) {
  const std::string good = BytesOf("FROM range(10)");
  std::string broken = good;
  uint32_t footer_bytes = 0;
  std::memcpy(&footer_bytes, good.data() + good.size() - 8, sizeof(footer_bytes));
  broken.replace(good.size() - 8 - footer_bytes, 20, 20, '\xff');
  std::vector<std::string> keys;
  for (int i = 0; i < 70; ++i) {
    keys.push_back(fmt::format("{}.parquet", i));
    bucket.objects[keys.back()] = i == 50 ? broken : good;
  }
  EXPECT_NE(ErrorOf(keys), "");
  keys.erase(keys.begin() + 50);
  EXPECT_EQ(ErrorOf(keys), "");
}

TEST_F(FooterProbeTest, WhatIsNoParquetIsAnError) {
  const std::string good = BytesOf("FROM range(10)");
  bucket.objects["empty"] = "";
  bucket.objects["text"] = "id,name\n1,one\n";
  bucket.objects["cut"] = good.substr(0, good.size() - 1);
  bucket.objects["short"] = "PAR1";
  bucket.objects["encrypted"] = good.substr(0, good.size() - 4) + "PARE";
  std::string liar = good;
  liar.replace(liar.size() - 8, 4, "\xff\xff\xff\x7f");
  bucket.objects["liar"] = liar;
  for (const char* key : {"text", "cut", "short", "encrypted"}) {
    EXPECT_EQ(ErrorOf({key}), "it does not end like a Parquet file") << key;
  }
  EXPECT_EQ(ErrorOf({"liar"}), "its footer is too long");
  EXPECT_NE(ErrorOf({"empty"}), "");
  EXPECT_THAT(ErrorOf({"missing"}), HasSubstr("404"));
  EXPECT_THAT(ErrorOf({"a/../b"}), HasSubstr("segment"));
}

TEST_F(FooterProbeTest, ATaskThatIsCancelledReadsNoFurther) {
  bucket.objects["one"] = BytesOf("FROM range(10)");
  Watchdog watchdog;
  const auto cancelled = std::make_shared<WatchedTask>(Deadline::Never());
  ASSERT_EQ(ErrorOf({"one"}), "");
  watchdog.Cancel(cancelled, {ErrorKind::kCancelled, "enough"});
  EXPECT_FALSE(probe->Run({.name = "t", .keys = {"one"}}, *cancelled).ok());
}

}  // namespace
}  // namespace tarn::engine
