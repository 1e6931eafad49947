#include "engine/views/view_sql.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "catalog/partitions.h"
#include "catalog/schema_union.h"
#include "duck/parquet_columns.h"
#include "engine/views/dataset_schema.h"
#include "engine/views/footer_probe.h"
#include "engine/views/parquet_folder.h"

namespace tarn::engine {
namespace {

class ViewSqlTest : public testing::Test {
 protected:
  ParquetFolder folder{testing::TempDir()};
  protocol::ObjectStore store = protocol::ObjectStore::Folder(folder.path().string());
  // Without caches, because the tests overwrite objects.
  duck::Database database = *FooterProbe::OpenPlanner();
  duck::Connection connection = *database.Connect();

  // Returns the schema that a probe finds.
  protocol::DatasetSchema SchemaOf(const std::vector<std::string>& keys) {
    FooterProbe probe = std::move(*FooterProbe::Make({.store = store}, database,
                                                     std::make_shared<SchemaCache>(1'000'000),
                                                     std::make_shared<ProbeMemory>(100'000'000)));
    WatchedTask task{Deadline::Never()};
    catalog::SchemaUnion columns;
    for (const std::string& key : keys) {
      const FooterProbe::Object object = *probe.Read(key, task);
      const Result<> added = columns.Add(key, {object.schema, &object.schema->columns});
      EXPECT_TRUE(added.ok()) << added.error().message;
    }
    return ToDatasetSchema(columns, catalog::FindPartitions("t", keys));
  }
  // Creates the view "t" over objects "0", "1", … with the rows of the queries.
  void MakeView(const std::vector<std::string>& queries) {
    std::vector<std::string> keys;
    for (const std::string& query : queries) {
      keys.push_back(std::to_string(keys.size()));
      folder.Write(keys.back(), query);
    }
    MakeViewOf(keys);
  }
  protocol::ViewSpec MakeViewOf(const std::vector<std::string>& keys) {
    const protocol::ViewSpec view{.name = "t", .keys = keys, .schema = SchemaOf(keys)};
    const auto sql = CreateViewSql(store, view);
    EXPECT_TRUE(sql.ok());
    const Result<> made = connection.Execute(*sql);
    EXPECT_TRUE(made.ok()) << made.error().message << "\n" << *sql;
    return view;
  }
  // Returns all values as text, with a blank between columns and a bar between rows.
  std::string Rows(const std::string& sql) {
    auto statement = connection.Prepare(
        "SELECT string_agg(concat_ws(' ', *COLUMNS(*)), ' | ') FROM "
        "(SELECT coalesce(COLUMNS(*)::VARCHAR, 'NULL') FROM (" +
        sql + "))");
    if (!statement.ok()) return statement.error().message;
    auto rows = statement->Execute();
    if (!rows.ok()) return rows.error().message;
    const auto chunk = rows->Next();
    if (!chunk.ok()) return chunk.error().message;
    const auto& column = (*chunk)->columns()[0];
    return column.IsNull(0) ? "" : std::string(column.Data<duck::StringRef>()[0].view());
  }
  std::string TypeOfV() { return Rows("SELECT DISTINCT typeof(v) FROM t"); }
};

TEST_F(ViewSqlTest, ReadsMissingColumnsAsNull) {
  MakeView({"SELECT 1 AS id", "SELECT 'x' AS name, 2 AS id"});
  EXPECT_EQ(Rows("FROM t ORDER BY id"), "1 NULL | 2 x");
  EXPECT_EQ(Rows("FROM t WHERE name IS NULL"), "1 NULL");
}

// Filters, bounds and joins must compare the converted values.
TEST_F(ViewSqlTest, ComparesWidenedValues) {
  MakeView({"SELECT 0.1::FLOAT AS v", "SELECT 0.1::DOUBLE AS v"});
  EXPECT_EQ(TypeOfV(), "DOUBLE");
  EXPECT_EQ(Rows("FROM t WHERE v = 0.1::DOUBLE"), "0.1");
  EXPECT_EQ(Rows("FROM t ORDER BY v DESC LIMIT 1"), "0.10000000149011612");

  MakeView({"SELECT 13::DECIMAL(5,0) AS v", "SELECT 12.75::DECIMAL(4,2) AS v"});
  EXPECT_EQ(TypeOfV(), "DECIMAL(7,2)");
  EXPECT_EQ(Rows("FROM t WHERE v = 12.75"), "12.75");
  EXPECT_EQ(Rows("FROM t WHERE v > 12.75"), "13.00");

  MakeView({"SELECT DATE '2026-01-31' AS v", "SELECT TIMESTAMP '2026-01-31 10:30:00' AS v"});
  EXPECT_EQ(TypeOfV(), "TIMESTAMP");
  EXPECT_EQ(Rows("FROM t WHERE v = TIMESTAMP '2026-01-31 10:30:00'"), "2026-01-31 10:30:00");
  EXPECT_EQ(Rows("FROM t WHERE v < TIMESTAMP '2026-01-31 10:30:00'"), "2026-01-31 00:00:00");

  MakeView({"SELECT range * 1000 + 3000000000 AS v FROM range(5)", "SELECT -7::INTEGER AS v"});
  EXPECT_EQ(TypeOfV(), "BIGINT");
  EXPECT_EQ(Rows("FROM t ORDER BY v LIMIT 2"), "-7 | 3000000000");
  EXPECT_EQ(Rows("FROM t SEMI JOIN (SELECT -7::BIGINT AS v) USING (v)"), "-7");
}

TEST_F(ViewSqlTest, WidensNestedTypesFieldByField) {
  MakeView(
      {"SELECT {'a': 1::INTEGER} AS v", "SELECT {'b': DATE '2026-01-31', 'a': 2::BIGINT} AS v"});
  EXPECT_EQ(TypeOfV(), "STRUCT(a BIGINT, b DATE)");
  EXPECT_EQ(Rows("SELECT v FROM t ORDER BY v.a"),
            "{'a': 1, 'b': NULL} | {'a': 2, 'b': 2026-01-31}");
  EXPECT_EQ(Rows("SELECT v.a FROM t WHERE v.b IS NULL"), "1");
  MakeView({"SELECT [{'a': 1.5::FLOAT}] AS v", "SELECT [{'a': 2::DOUBLE}, NULL] AS v"});
  EXPECT_EQ(TypeOfV(), "STRUCT(a DOUBLE)[]");
  MakeView({"SELECT MAP {'k': 1::INTEGER} AS v", "SELECT MAP {'k': 2::BIGINT} AS v"});
  EXPECT_EQ(Rows("SELECT v['k'] FROM t ORDER BY 1"), "1 | 2");
}

TEST_F(ViewSqlTest, QuotesNames) {
  MakeView({"SELECT 1::INTEGER AS \"it's \"\"q\"\"\", 1 AS \"select\"",
            "SELECT 2::BIGINT AS \"it's \"\"q\"\"\", {'x y': 1, 'it''s': 2} AS \"s's\""});
  EXPECT_EQ(Rows("SELECT \"it's \"\"q\"\"\", \"select\", \"s's\".\"it's\" FROM t ORDER BY 1"),
            "1 1 NULL | 2 NULL 2");
}

TEST_F(ViewSqlTest, ShowsPartitions) {
  std::filesystem::create_directories(folder.path() / "day=2026-01-31" / "it's (b)=a%20b");
  std::filesystem::create_directories(folder.path() / "day=__HIVE_DEFAULT_PARTITION__" /
                                      "it's (b)=%FF+");
  folder.Write("day=2026-01-31/it's (b)=a%20b/x", "SELECT 1 AS id");
  folder.Write("day=__HIVE_DEFAULT_PARTITION__/it's (b)=%FF+/x", "SELECT 2 AS id");
  const auto view = MakeViewOf(
      {"day=2026-01-31/it's (b)=a%20b/x", "day=__HIVE_DEFAULT_PARTITION__/it's (b)=%FF+/x"});
  EXPECT_EQ(Rows("FROM t ORDER BY id"), "1 2026-01-31 a b | 2 NULL %FF+");
  EXPECT_EQ(Rows("SELECT DISTINCT typeof(day) FROM t"), "DATE");
  const std::string of_view = Rows("SELECT column_name, data_type FROM (DESCRIBE t)");
  ASSERT_TRUE(connection.Execute(CreateOutlineSql(view)).ok());
  EXPECT_EQ(Rows("SELECT column_name, data_type FROM (DESCRIBE t)"), of_view);
}

TEST_F(ViewSqlTest, ShowsPartitionsBesideAColumnNamedFilenameAndWidenedTypes) {
  for (const char* day : {"day=1", "day=2"}) std::filesystem::create_directory(folder.path() / day);
  folder.Write("day=1/x", "SELECT 'mine' AS filename, 1::INTEGER AS v");
  folder.Write("day=2/x", "SELECT 3000000000 AS v");
  MakeViewOf({"day=1/x", "day=2/x"});
  EXPECT_EQ(Rows("FROM t ORDER BY day"), "mine 1 1 | NULL 3000000000 2");
}

}  // namespace
}  // namespace tarn::engine
