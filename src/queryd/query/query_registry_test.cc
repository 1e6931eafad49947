#include "queryd/query/query_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class QueryRegistryTest : public testing::Test {
 protected:
  boost::asio::io_context io;
  QueryRegistry registry{2};
  int added = 0;

  static std::shared_ptr<const auth::Identity> Token(const std::string& name,
                                                     auth::Role role = auth::Role::kQuery) {
    return std::make_shared<const auth::Identity>(
        auth::Identity{.name = name, .roles = {role}, .datasets = {}});
  }
  std::shared_ptr<Query> New(
      const std::string& id,
      const std::shared_ptr<const auth::Identity>& user = auth::Anonymous()) {
    // The order is that of the arrivals, even if the clock was set back.
    const std::chrono::system_clock::time_point at(std::chrono::seconds(++added));
    return std::make_shared<Query>(
        io.get_executor(), QueryInfo{.id = id, .user = user->name, .submitted_at = at}, user, 1h);
  }
  std::shared_ptr<Query> Add(
      const std::string& id,
      const std::shared_ptr<const auth::Identity>& user = auth::Anonymous()) {
    const auto query = New(id, user);
    EXPECT_TRUE(registry.Add(query));
    return query;
  }
  std::vector<std::string> Ids(const auth::Identity& asker = *auth::Anonymous()) const {
    std::vector<std::string> ids;
    for (const QueryInfo& info : registry.List(asker)) ids.push_back(info.id);
    return ids;
  }
};

TEST_F(QueryRegistryTest, ListsOpenQueriesThenEndedOnesMostRecentFirst) {
  const auto a = Add("a");
  const auto b = Add("b");
  const auto c = Add("c");
  const auto d = Add("d");
  EXPECT_THAT(Ids(), ElementsAre("d", "c", "b", "a"));
  EXPECT_TRUE(registry.Finish(*b, ResultSummary{}));
  EXPECT_TRUE(registry.Finish(*d, Internal("no")));
  EXPECT_THAT(Ids(), ElementsAre("c", "a", "d", "b"));
  EXPECT_TRUE(registry.Finish(*a, ResultSummary{}));
  EXPECT_THAT(Ids(), ElementsAre("c", "a", "d")) << "two are kept";
}

TEST_F(QueryRegistryTest, AnIdIsTakenWhileItsQueryIsOpen) {
  const auto first = Add("a");
  EXPECT_FALSE(registry.Add(New("a")));
  EXPECT_TRUE(registry.Finish(*first, InvalidArgument("the first")));
  const auto second = Add("a");
  EXPECT_EQ(registry.Find({"a"}, *auth::Anonymous())->state, QueryState::kQueued)
      << "the open query comes first";
  EXPECT_TRUE(registry.Finish(*second, InvalidArgument("the second")));
  EXPECT_EQ(registry.Find({"a"}, *auth::Anonymous())->error, "the second");
}

TEST_F(QueryRegistryTest, AnIdOfOneTokenIsFreeForOthers) {
  const auto red = Token("red");
  const auto blue = Token("blue");
  const auto reds = Add("a", red);
  const auto blues = Add("a", blue);
  EXPECT_EQ(registry.Find({"a"}, *red)->user, "red");
  EXPECT_EQ(registry.Find({"a"}, *blue)->user, "blue");
  EXPECT_EQ(registry.Find({"a", "blue"}, *red).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(registry.Cancel({"a"}, {ErrorKind::kConflict, "by hand"}, *blue).ok());
  io.run();
  EXPECT_FALSE(reds->cancel_reason());
  EXPECT_TRUE(blues->cancel_reason());
}

TEST_F(QueryRegistryTest, AnAdminNamesTheTokenIfSeveralHaveTheId) {
  const auto admin = Token("admin", auth::Role::kAdmin);
  const auto reds = Add("a", Token("red"));
  EXPECT_EQ(registry.Find({"a"}, *admin)->user, "red");
  const auto blues = Add("a", Token("blue"));
  EXPECT_EQ(registry.Find({"a"}, *admin).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(registry.Cancel({"a"}, {}, *admin).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(registry.Find({"a", "blue"}, *admin)->user, "blue");
  EXPECT_EQ(registry.Find({"a", "green"}, *admin).error().kind, ErrorKind::kNotFound);
  const auto own = Add("a", admin);
  EXPECT_EQ(registry.Find({"a"}, *admin)->user, "admin");
}

TEST_F(QueryRegistryTest, ManyQueriesOfATokenLeaveThoseOfOthersInTheHistory) {
  const auto red = Token("red");
  const auto blue = Token("blue");
  EXPECT_TRUE(registry.Finish(*Add("blue-1", blue), ResultSummary{}));
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(registry.Finish(*Add("red-" + std::to_string(i), red), ResultSummary{}));
  }
  EXPECT_THAT(Ids(*blue), ElementsAre("blue-1"));
  EXPECT_THAT(Ids(*red), ElementsAre("red-9"));
  EXPECT_THAT(Ids(*Token("admin", auth::Role::kAdmin)), ElementsAre("red-9", "blue-1"));
  // Among tokens with equally many queries, the oldest query is dropped.
  EXPECT_TRUE(registry.Finish(*Add("green-1", Token("green")), ResultSummary{}));
  EXPECT_THAT(Ids(*Token("admin", auth::Role::kAdmin)), ElementsAre("green-1", "red-9"));
}

TEST_F(QueryRegistryTest, ListsAtMostTheLatest) {
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(registry.Finish(*Add(id), ResultSummary{}));
  const auto open = Add("open");
  const auto ids = [this](size_t count_max) {
    std::vector<std::string> listed;
    for (const QueryInfo& info : registry.List(*auth::Anonymous(), count_max)) {
      listed.push_back(info.id);
    }
    return listed;
  };
  EXPECT_THAT(ids(1), ElementsAre("open"));
  EXPECT_THAT(ids(2), ElementsAre("open", "c"));
  EXPECT_EQ(ids(10), Ids());
  EXPECT_THAT(ids(0), ElementsAre());
}

TEST_F(QueryRegistryTest, OnlyTheFirstEndCounts) {
  const auto query = Add("a");
  EXPECT_TRUE(registry.Finish(*query, ResultSummary{.rows = 3}));
  EXPECT_FALSE(registry.Finish(*query, Internal("late")));
  EXPECT_EQ(registry.Find({"a"}, *auth::Anonymous())->state, QueryState::kSucceeded);
  EXPECT_EQ(registry.List(*auth::Anonymous()).size(), 1U);
}

TEST_F(QueryRegistryTest, KeepsNoHistoryWithALimitOfZero) {
  QueryRegistry none(0);
  const auto query = New("a");
  ASSERT_TRUE(none.Add(query));
  EXPECT_TRUE(none.Finish(*query, ResultSummary{}));
  EXPECT_FALSE(none.Find({"a"}, *auth::Anonymous()).ok());
  EXPECT_TRUE(none.List(*auth::Anonymous()).empty());
}

TEST_F(QueryRegistryTest, CancelsAQueryByItsId) {
  const auto a = Add("a");
  const auto b = Add("b");
  EXPECT_TRUE(registry.Cancel({"a"}, {ErrorKind::kConflict, "by hand"}, *auth::Anonymous()).ok());
  io.run();
  ASSERT_TRUE(a->cancel_reason());
  EXPECT_EQ(a->cancel_reason()->message, "by hand");
  EXPECT_FALSE(b->cancel_reason());
  EXPECT_TRUE(registry.Finish(*a, *a->cancel_reason()));
  EXPECT_EQ(registry.Cancel({"a"}, {}, *auth::Anonymous()).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(registry.Cancel({"never"}, {}, *auth::Anonymous()).error().kind, ErrorKind::kNotFound);
}

TEST_F(QueryRegistryTest, CancelsAllOpenQueries) {
  const auto a = Add("a");
  const auto b = Add("b");
  const auto ended = Add("c");
  EXPECT_TRUE(registry.Finish(*ended, ResultSummary{}));
  registry.CancelAll({ErrorKind::kCancelled, "the end"});
  io.run();
  EXPECT_TRUE(a->cancel_reason() && b->cancel_reason());
  EXPECT_FALSE(ended->cancel_reason());
}

TEST_F(QueryRegistryTest, SupportsConcurrentReadsAndChanges) {
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      EXPECT_LE(registry.List(*auth::Anonymous()).size(), 1U + 2U);
      [[maybe_unused]] const auto found = registry.Find({"q7"}, *auth::Anonymous());
      registry.CancelAll({ErrorKind::kCancelled, "x"});
      [[maybe_unused]] const auto cancelled = registry.Cancel({"q8"}, {}, *auth::Anonymous());
    }
  });
  for (int i = 0; i < 500; ++i) {
    const auto query = Add("q" + std::to_string(i));
    query->SetRunning();
    query->SetProgress(i);
    EXPECT_TRUE(registry.Finish(*query, ResultSummary{}));
  }
  done = true;
  reader.join();
  io.run();
}

}  // namespace
}  // namespace tarn::queryd
