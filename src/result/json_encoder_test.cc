#include "result/json_encoder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "result/json_value.h"
#include "result/type_cases.h"

namespace tarn::result {
namespace {

std::string Encode(const std::string& sql, JsonOptions options = {}) {
  return EncodeQuery(sql, Format::kJson, options);
}

// Returns the text of the first cell. A JSON parser would lose digits.
std::string Cell(const std::string& envelope) {
  const size_t start = envelope.find(R"(],"rows":[[)");
  const size_t end = envelope.rfind(R"(]],"row_count":1})");
  if (start == std::string::npos || end == std::string::npos) return envelope;
  return envelope.substr(start + 11, end - start - 11);
}

class JsonTypes : public testing::TestWithParam<TypeCase> {};

TEST_P(JsonTypes, EncodesExactly) {
  const std::string envelope = Encode("SELECT " + GetParam().sql);
  EXPECT_EQ(Cell(envelope), GetParam().json) << GetParam().sql;
  EXPECT_TRUE(nlohmann::json::accept(envelope)) << envelope;
}

// Encodes the same value from a vector with nulls, because constants and flat vectors use different
// code.
TEST_P(JsonTypes, EncodesTheSameFromAColumnWithNulls) {
  const std::string sql = "SELECT v FROM (SELECT 0 AS i, NULL AS v UNION ALL SELECT 1, " +
                          GetParam().sql + " UNION ALL SELECT 2, NULL) ORDER BY i";
  const std::string envelope = Encode(sql);
  const std::string rows = "\"rows\":[[null],[" + GetParam().json + "],[null]],\"row_count\":3}";
  EXPECT_NE(envelope.find(rows), std::string::npos) << envelope << "\nexpected " << rows;
}

INSTANTIATE_TEST_SUITE_P(Numbers, JsonTypes, testing::ValuesIn(NumberCases()));

INSTANTIATE_TEST_SUITE_P(Text, JsonTypes, testing::ValuesIn(TextCases()));

INSTANTIATE_TEST_SUITE_P(Times, JsonTypes, testing::ValuesIn(TimeCases()));

INSTANTIATE_TEST_SUITE_P(Nested, JsonTypes, testing::ValuesIn(NestedCases()));

INSTANTIATE_TEST_SUITE_P(Variants, JsonTypes, testing::ValuesIn(VariantCases()));

TEST(JsonEncoder, EncodesAllChunksAndTheRowCount) {
  const std::string envelope = Encode("SELECT range AS id FROM range(5000)");
  const auto parsed = nlohmann::json::parse(envelope);
  EXPECT_EQ(parsed["row_count"], 5000);
  ASSERT_EQ(parsed["rows"].size(), 5000U);
  for (int64_t i = 0; i < 5000; ++i) ASSERT_EQ(parsed["rows"][i][0], i);
}

TEST(JsonEncoder, ReportsTruncation) {
  auto statement = TestConnection().Prepare("FROM range(10)");
  auto rows = statement->Execute();
  const auto encoder = std::move(*MakeEncoder(Format::kJson, {}, rows->names(), rows->types()));
  const auto chunk = std::move(*rows->Next());
  std::string out;
  ASSERT_TRUE(encoder->Begin(out).ok());
  ASSERT_TRUE(encoder->Rows(chunk->columns(), 2, 4, out).ok());
  ASSERT_TRUE(encoder->End({.rows = 2, .truncated = true}, out).ok());
  EXPECT_EQ(out, R"({"columns":[{"name":"range","type":"BIGINT"}],"rows":[[2],[3]],)"
                 R"("row_count":2,"truncated":true})");
}

TEST(MakeEncoder, RefusesTypesWithoutAnEncoding) {
  for (const Format format : {Format::kJson, Format::kNdjson, Format::kCsv, Format::kArrow}) {
    EXPECT_EQ(EncodeQuery("SELECT 1, [get_type(1)]", format),
              "column 2 has a type that has no encoding, cast it to VARCHAR");
  }
}

TEST(JsonEncoder, EncodesNoRowsAsAnEmptyList) {
  EXPECT_EQ(Encode("SELECT 1 AS \"a \"\"b\" WHERE false"),
            R"({"columns":[{"name":"a \"b","type":"INTEGER"}],"rows":[],"row_count":0})");
}

TEST(JsonEncoder, QuotesBigNumbersOnDemand) {
  const JsonOptions quote{.quote_big_numbers = true};
  EXPECT_EQ(Cell(Encode("SELECT 9007199254740992", quote)), "9007199254740992");
  EXPECT_EQ(Cell(Encode("SELECT 9007199254740993", quote)), "\"9007199254740993\"");
  EXPECT_EQ(Cell(Encode("SELECT -9007199254740993", quote)), "\"-9007199254740993\"");
  EXPECT_EQ(Cell(Encode("SELECT 18446744073709551615::UBIGINT", quote)),
            "\"18446744073709551615\"");
  EXPECT_EQ(Cell(Encode("SELECT 1::HUGEINT", quote)), "1");
  EXPECT_EQ(Cell(Encode("SELECT ['1.5', '12345678901234.567']::DECIMAL(38,3)[]", quote)),
            "[1.500,\"12345678901234.567\"]");
  EXPECT_EQ(Cell(Encode("SELECT '100000000000000000000.00'::DECIMAL(38,2)", quote)),
            "100000000000000000000.00");
  EXPECT_EQ(Cell(Encode("SELECT '9007199254740993'::BIGNUM", quote)), "\"9007199254740993\"");
  EXPECT_EQ(Cell(Encode("SELECT {'a': 9007199254740993}::VARIANT", quote)),
            R"({"a":"9007199254740993"})");
}

TEST(AppendJsonString, ReplacesInvalidUtf8) {
  const auto encode = [](std::string_view text) {
    std::string out;
    AppendJsonString(text, out);
    return out;
  };
  EXPECT_EQ(encode("a\xFF\x62"), "\"a\xEF\xBF\xBD\x62\"");
  EXPECT_EQ(encode("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(encode("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(encode("12345678\xE2\x82\xAC"
                   "12345678\""),
            "\"12345678\xE2\x82\xAC"
            "12345678\\\"\"");
}

TEST(JsonEncoder, EncodesAllTypesOfTestAllTypes) {
  const std::string envelope = Encode("FROM test_all_types()");
  ASSERT_TRUE(nlohmann::json::accept(envelope)) << envelope;
  EXPECT_EQ(nlohmann::json::parse(envelope)["row_count"], 3);
}

}  // namespace
}  // namespace tarn::result
