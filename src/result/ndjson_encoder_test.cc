#include "result/ndjson_encoder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "result/type_cases.h"

namespace tarn::result {
namespace {

class NdjsonTypes : public testing::TestWithParam<TypeCase> {};

TEST_P(NdjsonTypes, EncodesValuesLikeJson) {
  EXPECT_EQ(EncodeQuery("SELECT " + GetParam().sql + " AS v, NULL AS n", Format::kNdjson),
            "{\"v\":" + GetParam().json + ",\"n\":null}\n{\"status\":\"ok\",\"row_count\":1}\n");
}

INSTANTIATE_TEST_SUITE_P(All, NdjsonTypes, testing::ValuesIn(AllTypeCases()));

TEST(NdjsonEncoder, EscapesLineBreaksAndNames) {
  EXPECT_EQ(EncodeQuery(R"(SELECT 'a' || chr(10) || 'b' AS "x "" ,")", Format::kNdjson),
            "{\"x \\\" ,\":\"a\\nb\"}\n{\"status\":\"ok\",\"row_count\":1}\n");
}

TEST(NdjsonEncoder, WritesOnlyTheStatusWithoutRows) {
  EXPECT_EQ(EncodeQuery("SELECT 1 WHERE false", Format::kNdjson),
            "{\"status\":\"ok\",\"row_count\":0}\n");
}

TEST(NdjsonEncoder, WritesTheStatusOfTheResult) {
  NdjsonEncoder encoder({"a"}, {});
  std::string cut;
  ASSERT_TRUE(encoder.End({.rows = 7, .truncated = true}, cut).ok());
  EXPECT_EQ(cut, "{\"status\":\"ok\",\"row_count\":7,\"truncated\":true}\n");
  std::string failed;
  encoder.Failed("Out of \"memory\"\nat 5", failed);
  EXPECT_EQ(failed, "{\"status\":\"error\",\"error\":\"Out of \\\"memory\\\"\\nat 5\"}\n");
}

TEST(NdjsonEncoder, QuotesBigNumbersOnDemand) {
  EXPECT_EQ(
      EncodeQuery("SELECT 9007199254740993 AS a", Format::kNdjson, {.quote_big_numbers = true}),
      "{\"a\":\"9007199254740993\"}\n{\"status\":\"ok\",\"row_count\":1}\n");
}

// Compares with DuckDB, which makes the names of a subquery distinct.
TEST(DistinctNames, EqualThoseOfASubquery) {
  const std::vector<std::vector<std::string>> lists = {
      {"a", "b"},        {"a", "a", "a"},   {"a", "A", "a"},
      {"a", "a", "a_1"}, {"a_1", "a", "a"}, {"a", "a_1", "a", "a_1", "a"}};
  for (const auto& names : lists) {
    std::string columns;
    for (const std::string& name : names) {
      columns += (columns.empty() ? "1 AS \"" : ", 1 AS \"") + name + "\"";
    }
    auto statement = TestConnection().Prepare("FROM (SELECT " + columns + ")");
    ASSERT_TRUE(statement.ok()) << statement.error().message;
    EXPECT_EQ(DistinctNames(names), statement->Execute()->names()) << columns;
  }
}

TEST(NdjsonEncoder, MakesRepeatedNamesDistinct) {
  EXPECT_EQ(EncodeQuery("SELECT 1 AS a, 2 AS a", Format::kNdjson),
            "{\"a\":1,\"a_1\":2}\n{\"status\":\"ok\",\"row_count\":1}\n");
}

}  // namespace
}  // namespace tarn::result
