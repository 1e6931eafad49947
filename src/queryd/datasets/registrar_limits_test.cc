#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "queryd/datasets/registrar.h"
#include "queryd/datasets/test_registrar.h"

namespace tarn::queryd {
namespace {

TEST_F(RegistrarTest, StatusListsTheFirstDatasetsAndCountsAll) {
  for (const char* name : {"a", "b", "c", "other"}) {
    catalog.Add(name, "k", 1);
    engine.failing.insert(name);
  }
  Refresh();
  const auto status = [this](size_t entries_max) {
    return registrar
        .Status({.is_wanted = [](const std::string& name) { return name != "other"; },
                 .entries_max = entries_max})
        .failed;
  };
  EXPECT_EQ(status(10).count, 3U);
  EXPECT_EQ(status(10).entries.size(), 3U);
  EXPECT_EQ(status(2).count, 3U);
  ASSERT_EQ(status(2).entries.size(), 2U);
  EXPECT_EQ(status(2).entries[1].name, "b");
}

TEST_F(RegistrarTest, ADatasetWithTooManyColumnsFailsAlone) {
  const uint64_t bytes = protocol::PackSchema(engine.SchemaOf()).size();
  Registrar limited(engine, catalog, {}, 100, {}, {.total_bytes = 2 * bytes});
  for (const char* name : {"a", "b", "c"}) catalog.Add(name, "k", 1);
  EXPECT_EQ(limited.Refresh(Deadline::Never()).created, 2U);
  EXPECT_EQ(limited.schema_bytes(), 2 * bytes);
  const CatalogStatus status = StatusOf(limited);
  ASSERT_EQ(status.failed.entries.size(), 1U);
  EXPECT_THAT(status.failed.entries[0].error, HasSubstr("queryd.schemas_bytes_max"));
  const std::string refused = status.failed.entries[0].name;
  catalog.Remove(refused == "a" ? "b" : "a");
  EXPECT_EQ(limited.Refresh(Deadline::Never()).dropped, 1U);
  limited.Refresh(Deadline::Never());
  EXPECT_TRUE(StatusOf(limited).failed.entries.empty()) << "the memory is free again";
  EXPECT_EQ(limited.schema_bytes(), 2 * bytes);
}

}  // namespace
}  // namespace tarn::queryd
