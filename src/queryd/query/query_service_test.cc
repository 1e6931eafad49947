#include "queryd/query/query_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "queryd/query/test_engine.h"
#include "queryd/query/test_io.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Stream = std::shared_ptr<ResultStream>;

asio::awaitable<Result<Stream>> OpenAndRun(QueryService& service, Statement statement,
                                           std::string id) {
  Result<QueryHandle> handle = co_await service.Open(statement, id, auth::Anonymous());
  if (!handle.ok()) co_return handle.error();
  Result<ResultStream> result = co_await service.Run(statement, std::move(*handle));
  if (!result.ok()) co_return result.error();
  co_return std::make_shared<ResultStream>(std::move(*result));
}

asio::awaitable<Result<Description>> OpenAndDescribe(QueryService& service, Statement statement) {
  Result<QueryHandle> handle = co_await service.Open(statement, "describes", auth::Anonymous());
  if (!handle.ok()) co_return handle.error();
  Result<Description> description = co_await service.Describe(statement, std::move(*handle));
  co_return description;
}

asio::awaitable<Result<std::string>> ReadAll(Stream stream) {
  std::string bytes;
  for (;;) {
    const Result<std::string> more = co_await stream->Next();
    if (!more.ok()) co_return more.error();
    if (more->empty()) co_return bytes;
    bytes += *more;
  }
}

EncodedRows Rows(const std::string& bytes) { return {.bytes = bytes, .rows = bytes.size()}; }

Script Whole(const std::string& bytes, ResultBegun begun = {}) {
  return {std::move(begun), Rows(bytes), ResultSummary{.rows = bytes.size()}};
}

class QueryServiceTest : public testing::Test {
 protected:
  IoThreads io{2};
  Metrics metrics;
  FakeEngine engine;
  QueryService::Options options{
      .admission = {.running_max = 2, .queue_max = 10, .queue_timeout = kSoon},
      .limits = {.timeout = kSoon},
      .whole_bytes_max = 10,
      .history_max = 10,
      .cache_bytes_max = 1'000'000};
  std::unique_ptr<QueryService> service;
  int ids = 0;

  void Open() { service = std::make_unique<QueryService>(engine, options, metrics); }
  void Add(Script script) {
    const std::lock_guard lock(engine.mutex);
    engine.scripts.push_back(std::move(script));
  }
  Statement Sql(const std::string& sql) const { return {.sql = sql, .limits = options.limits}; }
  std::future<Result<Stream>> Start(const Statement& statement, const std::string& id) {
    return Spawn(io.NewStrand(), OpenAndRun(*service, statement, id));
  }
  std::future<Result<Stream>> Start(const Statement& statement) {
    return Start(statement, "q" + std::to_string(++ids));
  }
  // The whole result, or "error: …".
  std::string Text(std::future<Result<Stream>>&& started) {
    Result<Stream> stream = Get(started);
    if (!stream.ok()) return "error: " + stream.error().message;
    const Result<std::string> bytes = Get(Spawn((*stream)->query().executor(), ReadAll(*stream)));
    Destroy(std::move(*stream));
    return bytes.ok() ? *bytes : "error: " + bytes.error().message;
  }
  std::string Run(const std::string& sql) { return Text(Start(Sql(sql))); }
  // Destroys the last reference on the executor of the query, as a wire does.
  static void Destroy(Stream stream) {
    std::promise<void> done;
    const asio::any_io_executor executor = stream->query().executor();
    asio::post(executor, [&] {
      stream.reset();
      done.set_value();
    });
    Get(done.get_future());
  }
  bool Cancel(const std::string& id) {
    return service->registry()
        .Cancel({id}, {ErrorKind::kConflict, "by hand"}, *auth::Anonymous())
        .ok();
  }
  QueryInfo Info(const std::string& id) {
    return *service->registry().Find({id}, *auth::Anonymous());
  }
};

TEST_F(QueryServiceTest, ReturnsTheResultOfTheEngine) {
  Open();
  Add(Whole("abc", {.revision = 7, .columns = {{"a", "INTEGER"}}}));
  const Result<Stream> stream = Get(Start(Sql("SELECT 1"), "q"));
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE((*stream)->IsComplete());
  EXPECT_EQ((*stream)->revision(), 7U);
  EXPECT_THAT((*stream)->columns(), ElementsAre(ResultColumn{"a", "INTEGER"}));
  EXPECT_EQ((*stream)->summary().rows, 3U);
  EXPECT_EQ(Info("q").state, QueryState::kSucceeded);
  EXPECT_EQ(Info("q").bytes, 3U);
  EXPECT_EQ(engine.RunsNow(), 0U);
  EXPECT_THAT(engine.runs, ElementsAre(Pair("SELECT 1", Purpose::kRun)));
}

TEST_F(QueryServiceTest, RowsBeforeARestartAreVoid) {
  Open();
  Add({ResultBegun{}, Rows("former"), Restarted{}, ResultBegun{.revision = 2}, Rows("new"),
       ResultSummary{.rows = 3}});
  EXPECT_EQ(Run("SELECT 1"), "new");
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_query_retries_total 1\n"));
  // Without rows in between.
  Add({ResultBegun{}, ResultBegun{}, Rows("x"), ResultSummary{.rows = 1}});
  EXPECT_EQ(Run("SELECT 2"), "x");
}

TEST_F(QueryServiceTest, SendsALargeResultBeforeItsEnd) {
  Open();
  Add({ResultBegun{}, Rows("0123456789"), Rows("more"), Rows("rest"), ResultSummary{.rows = 18}});
  Result<Stream> stream = Get(Start(Sql("SELECT 1"), "large"));
  ASSERT_TRUE(stream.ok());
  EXPECT_FALSE((*stream)->IsComplete());
  EXPECT_EQ(Info("large").state, QueryState::kRunning);
  EXPECT_TRUE((*stream)->query().answer_begun()) << "the engine must not run it again";
  (*stream)->NoteSlowReader();
  EXPECT_EQ(engine.slow_readers, 1U);
  EXPECT_EQ(*Get(Spawn((*stream)->query().executor(), ReadAll(*stream))), "0123456789morerest");
  EXPECT_EQ(Info("large").state, QueryState::kSucceeded);
  Destroy(std::move(*stream));
}

TEST_F(QueryServiceTest, AnErrorAfterTheFirstRowsBreaksTheResult) {
  Open();
  for (const EngineEvent& bad : {EngineEvent(Internal("late")), EngineEvent(ResultBegun{})}) {
    Add({ResultBegun{}, Rows("0123456789x"), bad});
    EXPECT_THAT(Run("SELECT 1"), HasSubstr("error: "));
  }
  EXPECT_EQ(Info("q1").error, "late");
}

TEST_F(QueryServiceTest, ReturnsWhenTheColumnsAreKnown) {
  Open();
  Add({ResultBegun{.columns = {{"a", "DATE"}}}, Rows("x"), ResultSummary{.rows = 1}});
  Statement statement = Sql("SELECT 1");
  statement.answers_when_bound = true;
  Result<Stream> stream = Get(Start(statement));
  ASSERT_TRUE(stream.ok());
  EXPECT_FALSE((*stream)->IsComplete());
  EXPECT_THAT((*stream)->columns(), ElementsAre(ResultColumn{"a", "DATE"}));
  EXPECT_EQ(*Get(Spawn((*stream)->query().executor(), ReadAll(*stream))), "x");
  Destroy(std::move(*stream));
}

TEST_F(QueryServiceTest, DroppingAResultEndsItsRun) {
  Open();
  Add({ResultBegun{}, Rows("0123456789x")});
  Result<Stream> stream = Get(Start(Sql("SELECT 1"), "dropped"));
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ(engine.RunsNow(), 1U);
  Destroy(std::move(*stream));
  EXPECT_EQ(engine.RunsNow(), 0U);
  EXPECT_EQ(Info("dropped").state, QueryState::kCancelled);
}

TEST_F(QueryServiceTest, ACancelledQueryFreesItsPermit) {
  options.admission.running_max = 1;
  Open();
  Add({});
  Add(Whole("x"));
  auto first = Start(Sql("SELECT 1"), "first");
  ASSERT_TRUE(Eventually([&] { return engine.RunsNow() == 1; }));
  auto second = Start(Sql("SELECT 2"), "second");
  ASSERT_TRUE(Eventually([&] {
    const auto info = service->registry().Find({"second"}, *auth::Anonymous());
    return info.ok() && info->state == QueryState::kQueued;
  }));
  ASSERT_TRUE(Cancel("first"));
  EXPECT_EQ(Text(std::move(first)), "error: by hand");
  EXPECT_EQ(Text(std::move(second)), "x");
}

TEST_F(QueryServiceTest, TellsTheEngineWhichStatementsAreSuspects) {
  Open();
  engine.suspect = "SELECT 1";
  for (const char* sql : {"SELECT 1", "SELECT 2"}) {
    Add(Whole("x"));
    EXPECT_EQ(Run(sql), "x");
    EXPECT_EQ(engine.suspects, 1U) << sql;
  }
}

TEST_F(QueryServiceTest, ARefusedStatementDoesNotWait) {
  options.admission.running_max = 1;
  Open();
  Add({});
  auto endless = Start(Sql("SELECT 1"), "endless");
  ASSERT_TRUE(Eventually([&] { return engine.RunsNow() == 1; }));
  {
    const std::lock_guard lock(engine.mutex);
    engine.refusal = InvalidArgument("refused");
  }
  EXPECT_EQ(Run("SELECT 2"), "error: refused");
  ASSERT_TRUE(Cancel("endless"));
  EXPECT_EQ(Text(std::move(endless)), "error: by hand");
}

// Queries of other scopes can run meanwhile.
TEST_F(QueryServiceTest, AQueryWithoutAPlaceHoldsNoPermit) {
  options.admission.running_max = 1;
  Open();
  engine.places = 0;
  auto waiting = Start(Sql("SELECT 1"), "waits");
  ASSERT_TRUE(Eventually([&] { return engine.Waits() == 1; }));
  {
    const std::lock_guard lock(engine.mutex);
    engine.places = 1000;
  }
  Add(Whole("other"));
  EXPECT_EQ(Run("SELECT 2"), "other");
  ASSERT_TRUE(Cancel("waits"));
  EXPECT_EQ(Text(std::move(waiting)), "error: by hand");
}

TEST_F(QueryServiceTest, CachesARepeatableResult) {
  Open();
  engine.versions = {{"t", 1}};
  const auto withdrawn = std::make_shared<std::atomic<bool>>(false);
  const ResultBegun begun{.is_repeatable = true,
                          .reads = {{"t", 1}},
                          .columns = {{"a", "DATE"}},
                          .is_withdrawn = withdrawn};
  Add(Whole("first", begun));
  EXPECT_EQ(Run("FROM t"), "first");
  const Result<Stream> cached = Get(Start(Sql("FROM t")));
  ASSERT_TRUE(cached.ok());
  EXPECT_TRUE((*cached)->is_cached());
  EXPECT_EQ((*cached)->revision(), 9U);
  EXPECT_THAT((*cached)->columns(), ElementsAre(ResultColumn{"a", "DATE"}));
  EXPECT_EQ(Run("FROM t"), "first");
  *withdrawn = true;
  ResultBegun vouched = begun;
  vouched.is_withdrawn = nullptr;
  Add(Whole("second", vouched));
  EXPECT_EQ(Run("FROM t"), "second") << "the engine withdrew the result";
  EXPECT_EQ(Run("FROM t"), "second") << "from the cache";
  engine.versions = {{"t", 2}};
  Add(Whole("third", vouched));
  EXPECT_EQ(Run("FROM t"), "third") << "the dataset has changed";
}

TEST_F(QueryServiceTest, AnOverwrittenObjectClearsTheCache) {
  Open();
  const ResultBegun begun{.is_repeatable = true};
  const Script restarted{begun, Restarted{.has_changed_objects = true}, begun, Rows("x"),
                         ResultSummary{.rows = 1}};
  const Script failed{begun, Error{ErrorKind::kStale, "overwritten"}};
  for (const Script& script : {restarted, failed}) {
    Add(Whole("old", begun));
    EXPECT_EQ(Run("SELECT 1"), "old");
    Add(script);
    Run("SELECT 2, " + std::to_string(script.size()));
    Add(Whole("new", begun));
    EXPECT_EQ(Run("SELECT 1"), "new");
    service = nullptr;
    Open();
  }
}

TEST_F(QueryServiceTest, DescribesWithoutTheCache) {
  Open();
  const ResultBegun begun{
      .revision = 3, .is_repeatable = true, .columns = {{"a", "DATE"}}, .parameters = {{"1", ""}}};
  for (int i = 0; i < 2; ++i) {
    Add({begun, ResultSummary{}});
    const Result<Description> description =
        Get(Spawn(io.NewStrand(), OpenAndDescribe(*service, Sql("FROM t"))));
    ASSERT_TRUE(description.ok());
    EXPECT_EQ(description->revision, 3U);
    EXPECT_THAT(description->columns, ElementsAre(ResultColumn{"a", "DATE"}));
    EXPECT_THAT(description->parameters, ElementsAre(ResultColumn{"1", ""}));
  }
  Add(Whole("rows", begun));
  EXPECT_EQ(Run("FROM t"), "rows");
  EXPECT_EQ(engine.runs.size(), 3U);
  EXPECT_EQ(engine.runs[0].second, Purpose::kDescribe);
  EXPECT_EQ(engine.runs[2].second, Purpose::kRun);
}

TEST_F(QueryServiceTest, ADescriptionHasTheErrorsOfTheEngine) {
  Open();
  Add({InvalidArgument("unknown")});
  const Result<Description> description =
      Get(Spawn(io.NewStrand(), OpenAndDescribe(*service, Sql("FROM nowhere"))));
  ASSERT_FALSE(description.ok());
  EXPECT_EQ(description.error().message, "unknown");
  EXPECT_TRUE(service->IsUnknownTable(description.error()));
  EXPECT_EQ(Info("describes").state, QueryState::kFailed);
}

}  // namespace
}  // namespace tarn::queryd
