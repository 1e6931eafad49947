#include "engine/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/parquet_folder.h"

namespace tarn::engine {
namespace {

using testing::StartsWith;

class ViewsTest : public testing::Test {
 protected:
  ParquetFolder folder{testing::TempDir()};
  const std::shared_ptr<Watchdog> watchdog = std::make_shared<Watchdog>();
  protocol::Setup setup{.store = protocol::ObjectStore::Folder(folder.path().string()),
                        .memory_limit = 500'000'000};
  std::unique_ptr<ConnectionFactory> factory = std::move(*ConnectionFactory::Open(setup, 1));
  duck::Connection connection = std::move(factory->TakeConnections()[0]);
  WatchedTask task{Deadline::Never()};
  std::unique_ptr<Views> views;

  void Open(const std::vector<protocol::ViewSpec>& known = {}) {
    views = std::make_unique<Views>(setup.store, *factory, watchdog, known);
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

TEST_F(ViewsTest, PutMakesAViewAndReplacesIt) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  Open();
  EXPECT_FALSE(views->IsDataset("t"));
  const uint64_t before = views->generation();
  ASSERT_TRUE(views->Put({"t", {"a.parquet"}}, Deadline::Never()).ok());
  EXPECT_TRUE(views->IsDataset("t"));
  EXPECT_TRUE(views->IsDataset("T"));
  EXPECT_GT(views->generation(), before);
  EXPECT_EQ(IdOf("t"), "1");
  ASSERT_TRUE(views->Put({"T", {"a.parquet", "b.parquet"}}, Deadline::Never()).ok());
  EXPECT_EQ(IdOf("t"), "2");
}

TEST_F(ViewsTest, AViewThatCannotBeMadeLeavesTheFormerOne) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open();
  ASSERT_TRUE(views->Put({"t", {"a.parquet"}}, Deadline::Never()).ok());
  const uint64_t generation = views->generation();
  const std::vector<std::vector<std::string>> bad = {
      {"missing.parquet"}, {"a.parquet", "missing.parquet"}, {"../a.parquet"}, {}};
  for (const auto& keys : bad) {
    EXPECT_FALSE(views->Put({"t", keys}, Deadline::Never()).ok());
    EXPECT_FALSE(views->Put({"new", keys}, Deadline::Never()).ok());
  }
  const Result<> late = views->Put({"t", {"a.parquet"}}, Deadline::After(Duration::zero()));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
  EXPECT_FALSE(views->IsDataset("new"));
  EXPECT_EQ(views->generation(), generation);
  EXPECT_EQ(IdOf("t"), "1");
}

TEST_F(ViewsTest, DropTakesAViewAwayWhetherItIsThereOrNot) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open({{"known", {"a.parquet"}}});
  ASSERT_TRUE(views->Put({"t", {"a.parquet"}}, Deadline::Never()).ok());
  const uint64_t before = views->generation();
  ASSERT_TRUE(views->Drop("T", Deadline::Never()).ok());
  EXPECT_GT(views->generation(), before);
  EXPECT_FALSE(views->IsDataset("t"));
  EXPECT_THAT(IdOf("t"), StartsWith("error: "));
  EXPECT_TRUE(views->Drop("t", Deadline::Never()).ok());
  ASSERT_TRUE(views->Drop("known", Deadline::Never()).ok()) << "one that was never made";
  ASSERT_TRUE(views->Make(connection, task, {"known"}).ok());
  EXPECT_THAT(IdOf("known"), StartsWith("error: "));
}

TEST_F(ViewsTest, NamesAndKeysAreNeverSql) {
  const std::string key = "x'); DROP VIEW t; --.parquet";
  folder.Write(key, "SELECT 1 AS id");
  Open();
  const std::string name = "a\"; DROP VIEW t; --";
  const Result<> put = views->Put({name, {key}}, Deadline::Never());
  ASSERT_TRUE(put.ok()) << put.error().message;
  EXPECT_EQ(IdOf(duck::QuoteIdentifier(name)), "1");
  ASSERT_TRUE(views->Drop(name, Deadline::Never()).ok());
}

TEST_F(ViewsTest, WhatIsKnownIsMadeWhenItIsNamed) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  Open({{"One", {"a.parquet"}}, {"two", {"a.parquet"}}});
  EXPECT_TRUE(views->IsDataset("one"));
  EXPECT_EQ(ViewsMade(), "0");
  ASSERT_TRUE(views->Make(connection, task, {"ONE", "no_dataset"}).ok());
  EXPECT_EQ(ViewsMade(), "1");
  EXPECT_EQ(IdOf("one"), "1");
  ASSERT_TRUE(views->MakeAll(connection, task).ok());
  EXPECT_EQ(ViewsMade(), "2");
}

TEST_F(ViewsTest, PutKnownReplacesWhenItIsNamedNext) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  Open();
  ASSERT_TRUE(views->Put({"t", {"a.parquet"}}, Deadline::Never()).ok());
  const uint64_t before = views->generation();
  views->PutKnown({"T", {"b.parquet"}});
  EXPECT_GT(views->generation(), before) << "plans of the former one are judged anew";
  EXPECT_EQ(IdOf("t"), "1");
  ASSERT_TRUE(views->Make(connection, task, {"t"}).ok());
  EXPECT_EQ(IdOf("t"), "2");
}

TEST_F(ViewsTest, OneThatWasKnownAndIsNotThereIsNamed) {
  Open({{"lost", {"missing.parquet"}}, {"there", {"a.parquet"}}});
  folder.Write("a.parquet", "SELECT 1 AS id");
  const Result<> made = views->Make(connection, task, {"lost"});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message, StartsWith("dataset \"lost\": "));
  EXPECT_TRUE(views->MakeAll(connection, task).ok()) << "the others are shown";
  EXPECT_EQ(IdOf("there"), "1");
  // Its objects come: the next query that names it has it.
  folder.Write("missing.parquet", "SELECT 3 AS id");
  ASSERT_TRUE(views->Make(connection, task, {"lost"}).ok());
  EXPECT_EQ(IdOf("lost"), "3");
}

TEST_F(ViewsTest, ManyQueriesMakeOneViewAtOnceWhileItChanges) {
  folder.Write("0.parquet", "SELECT 0 AS id");
  folder.Write("1.parquet", "SELECT 1 AS id");
  Open({{"t", {"0.parquet"}}});
  std::vector<std::thread> threads;
  std::vector<duck::Connection> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(std::move(*factory->Connect()));
  for (duck::Connection& own : connections) {
    threads.emplace_back([this, &own] {
      for (int i = 0; i < 40; ++i) {
        const Result<> made = views->Make(own, task, {"t"});
        EXPECT_TRUE(made.ok()) << made.error().message;
      }
    });
  }
  for (int i = 1; i <= 41; ++i) {
    const std::string key = std::to_string(i % 2) + ".parquet";
    if (i % 4 == 0) {
      EXPECT_TRUE(views->Put({"t", {key}}, Deadline::Never()).ok());
    } else {
      views->PutKnown({"t", {key}});
    }
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(views->Make(connection, task, {"t"}).ok());
  EXPECT_EQ(IdOf("t"), "1") << "the latest definition";
}

}  // namespace
}  // namespace tarn::engine
