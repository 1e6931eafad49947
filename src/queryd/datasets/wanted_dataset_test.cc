#include "queryd/datasets/wanted_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using testing::ElementsAre;

catalog::Manifest ManifestWith(std::vector<catalog::ObjectRef> objects) {
  catalog::Manifest manifest{.name = "a",
                             .created_at = UnixMicros(std::chrono::microseconds(1)),
                             .updated_at = UnixMicros(std::chrono::microseconds(2)),
                             .changed_by = "red"};
  manifest.content = {.objects = std::move(objects), .row_count = 7};
  return manifest;
}

TEST(WantedDataset, HasTheObjectsOfTheManifest) {
  const WantedDataset wanted = WantedDataset::Of(
      ManifestWith({{.key = "k1", .size_bytes = 3, .etag = "e"}, {.key = "k2", .size_bytes = 4}}));
  EXPECT_EQ(wanted.name, "a");
  EXPECT_EQ(wanted.owner, "red");
  EXPECT_LT(wanted.created_at, wanted.updated_at);
  EXPECT_EQ(wanted.rows, 7);
  EXPECT_EQ(wanted.bytes, 7);
  EXPECT_THAT(wanted.keys, ElementsAre("k1", "k2"));
  EXPECT_THAT(wanted.etags, ElementsAre("e", ""));
}

TEST(WantedDataset, HasNoSizeOrEtagsIfTheManifestHasNone) {
  const WantedDataset wanted = WantedDataset::Of(ManifestWith(
      {{.key = "k1", .size_bytes = 3}, {.key = "k2"}, {.key = "k3", .size_bytes = 3}}));
  EXPECT_EQ(wanted.bytes, std::nullopt);
  EXPECT_TRUE(wanted.etags.empty());
}

// A former version took 47 MB for 15 MB of JSON.
TEST(WantedDataset, TakesLittleMoreThanTheTextOfAManifest) {
  std::vector<catalog::ObjectRef> objects;
  size_t text = 0;
  for (int i = 0; i < 10'000; ++i) {
    objects.push_back({.key = "year=2026/month=01/part-" + std::to_string(100'000 + i),
                       .size_bytes = 123'456,
                       .etag = "0123456789abcdef0123456789abcdef"});
    text += objects.back().key.size() + objects.back().etag->size();
  }
  const WantedDataset wanted = WantedDataset::Of(ManifestWith(std::move(objects)));
  EXPECT_LE(wanted.keys.bytes() + wanted.etags.bytes(), text + 10'000 * 8 + 100);
}

}  // namespace
}  // namespace tarn::queryd
