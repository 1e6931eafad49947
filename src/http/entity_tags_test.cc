#include "http/entity_tags.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

Result<std::optional<EntityTags>> Read(std::vector<std::string> values) {
  Request request;
  request.headers.emplace_back("Other", "\"x\"");
  for (std::string& value : values) request.headers.emplace_back("if-match", std::move(value));
  return EntityTags::Of(request, "If-Match");
}

TEST(EntityTags, CollectsTagsFromAllHeaders) {
  EXPECT_EQ(Read({})->has_value(), false);
  const auto tags = **Read({R"("a.1", W/"b,2" ,, "")", R"("c")"});
  EXPECT_FALSE(tags.is_any());
  for (const char* tag : {"a.1", "", "c"}) EXPECT_TRUE(tags.HasStrong(tag)) << tag;
  EXPECT_FALSE(tags.HasStrong("b,2"));
  EXPECT_TRUE(tags.Has("b,2"));
  EXPECT_FALSE(tags.Has("x"));
}

TEST(EntityTags, MatchesAnyTagForAStar) {
  const auto tags = **Read({"*"});
  EXPECT_TRUE(tags.is_any());
  EXPECT_TRUE(tags.HasStrong("whatever"));
  EXPECT_FALSE((**Read({R"("*")"})).is_any());
}

TEST(EntityTags, RejectsValuesThatAreNotLists) {
  for (const char* bad : {"", "a", "\"a", "a\"", "\"a\"b", "w/\"a\"", "*, \"a\"", "\"a\" *"}) {
    const auto tags = Read({bad});
    ASSERT_FALSE(tags.ok()) << bad;
    EXPECT_EQ(tags.error().message, "If-Match: must be * or a list of tags in double quotes");
  }
}

}  // namespace
}  // namespace tarn::http
