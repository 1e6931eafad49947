#pragma once

// A store in a temporary folder, for tests.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "catalog/manifest_json.h"
#include "catalogd/store/listing.h"
#include "catalogd/store/store.h"

namespace tarn::catalogd {

inline catalog::DatasetContent Content(std::string key) {
  return {.objects = {{std::move(key), 10, "\"e\""}}, .row_count = 3};
}

inline catalog::DatasetContent Typed(std::string key, std::string type) {
  catalog::DatasetContent content = Content(std::move(key));
  content.schema = {{"id", "BIGINT"}, {"x", std::move(type)}};
  return content;
}

// A manifest of 5 MB.
inline catalog::DatasetContent Large(const std::string& key) {
  catalog::DatasetContent content;
  for (int i = 0; i < 5000; ++i) {
    content.objects.push_back({fmt::format("{}-{}-{}", key, i, std::string(1000, 'x'))});
  }
  return content;
}

// Returns the response of a list, parsed as a client parses it.
inline catalog::Changes ListSince(Store& store, const std::optional<catalog::Position>& since,
                                  const auth::DatasetScope& scope = {}) {
  auto listing = store.OpenListing(scope, since);
  EXPECT_TRUE(listing.ok()) << listing.error().message;
  std::string json;
  while (auto piece = *(*listing)->Next(1)) json += *piece;
  EXPECT_TRUE((*listing)->IsAtEnd());
  auto changes = catalog::ParseChanges(json);
  EXPECT_TRUE(changes.ok()) << changes.error().message << json;
  return std::move(*changes);
}

inline std::vector<std::string> NamesOf(const catalog::Changes& changes) {
  std::vector<std::string> names;
  for (const catalog::Manifest& manifest : changes.manifests) names.push_back(manifest.name);
  return names;
}

using Names = std::vector<std::string>;

class StoreTest : public testing::Test {
 protected:
  std::string folder = testing::TempDir() + "tarn-store-" + RandomId();
  ~StoreTest() override { std::filesystem::remove_all(folder); }
  std::unique_ptr<Store> Open(Store::Options options = {}) {
    auto store = Store::Open(folder, options);
    EXPECT_TRUE(store.ok()) << store.error().message;
    return std::move(*store);
  }
  // Runs SQL on the file of a closed store.
  void Execute(const std::string& sql) const {
    std::filesystem::create_directories(folder);
    auto database = SqliteDatabase::Open(folder + "/catalog.sqlite");
    ASSERT_TRUE(database.ok()) << database.error().message;
    const auto done = database->Execute(sql);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  // The number in the only row of a query on the file.
  int64_t Number(const std::string& sql) const {
    auto database = *SqliteDatabase::Open(folder + "/catalog.sqlite");
    auto query = database.Prepare(sql);
    EXPECT_TRUE(query.ok()) << query.error().message;
    EXPECT_TRUE(*query->Step());
    return query->Integer(0);
  }
};

}  // namespace tarn::catalogd
