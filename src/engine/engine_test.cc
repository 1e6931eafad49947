// Queries and their results, over the sockets of the engine.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/test_engine.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(EngineTest, AnswersInEveryFormat) {
  Open();
  const std::string sql = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a";
  const auto run = [&](Format format) { return Run(0, {.sql = sql, .format = format}); };
  EXPECT_THAT(run(Format::kJson).bytes, HasSubstr(R"("rows":[[1,"x"],[2,"y"]],"row_count":2})"));
  EXPECT_EQ(run(Format::kNdjson).bytes,
            "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"status\":\"ok\",\"row_count\":2}\n");
  EXPECT_EQ(run(Format::kCsv).bytes, "a,b\r\n1,x\r\n2,y\r\n");
  const Answer arrow = run(Format::kArrow);
  EXPECT_EQ(arrow.rows, 2U);
  EXPECT_EQ(arrow.bytes.substr(0, 4), "\xFF\xFF\xFF\xFF");
  EXPECT_EQ(arrow.bytes.substr(arrow.bytes.size() - 8), std::string("\xFF\xFF\xFF\xFF\0\0\0\0", 8));
}

TEST_F(EngineTest, AppliesParametersAndOptions) {
  Open();
  protocol::Query query = Csv("SELECT $a + 1 AS n");
  query.params = R"({"a":41})";
  EXPECT_EQ(Run(0, query).Text(), "n\r\n42\r\n");
  query.params = R"({"b":41})";
  EXPECT_THAT(Run(0, query).Text(), StartsWith("error: params: "));
  query.params = "{";
  EXPECT_THAT(Run(0, query).Text(), StartsWith("error: params: "));
  const protocol::Query big{.sql = "SELECT 9007199254740993 AS n", .quote_big_numbers = true};
  EXPECT_THAT(Run(0, big).bytes, HasSubstr(R"(["9007199254740993"])"));
  const Answer compressed = Run(
      0, {.sql = "FROM range(1000)", .format = Format::kCsv, .compression = Compression::kGzip});
  EXPECT_EQ(compressed.compression, Compression::kGzip);
  EXPECT_EQ(compressed.bytes.substr(0, 2), "\x1F\x8B");
}

TEST_F(EngineTest, SendsALargeResultInBoundedFrames) {
  Open(1);
  const Answer answer = Run(0, Csv("SELECT range AS n, repeat('x', 3000) AS t FROM range(3000)"));
  EXPECT_EQ(answer.rows, 3000U);
  EXPECT_EQ(std::count(answer.bytes.begin(), answer.bytes.end(), '\n'), 3001);
  EXPECT_LE(answer.largest_frame, 256U * 1024 + protocol::RowsHeader::kBytes);
  const Answer wide = Run(0, Csv("SELECT repeat('x', 3000000) AS t"));
  EXPECT_EQ(wide.bytes.size(), 3U + 3'000'000 + 2);
  EXPECT_LE(wide.largest_frame, 256U * 1024 + protocol::RowsHeader::kBytes);
}

TEST_F(EngineTest, AppliesTheRowLimitExactly) {
  Open(1);
  for (const uint64_t rows : {1U, 2047U, 2048U, 2049U, 5000U}) {
    for (const auto& [limit, truncated] :
         {std::pair{rows + 1, false}, {rows, false}, {rows - 1, true}, {uint64_t{0}, false}}) {
      if (limit == 0 && truncated) continue;  // 0 is no limit.
      protocol::Query query = Csv(fmt::format("FROM range({})", rows));
      query.row_limit = limit;
      const Answer answer = Run(0, query);
      EXPECT_FALSE(answer.error);
      EXPECT_EQ(answer.truncated, truncated) << rows << " " << limit;
      EXPECT_EQ(answer.rows, truncated ? limit : rows);
      EXPECT_EQ(std::count(answer.bytes.begin(), answer.bytes.end(), '\n'),
                static_cast<std::ptrdiff_t>(answer.rows) + 1);
    }
  }
}

TEST_F(EngineTest, AppliesTheByteLimitBetweenRows) {
  Open(1);
  for (const Format format : {Format::kCsv, Format::kNdjson}) {
    protocol::Query query{.sql = "SELECT range + 1000 AS n FROM range(9000)", .format = format};
    // The limit does not apply to the end of the result.
    const auto rows_of = [](const std::string& bytes) {
      return bytes.substr(0, bytes.find("{\"status\""));
    };
    const std::string whole = rows_of(Run(0, query).bytes);
    for (const size_t limit : {size_t{50}, size_t{1000}, whole.size() - 1, whole.size()}) {
      query.byte_limit = limit;
      const Answer answer = Run(0, query);
      EXPECT_FALSE(answer.error);
      const std::string rows = rows_of(answer.bytes);
      EXPECT_LE(rows.size(), limit);
      EXPECT_EQ(answer.truncated, limit < whole.size());
      EXPECT_TRUE(whole.starts_with(rows));
      EXPECT_EQ(rows.back(), '\n') << "no row is cut";
      // No room was left for the next row.
      EXPECT_GT(rows.size() + 14, std::min(limit, whole.size()));
    }
  }
  // The limit does not apply to the bytes around the rows.
  const protocol::Query json{.sql = "FROM range(1000)", .byte_limit = 1};
  const Answer answer = Run(0, json);
  EXPECT_TRUE(answer.truncated);
  EXPECT_EQ(answer.rows, 0U);
  EXPECT_THAT(answer.bytes, HasSubstr("\"rows\":[]"));
}

TEST_F(EngineTest, CancelsARunningQuery) {
  Open(1);
  for (int i = 0; i < 3; ++i) {
    const uint64_t number = Send(0, Csv(kEndless));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * i));  // Varies the moment.
    control.Send(protocol::Cancel{.slot = 0, .query = number});
    const Answer answer = ReadAnswer(0);
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->kind, ErrorKind::kCancelled);
    EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n") << "the next query is not cancelled";
  }
}

TEST_F(EngineTest, AppliesACancelThatArrivesBeforeItsQuery) {
  Open(1);
  control.Send(protocol::Cancel{.slot = 0, .query = 1});
  // Waits until the engine has handled the cancel, which is earlier on the same socket.
  Apply({}, {"nothing"});
  EXPECT_EQ(Run(0, Csv(kEndless)).error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, IgnoresACancelOfAnEndedQuery) {
  Open(2);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
  control.Send(protocol::Cancel{.slot = 0, .query = 1});
  control.Send(protocol::Cancel{.slot = 1, .query = 0});
  control.Send(protocol::Cancel{.slot = 99, .query = 1});
  Apply({}, {"nothing"});
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(Text("SELECT 42 AS x", 1), "x\r\n42\r\n");
}

TEST_F(EngineTest, ASlowReaderBlocksOnlyItsSlot) {
  Open(3);
  Send(0, Csv("FROM range(100000000)"));
  EXPECT_TRUE(slots[0].IsReadable(60'000));  // The test does not read it.
  for (const size_t slot : {1U, 2U, 1U}) EXPECT_EQ(Text("SELECT 42 AS x", slot), "x\r\n42\r\n");
  Apply({}, {"nothing"});  // Changes of views are not blocked either.
  control.Send(protocol::Cancel{.slot = 0, .query = 1});
  EXPECT_EQ(ReadAnswer(0).error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, ReportsProgress) {
  folder.Write("a.parquet", "SELECT range AS id FROM range(1000000)");
  Open(2);
  Apply({{"t", {"a.parquet"}}});
  const uint64_t number =
      Send(1, Csv("SELECT count(*) FROM t WHERE length(repeat(md5(id::VARCHAR), 30000)) = id"));
  for (int i = 0; i < 2; ++i) {
    const auto progress = control.Receive<protocol::Progress>();
    EXPECT_EQ(progress.slot, 1U);
    EXPECT_EQ(progress.query, number);
    EXPECT_GE(progress.permille, 0);
    EXPECT_LE(progress.permille, 1000);
  }
}

TEST_F(EngineTest, StopsWithTheFrontDuringQueries) {
  Open(3);
  Send(0, Csv(kEndless));
  Send(1, Csv("FROM range(100000000)"));
  ASSERT_TRUE(slots[1].IsReadable(60'000));
  Stop();
  for (FrontSocket& slot : slots) {
    while (slot.Read()) {
    }
  }
}

}  // namespace
}  // namespace tarn::engine
