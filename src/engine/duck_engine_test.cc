#include "engine/duck_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <stdexcept>

#include "base/text.h"
#include "duck/quote.h"

namespace tarn::engine {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

// Runs for minutes unless it is interrupted.
constexpr const char* kEndless =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7";

class DuckEngineTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-engine-" + RandomId());
  DuckEngineTest() { fs::create_directories(folder); }
  ~DuckEngineTest() override { fs::remove_all(folder); }

  std::unique_ptr<DuckEngine> Open(size_t workers = 2, size_t queue_limit = 10) {
    auto engine =
        DuckEngine::Open({.store = ObjectStore::Folder(folder.string()),
                          .credentials = []() -> Result<Credentials> { return Credentials{}; },
                          .httpfs_path = "",
                          .workers = workers,
                          .queue_limit = queue_limit,
                          .result_buffer_bytes = 64 * 1024});
    if (!engine.ok()) throw std::runtime_error(engine.error().message);
    return std::move(*engine);
  }
  void WriteParquet(const std::string& key, const std::string& query) {
    duck::Connection connection = *duck::Database::Open({})->Connect();
    ASSERT_TRUE(connection
                    .Execute("COPY (" + query + ") TO " +
                             duck::QuoteLiteral((folder / key).string()) + " (FORMAT parquet)")
                    .ok());
  }
  static QueryEvent NextEvent(QueryStream& stream) {
    const auto promise = std::make_shared<std::promise<QueryEvent>>();
    std::future<QueryEvent> event = promise->get_future();
    stream.Next([promise](QueryEvent e) { promise->set_value(std::move(e)); });
    return event.get();
  }
  // The whole answer, or "error: …".
  static std::string Run(Engine& engine, const std::string& sql,
                         Deadline deadline = Deadline::Never()) {
    const auto stream = engine.Execute({.id = "test", .sql = sql, .deadline = deadline});
    std::string bytes;
    for (;;) {
      QueryEvent event = NextEvent(*stream);
      if (const auto* error = std::get_if<Error>(&event)) return "error: " + error->message;
      if (std::holds_alternative<QueryEnd>(event)) return bytes;
      bytes += std::get<std::string>(event);
    }
  }
  static std::string RowsOf(const std::string& envelope) {
    const size_t start = envelope.find("\"rows\":");
    return start == std::string::npos ? envelope : envelope.substr(start);
  }
};

TEST_F(DuckEngineTest, ViewsCanBePutReplacedAndDropped) {
  WriteParquet("a.parquet", "SELECT 1 AS id");
  WriteParquet("b.parquet", "SELECT 2 AS id");
  const auto engine = Open();
  ASSERT_TRUE(engine->PutView({"t", {"a.parquet"}}, Deadline::Never()).ok());
  EXPECT_EQ(RowsOf(Run(*engine, "FROM t")), R"("rows":[[1]],"row_count":1})");
  ASSERT_TRUE(engine->PutView({"t", {"a.parquet", "b.parquet"}}, Deadline::Never()).ok());
  EXPECT_EQ(RowsOf(Run(*engine, "SELECT sum(id) FROM t")), R"("rows":[[3]],"row_count":1})");
  ASSERT_TRUE(engine->DropView("t", Deadline::Never()).ok());
  EXPECT_THAT(Run(*engine, "FROM t"), HasSubstr("error: Catalog Error"));
  EXPECT_TRUE(engine->DropView("t", Deadline::Never()).ok()) << "dropping twice is no error";
}

TEST_F(DuckEngineTest, AViewThatCannotBeMadeLeavesTheFormerOne) {
  WriteParquet("a.parquet", "SELECT 1 AS id");
  const auto engine = Open();
  ASSERT_TRUE(engine->PutView({"t", {"a.parquet"}}, Deadline::Never()).ok());
  EXPECT_FALSE(engine->PutView({"t", {"missing.parquet"}}, Deadline::Never()).ok());
  EXPECT_FALSE(engine->PutView({"t", {"a.parquet", "missing.parquet"}}, Deadline::Never()).ok());
  EXPECT_FALSE(engine->PutView({"t", {"../a.parquet"}}, Deadline::Never()).ok());
  EXPECT_FALSE(engine->PutView({"t", {}}, Deadline::Never()).ok());
  EXPECT_FALSE(engine->PutView({"t", {"a.parquet"}}, Deadline::After(Duration::zero())).ok());
  EXPECT_EQ(RowsOf(Run(*engine, "FROM t")), R"("rows":[[1]],"row_count":1})");
}

TEST_F(DuckEngineTest, NamesAndKeysAreNeverSql) {
  const std::string key = "x'); DROP VIEW t; --.parquet";
  WriteParquet(key, "SELECT 1 AS id");
  const auto engine = Open();
  const std::string name = "a\"; DROP VIEW t; --";
  const Result<> put = engine->PutView({name, {key}}, Deadline::Never());
  ASSERT_TRUE(put.ok()) << put.error().message;
  EXPECT_EQ(RowsOf(Run(*engine, "FROM " + duck::QuoteIdentifier(name))),
            R"("rows":[[1]],"row_count":1})");
}

TEST_F(DuckEngineTest, AFolderWhosePathLooksLikeAPatternServes) {
  const fs::path odd = folder / "odd [a-z]* folder";
  fs::create_directories(odd);
  WriteParquet("odd [a-z]* folder/a*.parquet", "SELECT 1 AS id");
  const auto engine =
      *DuckEngine::Open({.store = ObjectStore::Folder(odd.string()),
                         .credentials = []() -> Result<Credentials> { return Credentials{}; },
                         .httpfs_path = ""});
  const Result<> put = engine->PutView({"t", {"a*.parquet"}}, Deadline::Never());
  ASSERT_TRUE(put.ok()) << put.error().message;
  EXPECT_EQ(RowsOf(Run(*engine, "FROM t")), R"("rows":[[1]],"row_count":1})");
}

TEST_F(DuckEngineTest, TheDeadlineEndsAQuery) {
  const auto engine = Open();
  EXPECT_EQ(Run(*engine, kEndless, Deadline::After(50ms)), "error: timed out");
  EXPECT_TRUE(engine->WaitIdle(Deadline::After(10s)));
}

TEST_F(DuckEngineTest, AStreamThatIsDestroyedStopsItsQuery) {
  const auto engine = Open(1);
  { const auto stream = engine->Execute({.id = "gone", .sql = kEndless}); }
  // The one worker is free again.
  EXPECT_EQ(RowsOf(Run(*engine, "SELECT 1")), R"("rows":[[1]],"row_count":1})");
}

TEST_F(DuckEngineTest, AResultThatIsNotReadStopsWhenItsStreamGoes) {
  const auto engine = Open(1);
  {
    const auto stream = engine->Execute({.id = "unread", .sql = "FROM range(100000000)"});
    EXPECT_TRUE(std::holds_alternative<std::string>(NextEvent(*stream)));
  }
  EXPECT_TRUE(engine->WaitIdle(Deadline::After(10s)));
}

TEST_F(DuckEngineTest, MoreThanTheQueueHoldsIsRefused) {
  const auto engine = Open(1, 1);
  const auto running = engine->Execute({.id = "running", .sql = "FROM range(100000000)"});
  ASSERT_TRUE(std::holds_alternative<std::string>(NextEvent(*running))) << "it has the worker";
  const auto waiting = engine->Execute({.id = "waiting", .sql = "SELECT 1"});
  const auto refused = engine->Execute({.id = "refused", .sql = "SELECT 1"});
  QueryEvent event = NextEvent(*refused);
  ASSERT_TRUE(std::holds_alternative<Error>(event));
  EXPECT_EQ(std::get<Error>(event).kind, ErrorKind::kUnavailable);
}

TEST_F(DuckEngineTest, CancelAllEndsWhatRunsAndWaitsAndTakesNoMore) {
  const auto engine = Open(1);
  std::vector<std::unique_ptr<QueryStream>> streams;
  streams.reserve(3);
  for (int i = 0; i < 3; ++i) streams.push_back(engine->Execute({.id = "q", .sql = kEndless}));
  engine->CancelAll();
  for (const auto& stream : streams) {
    QueryEvent event = NextEvent(*stream);
    ASSERT_TRUE(std::holds_alternative<Error>(event));
    EXPECT_EQ(std::get<Error>(event).kind, ErrorKind::kCancelled);
  }
  EXPECT_EQ(Run(*engine, "SELECT 1"), "error: the server is shutting down");
  EXPECT_TRUE(engine->WaitIdle(Deadline::After(10s)));
}

TEST_F(DuckEngineTest, AFailedQueryLeavesItsWorkerUsable) {
  const auto engine = Open(1);
  for (const char* sql : {"SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0 + 'x'::INTEGER",
                          "SELECT error('no')", "DROP VIEW t", "SELECT get_type(1)"}) {
    EXPECT_THAT(Run(*engine, sql), testing::StartsWith("error: ")) << sql;
  }
  EXPECT_EQ(RowsOf(Run(*engine, "SELECT 1")), R"("rows":[[1]],"row_count":1})");
}

}  // namespace
}  // namespace tarn::engine
