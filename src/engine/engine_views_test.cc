// Views, revisions and probes, over the sockets of the engine.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/test_engine.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(EngineTest, CreatesReplacesAndDropsViews) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  Open();
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  Apply({{"t", {"a.parquet"}}});
  EXPECT_EQ(Text("FROM t"), "id\r\n1\r\n");
  EXPECT_EQ(Text("FROM T", 1), "id\r\n1\r\n");
  Apply({{"t", {"a.parquet", "b.parquet"}}});
  EXPECT_EQ(Text("SELECT sum(id) AS s FROM t"), "s\r\n3\r\n");
  Apply({}, {"t"});
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  Apply({}, {"t"});  // Twice is no error.
}

TEST_F(EngineTest, ReportsTheRevisionOfAQuery) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  setup.revision = 7;
  Open(1);
  EXPECT_EQ(Run(0, Csv("SELECT 1")).revision, 7U);
  revision = 41;
  Apply({{"t", {"a.parquet"}}});
  EXPECT_EQ(Run(0, Csv("FROM t")).revision, 42U);
  Apply({});
  EXPECT_EQ(Run(0, Csv("FROM t")).revision, 43U) << "although the view has not changed";
  EXPECT_EQ(Run(0, {.sql = "FROM t WHERE false", .format = Format::kNdjson}).revision, 43U);
  EXPECT_FALSE(Run(0, Csv("FROM nowhere")).revision);
}

TEST_F(EngineTest, AProbeProcessReportsDecodingOfFooters) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  setup.only_probes = true;
  Open(0);
  control.Send(protocol::Probe{
      .ticket = 1, .view = {.name = "t", .keys = {"a.parquet"}}, .object_timeout_ms = 60'000});
  const auto begun = control.Receive<protocol::Decoding>();
  EXPECT_EQ(begun.ticket, 1U);
  EXPECT_EQ(begun.object, 0U);
  EXPECT_FALSE(begun.has_ended);
  EXPECT_TRUE(control.Receive<protocol::Decoding>().has_ended);
  EXPECT_TRUE(control.Receive<protocol::Probed>().ok);
  // A change of views, and a Hurry for a dataset without a probe, are not errors.
  control.Send(protocol::ApplyViews{.ticket = 2});
  control.Send(protocol::Hurry{.dataset = "t"});
  // DuckDB decodes each schema once.
  control.Send(protocol::Probe{
      .ticket = 3, .view = {.name = "t", .keys = {"b.parquet"}}, .object_timeout_ms = 60'000});
  const auto frame = control.Read();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, protocol::FrameType::kProbed);
}

TEST_F(EngineTest, AProbeReturnsTheColumnsAndChangesNoView) {
  folder.Write("a.parquet", "SELECT 1 AS id, [{'b c': 1.5::DECIMAL(9, 2)}] AS \"x y\"");
  Open();
  const auto columns = Probe({"t", {"a.parquet"}});
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_THAT(*columns,
              testing::ElementsAre(protocol::Column{"id", "INTEGER"},
                                   protocol::Column{"x y", "STRUCT(\"b c\" DECIMAL(9,2))[]"}));
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  const auto missing = Probe({"t", {"a.parquet", "missing.parquet"}});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("missing.parquet"));
  EXPECT_EQ(Probe({"t", {"a.parquet"}}, 0).error().kind, ErrorKind::kTimeout);
}

// A cached plan must not be used after its views have changed.
TEST_F(EngineTest, PlansFollowChangesOfViews) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 'text' AS name, 2 AS other");
  Open(1);
  Apply({{"t", {"a.parquet"}}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Text("FROM t"), "id\r\n1\r\n");
  Apply({{"t", {"b.parquet"}}});
  EXPECT_EQ(Text("FROM t"), "name,other\r\ntext,2\r\n");
  Apply({}, {"t"});
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  Apply({{"t", {"a.parquet"}}});
  EXPECT_EQ(Text("FROM t"), "id\r\n1\r\n") << "after its failure too";
}

// Two datasets always change together, so a query on both must see the same revision of both.
TEST_F(EngineTest, EachQuerySeesOneRevision) {
  for (int i = 0; i < 4; ++i) {
    folder.Write(std::to_string(i) + ".parquet", fmt::format("SELECT {} AS id", i));
  }
  Open(3);
  const auto pair = [](int i) {
    const std::string key = std::to_string(i % 4) + ".parquet";
    return std::vector<protocol::ViewSpec>{{"a", {key}}, {"b", {key}}};
  };
  Apply(pair(0));
  std::atomic<bool> over = false;
  std::array<std::atomic<int>, 3> asked = {};
  std::vector<std::thread> clients;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    clients.emplace_back([this, slot, &over, &asked] {
      // Two slots read both datasets. The others read one, so that views are created all the time.
      const std::string sql = slot < 2 ? "SELECT count(*) AS n FROM a JOIN b USING (id)"
                                       : "SELECT count(*) AS n FROM b";
      while (!over) {
        const Answer answer = Run(slot, Csv(sql));
        EXPECT_EQ(answer.Text(), "n\r\n1\r\n");
        ++asked[slot];
      }
    });
  }
  for (int i = 1; i < 300 || *std::min_element(asked.begin(), asked.end()) < 20; ++i) {
    Apply(pair(i));
  }
  over = true;
  for (std::thread& client : clients) client.join();
}

TEST_F(EngineTest, ReportsDependenciesOfAResult) {
  folder.Write("a.parquet", "SELECT TIMESTAMP '2026-01-01' AS day, 1 AS now");
  Open(1);
  Apply({{"t", {"a.parquet"}}, {"u", {"a.parquet"}}});
  Apply({{"U", {"a.parquet"}}});
  const auto reads = [this](const std::string& sql) {
    const Answer answer = Run(0, Csv(sql));
    EXPECT_FALSE(answer.error) << answer.Text();
    if (!answer.begun.is_repeatable) return std::string("more");
    std::string text;
    for (const auto& read : answer.begun.reads) text += read.name + std::to_string(read.version);
    return text;
  };
  EXPECT_EQ(reads("SELECT 1"), "");
  EXPECT_EQ(reads("FROM T"), "t1");
  EXPECT_EQ(reads("SELECT now FROM t"), "t1");
  EXPECT_EQ(reads("WITH t AS (SELECT 1) SELECT * FROM t, query('FROM u')"), "U3");
  EXPECT_EQ(reads("SELECT (SELECT max(day) FROM u) FROM t"), "t1U3");
  for (const std::string sql :
       {"SELECT random()", "SELECT count(*) FROM t WHERE day < now()", "SELECT current_date",
        "SELECT LocalTimestamp FROM t", "SELECT age(day) FROM t", "SELECT uuid() FROM t",
        "FROM t USING SAMPLE 1", "FROM t TABLESAMPLE 10%", "FROM query('SELECT today() FROM t')",
        "WITH c AS (SELECT now() AS x) FROM t, c", "SHOW TABLES", "EXPLAIN FROM t",
        "EXPLAIN ANALYZE FROM t", "FROM information_schema.tables", "FROM duckdb_types()"}) {
    EXPECT_EQ(reads(sql), "more") << sql;
  }
}

TEST_F(EngineTest, ListsDatasetsWithoutReadingObjects) {
  const std::vector<protocol::Column> columns = {{"id", "INTEGER"}, {"x y", "STRUCT(a DATE)[]"}};
  Open(1);
  // The object does not exist yet, because listing the columns does not read it.
  Apply({{.name = "t", .keys = {"a.parquet"}, .schema = {.columns = columns}}});
  EXPECT_EQ(Text("SHOW TABLES"), "name\r\nt\r\n");
  const std::string all =
      "SELECT column_name, data_type FROM information_schema.columns ORDER BY ordinal_position";
  EXPECT_EQ(Text(all), "column_name,data_type\r\nid,INTEGER\r\nx y,STRUCT(a DATE)[]\r\n");
  folder.Write("a.parquet", "SELECT 1 AS id, [{'a': DATE '2026-01-01'}] AS \"x y\"");
  EXPECT_EQ(Text("SELECT id FROM t"), "id\r\n1\r\n") << "and not the outline";
  EXPECT_EQ(Text("SELECT id, (SELECT count(*) FROM information_schema.tables) AS n FROM t"),
            "id,n\r\n1,1\r\n");
  Apply({}, {"t"});
  EXPECT_EQ(Text("SHOW TABLES"), "name\r\n");
}

TEST_F(EngineTest, HasTheViewsOfTheSetUp) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  setup.views = {{"t", {"a.parquet"}}, {"lost", {"missing.parquet"}}};
  Open();
  EXPECT_THAT(Text("SHOW TABLES"), HasSubstr("t\r\n"));
  EXPECT_EQ(Text("SELECT id FROM t"), "id\r\n1\r\n");
  EXPECT_THAT(Text("FROM lost"), StartsWith("error: dataset \"lost\": "));
}

}  // namespace
}  // namespace tarn::engine
