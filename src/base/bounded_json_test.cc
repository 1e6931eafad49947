#include "base/bounded_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/exact_json.h"

namespace tarn {
namespace {

using testing::HasSubstr;

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string ListOfValues(size_t count) {
  std::string text = "[0";
  for (size_t i = 1; i < count; ++i) text += ",0";
  return text + "]";
}

TEST(BoundedJson, ParsesTextWithinTheLimits) {
  const auto value = ParseBoundedJson(R"({"b":[1,2.5,"é",null,true],"a":{}})");
  ASSERT_TRUE(value.ok()) << value.error().message;
  EXPECT_EQ(value->dump(), R"({"a":{},"b":[1,2.5,"é",null,true]})");
  EXPECT_EQ(ParseBoundedOrderedJson(R"({"b":1,"a":{}})")->dump(), R"({"b":1,"a":{}})");
}

TEST(BoundedJson, LimitsTheDepth) {
  EXPECT_TRUE(ParseBoundedJson(Nested(kJsonDepthMax)).ok());
  for (const std::string& text : {Nested(kJsonDepthMax + 1), std::string(16'000'000, '[')}) {
    const auto value = ParseBoundedJson(text);
    ASSERT_FALSE(value.ok());
    EXPECT_EQ(value.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(value.error().message, "lists and objects are nested more than 64 deep");
  }
  EXPECT_TRUE(ParseBoundedJson(Nested(1000), {.depth = 1000}).ok());
}

TEST(BoundedJson, LimitsTheNumberOfValues) {
  const JsonLimits limits{.values = 100};
  EXPECT_TRUE(ParseBoundedJson(ListOfValues(99), limits).ok()) << "the list is a value too";
  const auto value = ParseBoundedJson(ListOfValues(100), limits);
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(value.error().message, "more than 100 values");
  EXPECT_FALSE(ParseBoundedOrderedJson(R"([{},{},{"a":1}])", {.values = 4}).ok());
}

TEST(BoundedJson, ReportsShortErrorsWithPosition) {
  for (const std::string text :
       {"", "{", "[1,]", "1 2", "\"\xFF\"", "\"\\ud800\"", "1e400", "nul"}) {
    const auto value = ParseBoundedJson(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(value.error().message, testing::Not(HasSubstr("json.exception")));
  }
  EXPECT_LT(ParseBoundedJson("\"" + std::string(1'000'000, 'x')).error().message.size(), 400U);
}

TEST(BoundedJson, LimitsExactJsonToo) {
  EXPECT_TRUE(ParseExactJson(ListOfValues(kJsonValuesMax - 1)).ok());
  const auto value = ParseExactJson(ListOfValues(kJsonValuesMax));
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().message, "more than 1000000 values");
}

}  // namespace
}  // namespace tarn
