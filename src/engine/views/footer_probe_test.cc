#include "engine/views/footer_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "duck/quote.h"
#include "engine/views/parquet_folder.h"
#include "s3/test_bucket.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;

using Columns = catalog::SchemaUnion::Columns;

class FooterProbeTest : public testing::Test {
 protected:
  s3::TestBucket bucket;
  ParquetFolder folder{testing::TempDir()};
  WatchedTask task{Deadline::Never()};
  duck::Database planner = *FooterProbe::OpenPlanner();
  const std::shared_ptr<SchemaCache> schemas = std::make_shared<SchemaCache>(1'000'000);
  const std::shared_ptr<ProbeMemory> memory = std::make_shared<ProbeMemory>(100'000'000);
  std::optional<FooterProbe> probe;

  std::string BytesOf(const std::string& query) {
    folder.Write("one.parquet", query);
    std::ifstream file(folder.path() / "one.parquet", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Result<FooterProbe::Object> Read(const std::string& key) {
    if (!probe) {
      const s3::Bucket access = bucket.bucket();
      probe.emplace(std::move(*FooterProbe::Make(
          {.store = access.store, .credentials = access.credentials}, planner, schemas, memory)));
    }
    return probe->Read(key, task);
  }
  std::string ErrorOf(const std::string& key) {
    const auto columns = Read(key);
    return columns.ok() ? "" : columns.error().message;
  }
  // Returns the columns that DuckDB reads from the file itself.
  Columns Direct() {
    duck::Connection connection = *duck::Database::Open({})->Connect();
    const auto statement =
        connection.Prepare("SELECT * FROM read_parquet(" +
                           duck::QuoteLiteral((folder.path() / "one.parquet").string()) + ")");
    return ToObjectSchema(statement->Columns(), *memory)->columns;
  }
};

TEST_F(FooterProbeTest, ReadsTheTypesOfTheObject) {
  bucket.objects["one"] = BytesOf(
      "SELECT * EXCLUDE (bignum, uhugeint, hugeint, \"union\", fixed_int_array, "
      "fixed_varchar_array, fixed_nested_int_array, fixed_nested_varchar_array, "
      "fixed_struct_array, struct_of_fixed_array, fixed_array_of_int_list, "
      "list_of_fixed_int_array) "
      "FROM test_all_types()");
  const auto columns = Read("one");
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_EQ(columns->schema->columns, Direct());
  EXPECT_GT(columns->schema->columns.size(), 30U);
  ASSERT_EQ(bucket.seen().size(), 1U);
  EXPECT_EQ(bucket.seen()[0].range, "bytes=-32768");
}

TEST_F(FooterProbeTest, ReadsALongFooterWithASecondRequest) {
  std::string select = "SELECT 0 AS c0";
  for (int i = 1; i < 1000; ++i) select += fmt::format(", {} AS column_{}", i, i);
  bucket.objects["one"] = BytesOf(select);
  const auto columns = Read("one");
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_EQ(columns->schema->columns, Direct());
  ASSERT_EQ(bucket.seen().size(), 2U);
  EXPECT_EQ(bucket.seen()[1].if_match, "\"1\"");

  bucket.changes = true;
  EXPECT_EQ(ErrorOf("one"), "the object store answers 412 PreconditionFailed");
}

TEST_F(FooterProbeTest, ObjectsOfOneSchemaShareTheirColumns) {
  const std::string bytes = BytesOf("FROM range(10)");
  for (const char* key : {"a", "b", "c"}) bucket.objects[key] = bytes;
  const auto first = Read("a");
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->schema->columns, (Columns{{"range", "BIGINT"}}));
  EXPECT_EQ(Read("b")->schema, first->schema);
  EXPECT_EQ(first->etag, "\"1\"");
  bucket.objects["c"] = BytesOf("SELECT 'other' AS text");
  EXPECT_EQ(Read("c")->schema->columns, (Columns{{"text", "VARCHAR"}}));
  EXPECT_EQ(bucket.seen().size(), 3U);
}

TEST_F(FooterProbeTest, ADamagedFooterIsAnError) {
  std::string broken = BytesOf("FROM range(10)");
  uint32_t footer_bytes = 0;
  std::memcpy(&footer_bytes, broken.data() + broken.size() - 8, sizeof(footer_bytes));
  broken.replace(broken.size() - 8 - footer_bytes, 20, 20, '\xff');
  bucket.objects["broken"] = broken;
  EXPECT_EQ(ErrorOf("broken"),
            "its footer is damaged (it ends too early, nests too deeply or has an unknown type): "
            "write it again");
  EXPECT_TRUE(probe->refused());
}

TEST_F(FooterProbeTest, ReadsFilesOfAFolder) {
  FooterProbe in_folder = std::move(*FooterProbe::Make(
      {.store = protocol::ObjectStore::Folder(folder.path().string())}, planner, schemas, memory));
  BytesOf("FROM range(10)");
  EXPECT_EQ(in_folder.Read("one.parquet", task)->schema->columns, (Columns{{"range", "BIGINT"}}));
  std::string select = "SELECT 0 AS c0";
  for (int i = 1; i < 1000; ++i) select += fmt::format(", {} AS column_{}", i, i);
  BytesOf(select);
  EXPECT_EQ(in_folder.Read("one.parquet", task)->schema->columns.size(), 1000U);
  EXPECT_EQ(in_folder.Read("missing.parquet", task).error().message, "the file cannot be read");
  std::ofstream(folder.path() / "text.parquet") << "id,name and more text\n";
  EXPECT_EQ(in_folder.Read("text.parquet", task).error().message,
            "it does not end like a Parquet file");
}

TEST_F(FooterProbeTest, RefusesObjectsThatAreNotParquet) {
  const std::string good = BytesOf("FROM range(10)");
  bucket.objects["empty"] = "";
  bucket.objects["text"] = "id,name\n1,one\n";
  bucket.objects["cut"] = good.substr(0, good.size() - 1);
  bucket.objects["short"] = "PAR1";
  bucket.objects["encrypted"] = good.substr(0, good.size() - 4) + "PARE";
  std::string liar = good;
  liar.replace(liar.size() - 8, 4, "\xff\xff\xff\x7f");
  bucket.objects["liar"] = liar;
  std::string longer = good;
  longer.replace(longer.size() - 8, 4, std::string("\x00\x00\x10\x00", 4));
  bucket.objects["longer"] = longer;
  for (const char* key : {"text", "cut", "short", "encrypted"}) {
    EXPECT_EQ(ErrorOf(key), "it does not end like a Parquet file") << key;
  }
  EXPECT_FALSE(probe->refused());
  EXPECT_EQ(ErrorOf("liar"),
            "its footer has 2147483647 bytes, and at most 64000000 are supported "
            "(queryd.footer_bytes_max)");
  EXPECT_TRUE(probe->refused());
  EXPECT_EQ(ErrorOf("longer"),
            "its footer is damaged (it is longer than the object): write it again");
  EXPECT_TRUE(probe->refused());
  EXPECT_NE(ErrorOf("empty"), "");
  EXPECT_THAT(ErrorOf("missing"), HasSubstr("404"));
  EXPECT_THAT(ErrorOf("a/../b"), HasSubstr("segment"));
}

TEST_F(FooterProbeTest, AppliesTheLimitsOfTheSetUp) {
  const s3::Bucket access = bucket.bucket();
  probe.emplace(std::move(*FooterProbe::Make({.store = access.store,
                                              .credentials = access.credentials,
                                              .footer_bytes_max = 1000,
                                              .schema_depth_max = 2},
                                             planner, schemas, memory)));
  bucket.objects["flat"] = BytesOf("SELECT {'a': 1} AS s");
  bucket.objects["deep"] = BytesOf("SELECT {'a': {'b': 1}} AS s");
  bucket.objects["long"] = BytesOf("SELECT 1 AS a" + std::string(2000, 'a'));
  EXPECT_EQ(ErrorOf("flat"), "");
  EXPECT_FALSE(probe->refused());
  EXPECT_EQ(ErrorOf("deep"),
            "its schema is nested more than 2 levels deep, which is the limit "
            "(queryd.schema_depth_max)");
  EXPECT_TRUE(probe->refused());
  EXPECT_THAT(ErrorOf("long"), HasSubstr("at most 1000 are supported (queryd.footer_bytes_max)"));
  EXPECT_TRUE(probe->refused());
}

TEST_F(FooterProbeTest, StopsWhenTheTaskIsCancelled) {
  bucket.objects["one"] = BytesOf("FROM range(10)");
  Watchdog watchdog;
  const auto cancelled = std::make_shared<WatchedTask>(Deadline::Never());
  ASSERT_EQ(ErrorOf("one"), "");
  watchdog.Cancel(cancelled, {ErrorKind::kCancelled, "enough"});
  EXPECT_FALSE(probe->Read("one", *cancelled).ok());
}

}  // namespace
}  // namespace tarn::engine
