#include "protocol/format.h"

#include <gtest/gtest.h>

#include <set>

namespace tarn {
namespace {

TEST(Formats, AreFoundByNameAndByValue) {
  std::set<std::string_view> names;
  std::set<std::string_view> media_types;
  for (const FormatDescription& described : Formats()) {
    EXPECT_EQ(FormatOfName(described.name), described.format);
    EXPECT_EQ(Describe(described.format).name, described.name);
    EXPECT_TRUE(described.content_type.starts_with(described.media_type)) << described.name;
    names.insert(described.name);
    media_types.insert(described.media_type);
  }
  EXPECT_EQ(names.size(), Formats().size());
  EXPECT_EQ(media_types.size(), Formats().size());
  EXPECT_EQ(FormatOfName("CSV"), std::nullopt);
  EXPECT_EQ(FormatOfName(""), std::nullopt);
}

TEST(Formats, AreListedForMessages) { EXPECT_EQ(FormatNames(), "json, ndjson, csv or arrow"); }

}  // namespace
}  // namespace tarn
