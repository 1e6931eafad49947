#include "engine/views/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>

#include "engine/connection/connection_factory.h"
#include "engine/views/parquet_folder.h"

namespace tarn::engine {
namespace {

using testing::StartsWith;

class ViewsTest : public testing::Test {
 protected:
  ParquetFolder folder{testing::TempDir()};
  protocol::Setup setup{.store = protocol::ObjectStore::Folder(folder.path().string()),
                        .memory_limit = 500'000'000};
  std::unique_ptr<ConnectionFactory> factory = std::move(*ConnectionFactory::Open(setup, 1));
  duck::Connection connection = std::move(factory->TakeConnections()[0]);
  WatchedTask task{Deadline::Never()};
  std::unique_ptr<Views> views;

  uint64_t last_version = 0;

  std::vector<protocol::ViewSpec> Numbered(std::vector<protocol::ViewSpec> specs) {
    for (protocol::ViewSpec& view : specs) view.version = ++last_version;
    return specs;
  }
  void Open(std::vector<protocol::ViewSpec> known = {}) {
    views = std::make_unique<Views>(
        setup.store, protocol::ApplyViews{.revision = 1, .put = Numbered(std::move(known))});
  }
  void Apply(std::vector<protocol::ViewSpec> put, std::vector<std::string> drop = {}) {
    views->Apply({.revision = 2, .put = Numbered(std::move(put)), .drop = std::move(drop)});
  }
  Views::Cut CutOf(const std::vector<std::string>& datasets, bool all = false) {
    const auto cut = views->TakeCut(datasets, {}, all);
    if (!cut) throw std::runtime_error("no such datasets");
    return *cut;
  }
  // Creates the views and releases the pins.
  Result<> Make(const std::vector<std::string>& datasets, bool all = false) {
    const auto pins = views->Pin(connection, task, CutOf(datasets, all));
    return pins.ok() ? Result<>() : Result<>(pins.error());
  }
  static std::string TextOf(duck::Connection& on, const std::string& sql) {
    auto statement = on.Prepare(sql);
    if (!statement.ok()) return "error: " + statement.error().message;
    auto rows = statement->Execute();
    if (!rows.ok()) return "error: " + rows.error().message;
    const auto chunk = rows->Next();
    if (!chunk.ok()) return "error: " + chunk.error().message;
    if (!*chunk) return "";
    return std::string((*chunk)->columns()[0].Data<duck::StringRef>()[0].view());
  }
  std::string TextOf(const std::string& sql) { return TextOf(connection, sql); }
  std::string IdOf(const std::string& name) {
    return TextOf("SELECT max(id)::VARCHAR FROM " + name);
  }
  std::string ViewsMade() {
    return TextOf("SELECT count(*)::VARCHAR FROM duckdb_views() WHERE NOT internal");
  }
};

TEST_F(ViewsTest, CreatesAViewWhenAQueryNamesIt) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open({{"One", {"a.parquet"}}, {"two", {"a.parquet"}}});
  EXPECT_TRUE(views->IsDataset("oNe"));
  EXPECT_FALSE(views->IsDataset("three"));
  EXPECT_EQ(ViewsMade(), "0");
  EXPECT_EQ(CutOf({"ONE"}).revision(), 1U);
  const Result<> made = Make({"ONE"});
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(ViewsMade(), "1");
  EXPECT_EQ(IdOf("one"), "1");
}

TEST_F(ViewsTest, WaitsForADatasetThatIsBeingRead) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open({{"ready", {"a.parquet"}}});
  views->Apply({.revision = 1, .put = {}, .drop = {}, .pending = {"Slow"}});
  EXPECT_TRUE(views->IsDataset("slow"));
  const Views::Cut cut = CutOf({"SLOW", "ready"});
  EXPECT_THAT(cut.Pending(), testing::ElementsAre("Slow"));
  EXPECT_THAT(CutOf({}, true).Pending(), testing::IsEmpty()) << "SHOW TABLES needs none";
  const Error pending = Make({"slow"}).error();
  EXPECT_EQ(pending.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(pending.message, testing::HasSubstr("its objects are still being read: try again"));
  const Deadline soon = Deadline::After(std::chrono::milliseconds(20));
  views->WaitForPending(cut, soon);
  EXPECT_TRUE(soon.Passed());
  std::thread change([&] { Apply({{"slow", {"a.parquet"}}}); });
  const Deadline late = Deadline::After(std::chrono::minutes(1));
  views->WaitForPending(cut, late);
  EXPECT_FALSE(late.Passed());
  change.join();
  EXPECT_THAT(CutOf({"slow"}).Pending(), testing::IsEmpty());
}

TEST_F(ViewsTest, RefusesACutIfNamesAreNoLongerTheSame) {
  Open({{"t", {"a.parquet"}}});
  EXPECT_TRUE(views->TakeCut({"T"}, {"u"}, false));
  EXPECT_FALSE(views->TakeCut({"t", "u"}, {}, false));
  EXPECT_FALSE(views->TakeCut({}, {"T"}, false));
  Apply({{"U", {"a.parquet"}}}, {"T"});
  EXPECT_FALSE(views->TakeCut({"t"}, {}, false));
  EXPECT_FALSE(views->TakeCut({}, {"u"}, false));
  const auto reads = CutOf({"u"}).Reads();
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].name, "U");
  EXPECT_EQ(reads[0].version, 2U);
  EXPECT_TRUE(views->TakeCut({"u"}, {"t"}, true));
}

TEST_F(ViewsTest, ReplacesAChangedViewWhenAQueryNamesIt) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  Open({{"t", {"a.parquet"}}});
  ASSERT_TRUE(Make({"t"}).ok());
  Apply({{"T", {"b.parquet"}}});
  EXPECT_EQ(IdOf("t"), "1");
  EXPECT_EQ(CutOf({"t"}).revision(), 2U);
  ASSERT_TRUE(Make({"t"}).ok());
  EXPECT_EQ(IdOf("t"), "2");
}

TEST_F(ViewsTest, DropsAViewWhenAQueryNamesIt) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open({{"t", {"a.parquet"}}});
  ASSERT_TRUE(Make({"t"}).ok());
  Apply({}, {"T", "never"});
  EXPECT_FALSE(views->IsDataset("t"));
  EXPECT_EQ(IdOf("t"), "1");
  {
    const auto pins = views->Pin(connection, task, *views->TakeCut({}, {"t"}, false));
    ASSERT_TRUE(pins.ok());
    EXPECT_THAT(IdOf("t"), StartsWith("error: "));
  }
  Apply({{"t", {"a.parquet"}}});
  ASSERT_TRUE(Make({"t"}).ok());
  EXPECT_EQ(IdOf("t"), "1");
}

TEST_F(ViewsTest, ReplacesAPinnedViewAfterItsRelease) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  Open({{"t", {"a.parquet"}}});
  const Views::Cut first = CutOf({"t"});
  Apply({{"t", {"b.parquet"}}});
  std::optional<Views::Pins> pins = std::move(*views->Pin(connection, task, first));
  EXPECT_EQ(IdOf("t"), "1") << "the version of the cut, not a later one";
  duck::Connection other = std::move(*factory->Connect());
  std::atomic<bool> done = false;
  std::thread later([&] {
    EXPECT_TRUE(views->Pin(other, task, CutOf({"t"})).ok());
    done = true;
  });
  // Queries of the first cut do not wait, but the query of the second cut does.
  EXPECT_TRUE(views->Pin(connection, task, first).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(done);
  EXPECT_EQ(IdOf("t"), "1");
  pins.reset();
  later.join();
  EXPECT_EQ(IdOf("t"), "2");
}

TEST_F(ViewsTest, ACancelEndsTheWaitForAPin) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open({{"t", {"a.parquet"}}});
  const Result<Views::Pins> pins = views->Pin(connection, task, CutOf({"t"}));
  ASSERT_TRUE(pins.ok());
  Apply({{"t", {"b.parquet"}}});
  duck::Connection other = std::move(*factory->Connect());
  WatchedTask waiting{Deadline::Never()};
  std::thread canceller([&] { waiting.Cancel({ErrorKind::kCancelled, "enough"}); });
  const auto later = views->Pin(other, waiting, CutOf({"t"}));
  canceller.join();
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().message, "enough");
}

TEST_F(ViewsTest, ListsDatasetsAsOutlines) {
  Open({{.name = "a",
         .keys = {"a.parquet"},
         .schema = {.columns = {{"id", "BIGINT"}, {"x\" y", "DECIMAL(9,2)[]"}}}},
        {.name = "b", .keys = {"b.parquet"}, .schema = {.columns = {{"id", "INTEGER"}}}},
        {"without", {"c.parquet"}}});
  folder.Write("c.parquet", "SELECT 1 AS id");
  const Result<> all = Make({}, true);
  ASSERT_TRUE(all.ok()) << all.error().message;
  EXPECT_EQ(ViewsMade(), "3") << "those whose columns are not known are read";
  EXPECT_EQ(TextOf("SELECT string_agg(column_name || ' ' || data_type, '; ') FROM "
                   "duckdb_columns() WHERE table_name = 'a'"),
            "id BIGINT; x\" y DECIMAL(9,2)[]");
  EXPECT_THAT(IdOf("a"), StartsWith("error: ")) << "it is never read";
  folder.Write("a.parquet", "SELECT 7::BIGINT AS id, [1::DECIMAL(9, 2)] AS \"x\"\" y\"");
  {
    // A list of the datasets does not prevent the creation of the view.
    const auto listed = views->Pin(connection, task, CutOf({}, true));
    ASSERT_TRUE(Make({"A"}).ok());
    EXPECT_EQ(IdOf("a"), "7");
  }
  // An outline does not replace the view.
  ASSERT_TRUE(Make({"a"}, true).ok());
  EXPECT_EQ(IdOf("a"), "7");
  Apply({}, {"b", "without"});
  ASSERT_TRUE(Make({}, true).ok());
  EXPECT_EQ(ViewsMade(), "1");
}

TEST_F(ViewsTest, NamesAndKeysAreNeverSql) {
  const std::string key = "x'); DROP VIEW t; --.parquet";
  folder.Write(key, "SELECT 1 AS id");
  const std::string name = "a\"; DROP VIEW t; --";
  Open({{.name = name, .keys = {key}, .schema = {.columns = {{name, "INTEGER"}}}}});
  ASSERT_TRUE(Make({}, true).ok());
  EXPECT_EQ(TextOf("SELECT column_name FROM duckdb_columns() WHERE NOT internal"), name);
  ASSERT_TRUE(Make({name}).ok());
  EXPECT_EQ(IdOf(duck::QuoteIdentifier(name)), "1");
  Apply({}, {name});
  ASSERT_TRUE(Make({}, true).ok());
  EXPECT_EQ(ViewsMade(), "0");
}

TEST_F(ViewsTest, ErrorsNameTheDataset) {
  Open({{"lost", {"missing.parquet"}}, {"there", {"a.parquet"}}, {"bad", {"../a.parquet"}}});
  folder.Write("a.parquet", "SELECT 1 AS id");
  const Result<> made = Make({"lost"});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message, StartsWith("dataset \"lost\": "));
  EXPECT_FALSE(Make({"bad"}).ok());
  EXPECT_TRUE(Make({}, true).ok()) << "the others are shown";
  EXPECT_EQ(IdOf("there"), "1");
  // After its objects exist, the next query can read it.
  folder.Write("missing.parquet", "SELECT 3 AS id");
  ASSERT_TRUE(Make({"lost"}).ok());
  EXPECT_EQ(IdOf("lost"), "3");
}

TEST_F(ViewsTest, ConcurrentQueriesCreateAViewThatChanges) {
  folder.Write("0.parquet", "SELECT 0 AS id");
  folder.Write("1.parquet", "SELECT 1 AS id");
  Open({{"t", {"0.parquet"}}});
  std::vector<std::thread> threads;
  std::vector<duck::Connection> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(std::move(*factory->Connect()));
  for (duck::Connection& own : connections) {
    threads.emplace_back([this, &own] {
      for (int i = 0; i < 40; ++i) {
        const auto pins = views->Pin(own, task, CutOf({"t"}, i % 10 == 0));
        EXPECT_TRUE(pins.ok()) << pins.error().message;
      }
    });
  }
  for (int i = 1; i <= 41; ++i) Apply({{"t", {std::to_string(i % 2) + ".parquet"}}});
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(Make({"t"}).ok());
  EXPECT_EQ(IdOf("t"), "1") << "the latest definition";
}

}  // namespace
}  // namespace tarn::engine
