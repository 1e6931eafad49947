#include "queryd/registrar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tarn::queryd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Records what it is told and fails where the test says so: drops of DuckDB views cannot be made
// to fail from outside.
class RecordingEngine : public ViewTarget {
 public:
  Result<> PutView(const protocol::ViewSpec& view, Deadline) override {
    calls.push_back("put " + view.name + " " + view.keys[0]);
    if (failing.contains(view.name)) return InvalidArgument("no such object");
    return {};
  }
  Result<> DropView(const std::string& name, Deadline) override {
    calls.push_back("drop " + name);
    if (failing.contains(name)) return Internal("cannot drop");
    return {};
  }

  std::vector<std::string> calls;
  std::set<std::string> failing;
};

class ListedCatalog : public CatalogSource {
 public:
  Result<catalog::Snapshot> List(Deadline) override {
    if (down) return Unavailable("connect: refused");
    return snapshot;
  }
  void Add(const std::string& name, const std::string& key, int64_t updated_at) {
    std::erase_if(snapshot.manifests, [&](const auto& m) { return m.name == name; });
    snapshot.manifests.push_back({.name = name,
                                  .content = {.objects = {{key}}},
                                  .updated_at = UnixMicros(std::chrono::microseconds(updated_at))});
  }
  void Remove(const std::string& name) {
    std::erase_if(snapshot.manifests, [&](const auto& m) { return m.name == name; });
  }
  catalog::Snapshot snapshot;
  bool down = false;
};

class RegistrarTest : public testing::Test {
 protected:
  RecordingEngine engine;
  ListedCatalog catalog;
  Registrar registrar{engine, catalog};

  RefreshResult Refresh(Deadline deadline = Deadline::Never()) {
    engine.calls.clear();
    return registrar.Refresh(deadline);
  }
  static std::string Counts(const RefreshResult& r) {
    return "created=" + std::to_string(r.created) + " updated=" + std::to_string(r.updated) +
           " dropped=" + std::to_string(r.dropped) + " skipped=" + std::to_string(r.skipped) +
           " errors=" + std::to_string(r.errors.size());
  }
};

TEST_F(RegistrarTest, CreatesUpdatesSkipsAndDrops) {
  catalog.Add("a", "k1", 1);
  catalog.Add("b", "k1", 1);
  EXPECT_EQ(Counts(Refresh()), "created=2 updated=0 dropped=0 skipped=0 errors=0");
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=2 errors=0");
  EXPECT_TRUE(engine.calls.empty());
  catalog.Add("a", "k2", 2);
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=1 dropped=0 skipped=1 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("put a k2"));
  catalog.Remove("b");
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=1 skipped=1 errors=0");
}

TEST_F(RegistrarTest, DropsBeforeAnythingElse) {
  catalog.Add("z", "k", 1);
  Refresh();
  catalog.Remove("z");
  catalog.Add("a", "k", 1);
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("drop z", "put a k"));
}

TEST_F(RegistrarTest, AnUpdatedAtThatWentBackIsAChangeToo) {
  catalog.Add("a", "k1", 5);
  Refresh();
  catalog.Add("a", "k0", 3);
  EXPECT_EQ(Refresh().updated, 1U);
}

TEST_F(RegistrarTest, OneFailureKeepsNoOtherBackAndIsTriedAgain) {
  engine.failing = {"b"};
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  catalog.Add("c", "k", 1);
  const RefreshResult first = Refresh();
  EXPECT_EQ(Counts(first), "created=2 updated=0 dropped=0 skipped=0 errors=1");
  EXPECT_THAT(first.errors[0], HasSubstr("create view \"b\": no such object"));
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=2 errors=1");
  engine.failing.clear();
  EXPECT_EQ(Counts(Refresh()), "created=1 updated=0 dropped=0 skipped=2 errors=0");
}

TEST_F(RegistrarTest, AFailedUpdateIsTriedAgain) {
  catalog.Add("a", "k1", 1);
  Refresh();
  engine.failing = {"a"};
  catalog.Add("a", "k2", 2);
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=1");
  engine.failing.clear();
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=1 dropped=0 skipped=0 errors=0");
}

TEST_F(RegistrarTest, ADropThatFailsStaysKnownAndIsTriedAgain) {
  catalog.Add("a", "k", 1);
  Refresh();
  catalog.Remove("a");
  engine.failing = {"a"};
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=1");
  EXPECT_EQ(registrar.dataset_count(), 1U);
  engine.failing.clear();
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=1 skipped=0 errors=0");
  EXPECT_EQ(registrar.dataset_count(), 0U);
}

TEST_F(RegistrarTest, ACatalogueThatIsDownChangesNothing) {
  catalog.Add("a", "k", 1);
  Refresh();
  catalog.down = true;
  const RefreshResult result = Refresh();
  EXPECT_FALSE(result.catalog_read);
  EXPECT_THAT(result.errors, ElementsAre("connect: refused"));
  EXPECT_EQ(registrar.dataset_count(), 1U);
}

TEST_F(RegistrarTest, ThePassedDeadlineLeavesTheRestForTheNextRefresh) {
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  const RefreshResult result = Refresh(Deadline::After(Duration::zero()));
  EXPECT_EQ(result.created, 0U);
  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("left 2 datasets")));
  EXPECT_EQ(Refresh().created, 2U);
}

TEST_F(RegistrarTest, WhatFailedTheLastTimeIsTriedAfterAllOthers) {
  engine.failing = {"a"};
  catalog.Add("a", "k", 1);
  Refresh();
  catalog.Add("b", "k", 1);
  catalog.Add("c", "k", 1);
  Refresh(Deadline::After(std::chrono::minutes(1)));
  EXPECT_THAT(engine.calls, ElementsAre("put b k", "put c k", "put a k"));
}

TEST_F(RegistrarTest, NamesThatDifferInCaseOnlyDoNotReplaceEachOther) {
  catalog.Add("Trips", "k1", 1);
  catalog.Add("trips", "k2", 1);
  const RefreshResult first = Refresh();
  EXPECT_EQ(first.created, 1U);
  EXPECT_THAT(first.errors, ElementsAre(HasSubstr("upper and lower case")));
  EXPECT_THAT(engine.calls, ElementsAre("put Trips k1"));
  catalog.Remove("Trips");
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("drop Trips", "put trips k2"));
}

}  // namespace
}  // namespace tarn::queryd
