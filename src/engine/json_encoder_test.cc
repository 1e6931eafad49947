#include "engine/json_encoder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>

namespace tarn::engine {
namespace {

struct Case {
  std::string sql;   // An expression.
  std::string json;  // What its value must encode to, to the letter.
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.sql; }

// One for all cases. Never destroyed: DuckDB's thread-local state is gone when statics go.
duck::Connection& TheConnection() {
  static auto* connection = new duck::Connection(*duck::Database::Open({})->Connect());
  return *connection;
}

std::string Encode(const std::string& sql, JsonOptions options = {}) {
  auto statement = TheConnection().Prepare(sql);
  if (!statement.ok()) return statement.error().message;
  auto rows = statement->Execute();
  if (!rows.ok()) return rows.error().message;
  JsonEncoder encoder(options);
  std::string out;
  encoder.Begin(rows->names(), rows->types(), out);
  for (;;) {
    auto chunk = rows->Next();
    if (!chunk.ok()) return chunk.error().message;
    if (!*chunk) break;
    encoder.Rows(**chunk, out);
  }
  encoder.End(out);
  return out;
}

// The value in the first cell, cut out of the envelope as text: a JSON parser would lose digits.
std::string Cell(const std::string& envelope) {
  const size_t start = envelope.find(R"(],"rows":[[)");
  const size_t end = envelope.rfind(R"(]],"row_count":1})");
  if (start == std::string::npos || end == std::string::npos) return envelope;
  return envelope.substr(start + 11, end - start - 11);
}

class JsonTypes : public testing::TestWithParam<Case> {};

TEST_P(JsonTypes, EncodesToTheLetter) {
  const std::string envelope = Encode("SELECT " + GetParam().sql);
  EXPECT_EQ(Cell(envelope), GetParam().json) << GetParam().sql;
  EXPECT_TRUE(nlohmann::json::accept(envelope)) << envelope;
}

// The same values out of vectors of a table, with nulls and other rows around them: constants
// and flat vectors take different ways through the engine.
TEST_P(JsonTypes, EncodesTheSameFromAColumnWithNulls) {
  const std::string sql = "SELECT v FROM (SELECT 0 AS i, NULL AS v UNION ALL SELECT 1, " +
                          GetParam().sql + " UNION ALL SELECT 2, NULL) ORDER BY i";
  const std::string envelope = Encode(sql);
  const std::string rows = "\"rows\":[[null],[" + GetParam().json + "],[null]],\"row_count\":3}";
  EXPECT_NE(envelope.find(rows), std::string::npos) << envelope << "\nexpected " << rows;
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, JsonTypes,
    testing::Values(
        Case{"127::TINYINT", "127"}, Case{"(-128)::TINYINT", "-128"},
        Case{"(-32768)::SMALLINT", "-32768"}, Case{"(-2147483648)::INTEGER", "-2147483648"},
        Case{"9223372036854775807", "9223372036854775807"},
        Case{"(-9223372036854775808)::BIGINT", "-9223372036854775808"},
        Case{"255::UTINYINT", "255"}, Case{"65535::USMALLINT", "65535"},
        Case{"4294967295::UINTEGER", "4294967295"},
        Case{"18446744073709551615::UBIGINT", "18446744073709551615"},
        Case{"170141183460469231731687303715884105727::HUGEINT",
             "170141183460469231731687303715884105727"},
        Case{"'-170141183460469231731687303715884105728'::HUGEINT",
             "-170141183460469231731687303715884105728"},
        Case{"1000000000000000000::HUGEINT", "1000000000000000000"},
        Case{"'340282366920938463463374607431768211455'::UHUGEINT",
             "340282366920938463463374607431768211455"},
        Case{"0.05::DECIMAL(4,2)", "0.05"}, Case{"(-0.05)::DECIMAL(4,2)", "-0.05"},
        Case{"1.10::DECIMAL(9,2)", "1.10"}, Case{"0::DECIMAL(18,3)", "0.000"},
        Case{"12::DECIMAL(18,0)", "12"},
        Case{"'12345678901234567.89'::DECIMAL(19,2)", "12345678901234567.89"},
        Case{"'-99999999999999999999999999999999999999'::DECIMAL(38,0)",
             "-99999999999999999999999999999999999999"},
        Case{"'0.00000000000000000000000000000000000001'::DECIMAL(38,38)",
             "0.00000000000000000000000000000000000001"},
        Case{"'0'::BIGNUM", "0"}, Case{"'-1'::BIGNUM", "-1"}, Case{"'256'::BIGNUM", "256"},
        Case{"'123456789012345678901234567890123456789012345678901234567890'::BIGNUM",
             "123456789012345678901234567890123456789012345678901234567890"},
        Case{"'-1000000000000000000000000000000000000000000000000'::BIGNUM",
             "-1000000000000000000000000000000000000000000000000"},
        Case{"'4294967296'::BIGNUM", "4294967296"}, Case{"'-65536'::BIGNUM", "-65536"},
        Case{"0.1::DOUBLE", "0.1"}, Case{"1e300::DOUBLE", "1e+300"},
        Case{"'1.7976931348623157e308'::DOUBLE", "1.7976931348623157e+308"},
        Case{"5e-324::DOUBLE", "5e-324"}, Case{"'-0'::DOUBLE", "-0"}, Case{"1::DOUBLE", "1"},
        Case{"0.1::FLOAT", "0.1"}, Case{"16777216::FLOAT", "16777216"},
        Case{"'nan'::DOUBLE", "\"NaN\""}, Case{"'inf'::DOUBLE", "\"Infinity\""},
        Case{"'-inf'::FLOAT", "\"-Infinity\""}, Case{"true", "true"}, Case{"false", "false"}));

INSTANTIATE_TEST_SUITE_P(
    Text, JsonTypes,
    testing::Values(
        Case{"'plain'", "\"plain\""}, Case{"''", "\"\""},
        Case{"'a \"quote\" and \\ and ' || chr(10) || chr(13) || chr(9) || chr(1) || chr(31)",
             R"("a \"quote\" and \\ and \n\r\t\u0001\u001f")"},
        Case{"'more than twelve bytes, with \" in it'",
             R"("more than twelve bytes, with \" in it")"},
        Case{"'a' || chr(0) || 'b'", R"("a\u0000b")"},
        Case{"'\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x86'",
             "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x86\""},
        Case{"chr(127)", "\"\x7F\""}, Case{"'it''s'::ENUM('a','it''s')", "\"it's\""},
        Case{"'{\"a\": 1}'::JSON", R"("{\"a\": 1}")"},
        Case{"'00112233-4455-6677-8899-aabbccddeeff'::UUID",
             "\"00112233-4455-6677-8899-aabbccddeeff\""},
        Case{"'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID",
             "\"ffffffff-ffff-ffff-ffff-ffffffffffff\""},
        Case{"''::BLOB", "\"\""}, Case{"'a'::BLOB", "\"YQ==\""}, Case{"'ab'::BLOB", "\"YWI=\""},
        Case{"'\\x00\\xFF\\xFE'::BLOB", "\"AP/+\""}, Case{"'0101'::BIT", "\"0101\""},
        Case{"'110000000'::BIT", "\"110000000\""}, Case{"'00000001'::BIT", "\"00000001\""},
        Case{"'POINT(1 2)'::GEOMETRY", "\"AQEAAAAAAAAAAADwPwAAAAAAAABA\""}));

INSTANTIATE_TEST_SUITE_P(
    Times, JsonTypes,
    testing::Values(
        Case{"DATE '2026-01-02'", "\"2026-01-02\""}, Case{"DATE '0000-01-01'", "\"0000-01-01\""},
        Case{"DATE '9999-12-31'", "\"9999-12-31\""},
        Case{"DATE '10000-01-01'", "\"+010000-01-01\""},
        Case{"DATE '44-03-15 (BC)'", "\"-000043-03-15\""},
        Case{"DATE '5877642-06-25 (BC)'", "\"-5877641-06-25\""},
        Case{"DATE '5881580-07-10'", "\"+5881580-07-10\""}, Case{"DATE 'infinity'", "\"infinity\""},
        Case{"DATE '-infinity'", "\"-infinity\""}, Case{"DATE '1969-12-31'", "\"1969-12-31\""},
        Case{"DATE '2024-02-29'", "\"2024-02-29\""}, Case{"TIME '03:04:05'", "\"03:04:05\""},
        Case{"TIME '03:04:05.5'", "\"03:04:05.500\""},
        Case{"TIME '03:04:05.000001'", "\"03:04:05.000001\""},
        Case{"TIME '24:00:00'", "\"24:00:00\""},
        Case{"'03:04:05.123456789'::TIME_NS", "\"03:04:05.123456789\""},
        Case{"'03:04:05+02'::TIMETZ", "\"03:04:05+02:00\""},
        Case{"'03:04:05.25-05:30'::TIMETZ", "\"03:04:05.250-05:30\""},
        Case{"'00:00:00+15:59:59'::TIMETZ", "\"00:00:00+15:59:59\""},
        Case{"'00:00:00-15:59:59'::TIMETZ", "\"00:00:00-15:59:59\""},
        Case{"TIMESTAMP '2026-01-02 03:04:05'", "\"2026-01-02T03:04:05\""},
        Case{"TIMESTAMP '2026-01-02 03:04:05.123456'", "\"2026-01-02T03:04:05.123456\""},
        Case{"TIMESTAMP '1969-12-31 23:59:59.999999'", "\"1969-12-31T23:59:59.999999\""},
        Case{"TIMESTAMP 'infinity'", "\"infinity\""},
        Case{"TIMESTAMP '290309-12-22 (BC) 00:00:00'", "\"-290308-12-22T00:00:00\""},
        Case{"TIMESTAMP '294247-01-10 04:00:54.775806'", "\"+294247-01-10T04:00:54.775806\""},
        Case{"'2026-01-02 03:04:05'::TIMESTAMP_S", "\"2026-01-02T03:04:05\""},
        Case{"'2026-01-02 03:04:05.12'::TIMESTAMP_MS", "\"2026-01-02T03:04:05.120\""},
        Case{"'2026-01-02 03:04:05.123456789'::TIMESTAMP_NS", "\"2026-01-02T03:04:05.123456789\""},
        Case{"'1677-09-22 00:00:00.000000001'::TIMESTAMP_NS", "\"1677-09-22T00:00:00.000000001\""},
        Case{"'-infinity'::TIMESTAMP_NS", "\"-infinity\""},
        Case{"'2026-01-02 03:04:05+02'::TIMESTAMPTZ", "\"2026-01-02T01:04:05+00:00\""},
        Case{"'infinity'::TIMESTAMPTZ", "\"infinity\""}, Case{"INTERVAL '0 days'", "\"PT0S\""},
        Case{"INTERVAL '1 year 2 months 3 days 4 hours 5 minutes 6.7 seconds'",
             "\"P1Y2M3DT4H5M6.7S\""},
        Case{"INTERVAL '-1 day' + INTERVAL '-2 hours'", "\"P-1DT-2H\""},
        Case{"INTERVAL '-14 months'", "\"P-1Y-2M\""},
        Case{"INTERVAL '-0.000001 seconds'", "\"PT-0.000001S\""},
        Case{"to_microseconds(-9223372036854775808)", "\"PT-2562047788H-54.775808S\""},
        Case{"INTERVAL '100 hours'", "\"PT100H\""}));

INSTANTIATE_TEST_SUITE_P(
    Nested, JsonTypes,
    testing::Values(
        Case{"[1, NULL, 3]", "[1,null,3]"}, Case{"[]::INTEGER[]", "[]"},
        Case{"[[1], [], NULL, [2, 3]]", "[[1],[],null,[2,3]]"},
        Case{"[1, 2, 3]::INTEGER[3]", "[1,2,3]"},
        Case{"[[1, 2], NULL, [3, NULL]]::INTEGER[2][3]", "[[1,2],null,[3,null]]"},
        Case{"{'a': 1, 'b c': 'x', 'n': NULL}", R"({"a":1,"b c":"x","n":null})"},
        Case{"{'s': {'l': [{'x': 1.5}]}}", R"({"s":{"l":[{"x":1.5}]}})"},
        Case{"row(1, 'a')", R"([1,"a"])"},
        Case{"MAP {'k': 1, 'q\"': NULL}", R"({"k":1,"q\"":null})"},
        Case{"MAP {1: 'a', 2: NULL}", R"([[1,"a"],[2,null]])"},
        Case{"MAP {'x'::ENUM('x'): [1]}", R"({"x":[1]})"},
        Case{"MAP {DATE '2026-01-02': {'a': 1}}", R"([["2026-01-02",{"a":1}]])"},
        Case{"MAP {}", "[]"}, Case{"MAP {['k']: 1}", R"([[["k"],1]])"},
        Case{"union_value(num := 2)", "2"},
        Case{"union_value(str := 'x')::UNION(num INTEGER, str VARCHAR)", "\"x\""},
        Case{"[union_value(a := 1)::UNION(a INTEGER, b VARCHAR), 'q'::UNION(a INTEGER, b VARCHAR)]",
             R"([1,"q"])"},
        Case{"[DATE '2026-01-02']", R"(["2026-01-02"])"},
        Case{"[0.10::DECIMAL(3,2), NULL]", "[0.10,null]"}, Case{"[1::HUGEINT]", "[1]"},
        Case{"['a'::BLOB]", R"(["YQ=="])"}, Case{"['nan'::DOUBLE]", R"(["NaN"])"},
        Case{"[NULL]", "[null]"}, Case{"{'n': NULL}", R"({"n":null})"}));

INSTANTIATE_TEST_SUITE_P(
    Variants, JsonTypes,
    testing::Values(
        Case{"1::VARIANT", "1"}, Case{"(-5)::TINYINT::VARIANT", "-5"},
        Case{"18446744073709551615::UBIGINT::VARIANT", "18446744073709551615"},
        Case{"'170141183460469231731687303715884105727'::HUGEINT::VARIANT",
             "170141183460469231731687303715884105727"},
        Case{"0.05::DECIMAL(4,2)::VARIANT", "0.05"},
        Case{"'12345678901234567890.12'::DECIMAL(38,2)::VARIANT", "12345678901234567890.12"},
        Case{"'text \"q\"'::VARIANT", R"("text \"q\"")"}, Case{"true::VARIANT", "true"},
        Case{"'nan'::DOUBLE::VARIANT", "\"NaN\""},
        Case{"DATE '2026-01-02'::VARIANT", "\"2026-01-02\""},
        Case{"TIMESTAMP '2026-01-02 03:04:05'::VARIANT", "\"2026-01-02T03:04:05\""},
        Case{"'2026-01-02 03:04:05+00'::TIMESTAMPTZ::VARIANT", "\"2026-01-02T03:04:05+00:00\""},
        Case{"INTERVAL '1 day'::VARIANT", "\"P1D\""},
        Case{"'00112233-4455-6677-8899-aabbccddeeff'::UUID::VARIANT",
             "\"00112233-4455-6677-8899-aabbccddeeff\""},
        Case{"'a'::BLOB::VARIANT", "\"YQ==\""}, Case{"'0101'::BIT::VARIANT", "\"0101\""},
        Case{"'-12345678901234567890123'::BIGNUM::VARIANT", "-12345678901234567890123"},
        Case{"[1, NULL, 2]::VARIANT", "[1,null,2]"}, Case{"[]::INTEGER[]::VARIANT", "[]"},
        Case{"{'a': 1, 'b': [{'c': 'x'}, NULL]}::VARIANT", R"({"a":1,"b":[{"c":"x"},null]})"},
        Case{"[1::VARIANT, 'a'::VARIANT, NULL]", R"([1,"a",null])"},
        Case{"{'v': {'w': 1.5::DOUBLE}::VARIANT}", R"({"v":{"w":1.5}})"}));

TEST(JsonEncoder, RowsOfEveryChunkAndTheirCount) {
  const std::string envelope = Encode("SELECT range AS id FROM range(5000)");
  const auto parsed = nlohmann::json::parse(envelope);
  EXPECT_EQ(parsed["row_count"], 5000);
  ASSERT_EQ(parsed["rows"].size(), 5000U);
  for (int64_t i = 0; i < 5000; ++i) ASSERT_EQ(parsed["rows"][i][0], i);
}

TEST(JsonEncoder, NoRowsIsAnEmptyList) {
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

TEST(AppendJsonString, InvalidUtf8BecomesTheReplacementCharacter) {
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

// Every type that DuckDB itself lists in test_all_types() encodes to JSON.
TEST(JsonEncoder, EncodesAllOfDuckDBsTestTypes) {
  const std::string envelope = Encode("FROM test_all_types()");
  ASSERT_TRUE(nlohmann::json::accept(envelope)) << envelope;
  EXPECT_EQ(nlohmann::json::parse(envelope)["row_count"], 3);
}

}  // namespace
}  // namespace tarn::engine
