// Errors and limits, over the sockets of the engine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "engine/test_engine.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(EngineTest, ReportsErrorsAndKeepsTheSlotUsable) {
  Open(1);
  for (const char* sql :
       {"SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0 + 'x'::INTEGER", "SELECT error('no')",
        "DROP VIEW t", "SELECT 1; SELECT 2", "", "SELECT * FROM read_csv('/etc/passwd')"}) {
    const Answer answer = Run(0, Csv(sql));
    ASSERT_TRUE(answer.error) << sql;
    EXPECT_EQ(answer.error->kind, ErrorKind::kInvalidArgument) << sql;
    EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n") << "after " << sql;
  }
}

TEST_F(EngineTest, SendsRowsBeforeALaterError) {
  Open(1);
  const Answer answer =
      Run(0, Csv("SELECT CASE WHEN range < 100000 THEN range ELSE error('no') END AS n "
                 "FROM range(200000)"));
  ASSERT_TRUE(answer.error);
  EXPECT_THAT(answer.error->message, HasSubstr("no"));
  EXPECT_THAT(answer.bytes, StartsWith("n\r\n0\r\n1\r\n"));
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, ReportsTheReasonOfAnErrorInMidStream) {
  // DuckDB sometimes loses the reason, more often if its threads are busy.
  constexpr size_t kSlots = 4;
  Open(kSlots);
  std::vector<std::thread> readers;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    readers.emplace_back([this, slot] {
      for (int i = 0; i < 60; ++i) {
        const Answer answer =
            Run(slot, Csv("SELECT CASE WHEN range = 150000 THEN error('late') ELSE range END AS n "
                          "FROM range(300000)"));
        ASSERT_TRUE(answer.error);
        EXPECT_EQ(answer.error->message, "Invalid Input Error: late");
        EXPECT_EQ(answer.error->kind, ErrorKind::kInvalidArgument);
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_F(EngineTest, InternalErrorsWithoutConsequencesDoNotReplaceTheProcess) {
  Open(1);
  const std::string answer = Text("FROM repeat_row(1, num_rows := -1)");
  EXPECT_THAT(answer, StartsWith("error: INTERNAL Error: "));
  EXPECT_THAT(answer, Not(HasSubstr("Stack Trace")));
  EXPECT_THAT(answer, Not(HasSubstr("0x")));
  EXPECT_EQ(Text("SELECT 1e999 AS x"), "x\r\nInfinity\r\n");
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
  // The engine has not sent Unhealthy.
  control.Send(protocol::ApplyViews{.ticket = 7, .revision = 1});
  EXPECT_EQ(control.Receive<protocol::ViewsApplied>().ticket, 7U);
}

// Each of these would crash the process, because DuckDB's functions recurse for each level.
TEST_F(EngineTest, RefusesDeepJson) {
  Open(1);
  const std::string deep = "(repeat('[', 300000) || repeat(']', 300000))";
  for (const std::string& sql : std::vector<std::string>{
           "json_contains(" + deep + ", '1')", "json_structure(" + deep + ")",
           "from_json(" + deep + ", '\"JSON\"')", deep + "::JSON::VARIANT",
           "hash(" + deep + "::JSON::VARIANT)", "to_json(" + deep + "::JSON::VARIANT)",
           "json_merge_patch(repeat('{\"a\":', 300000) || '1' || repeat('}', 300000), '{}')",
           "json_extract(" + deep + ", '$[0]')", "json_keys(" + deep + ")"}) {
    EXPECT_THAT(Text("SELECT " + sql), HasSubstr("nested too deep (queryd.json_depth_max)")) << sql;
    EXPECT_THAT(Text("SELECT " + sql + " FROM range(5000)"), StartsWith("error: ")) << sql;
  }
  EXPECT_EQ(Text("SELECT json_valid(" + deep + ") AS x"), "x\r\nfalse\r\n");
  EXPECT_EQ(Text("SELECT json_structure(repeat('[', 900) || repeat(']', 900)) IS NULL AS x"),
            "x\r\nfalse\r\n");
  EXPECT_EQ(Text("SELECT sum(json_array_length('[' || repeat('[],', 1000000) || '[]]')) AS x"),
            "x\r\n1000001\r\n");
}

TEST_F(EngineTest, OutOfMemoryAloneIsAnErrorOfTheQuery) {
  setup.memory_limit = 50'000'000;
  setup.threads = 1;
  Open(1);
  const Answer answer = Run(0, Csv("SELECT count(*) FROM (SELECT range AS r, count(*) FROM "
                                   "range(50000000) GROUP BY r)"));
  ASSERT_TRUE(answer.error);
  EXPECT_THAT(answer.error->message, HasSubstr("Out of Memory"));
  EXPECT_EQ(answer.error->kind, ErrorKind::kInvalidArgument);
  const auto unhealthy = control.Receive<protocol::Unhealthy>();
  EXPECT_EQ(unhealthy.reason, "out of memory");
  EXPECT_FALSE(unhealthy.broken);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, OutOfMemoryBesideOtherQueriesMayBeRetried) {
  setup.memory_limit = 50'000'000;
  setup.threads = 1;
  Open(2);
  Send(1, Csv("FROM range(100000000)"));
  ASSERT_TRUE(slots[1].IsReadable(60'000));
  const Answer answer = Run(0, Csv("SELECT count(*) FROM (SELECT range AS r, count(*) FROM "
                                   "range(50000000) GROUP BY r)"));
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->kind, ErrorKind::kOutOfMemory);
}

TEST_F(EngineTest, ClosesOnlyTheSlotOfAnInvalidMessage) {
  Open(2);
  std::string garbage;
  protocol::AppendFrame(protocol::FrameType::kQuery, "garbage", garbage);
  slots[0].SendBytes(garbage);
  EXPECT_FALSE(slots[0].Read()) << "closed, so the front does not wait";
  EXPECT_EQ(Text("SELECT 42 AS x", 1), "x\r\n42\r\n");
}

TEST(Engine, SendsAStartErrorToTheFront) {
  FrontSocket control;
  control.Send(protocol::Setup{.store = {.root = "s3://lake/", .host = "127.0.0.1:1"},
                               .httpfs_path = __FILE__,
                               .memory_limit = 100'000'000,
                               // The sandbox would restrict the test program.
                               .sandbox = protocol::SandboxMode::kOff});
  const auto engine = Engine::Open(control.TakeTheirs(), {});
  ASSERT_FALSE(engine.ok());
  EXPECT_THAT(control.Receive<protocol::Ready>().error, HasSubstr("load httpfs"));
  EXPECT_FALSE(control.Read());
}

TEST(Engine, RefusesOtherMessagesBeforeTheSetUp) {
  FrontSocket control;
  control.Send(protocol::Cancel{});
  EXPECT_FALSE(Engine::Open(control.TakeTheirs(), {}).ok());
  FrontSocket gone;
  gone.Close();
  EXPECT_FALSE(Engine::Open(gone.TakeTheirs(), {}).ok());
}

}  // namespace
}  // namespace tarn::engine
