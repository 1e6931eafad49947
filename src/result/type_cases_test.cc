#include "result/type_cases.h"

#include <algorithm>

namespace tarn::result {

std::vector<TypeCase> NumberCases() {
  return {TypeCase{"127::TINYINT", "127"},
          TypeCase{"(-128)::TINYINT", "-128"},
          TypeCase{"(-32768)::SMALLINT", "-32768"},
          TypeCase{"(-2147483648)::INTEGER", "-2147483648"},
          TypeCase{"9223372036854775807", "9223372036854775807"},
          TypeCase{"(-9223372036854775808)::BIGINT", "-9223372036854775808"},
          TypeCase{"255::UTINYINT", "255"},
          TypeCase{"65535::USMALLINT", "65535"},
          TypeCase{"4294967295::UINTEGER", "4294967295"},
          TypeCase{"18446744073709551615::UBIGINT", "18446744073709551615"},
          TypeCase{"170141183460469231731687303715884105727::HUGEINT",
                   "170141183460469231731687303715884105727"},
          TypeCase{"'-170141183460469231731687303715884105728'::HUGEINT",
                   "-170141183460469231731687303715884105728"},
          TypeCase{"1000000000000000000::HUGEINT", "1000000000000000000"},
          TypeCase{"'340282366920938463463374607431768211455'::UHUGEINT",
                   "340282366920938463463374607431768211455"},
          TypeCase{"0.05::DECIMAL(4,2)", "0.05"},
          TypeCase{"(-0.05)::DECIMAL(4,2)", "-0.05"},
          TypeCase{"1.10::DECIMAL(9,2)", "1.10"},
          TypeCase{"0::DECIMAL(18,3)", "0.000"},
          TypeCase{"12::DECIMAL(18,0)", "12"},
          TypeCase{"'12345678901234567.89'::DECIMAL(19,2)", "12345678901234567.89"},
          TypeCase{"'-99999999999999999999999999999999999999'::DECIMAL(38,0)",
                   "-99999999999999999999999999999999999999"},
          TypeCase{"'0.00000000000000000000000000000000000001'::DECIMAL(38,38)",
                   "0.00000000000000000000000000000000000001"},
          TypeCase{"'0'::BIGNUM", "0"},
          TypeCase{"'-1'::BIGNUM", "-1"},
          TypeCase{"'256'::BIGNUM", "256"},
          TypeCase{"'123456789012345678901234567890123456789012345678901234567890'::BIGNUM",
                   "123456789012345678901234567890123456789012345678901234567890"},
          TypeCase{"'-1000000000000000000000000000000000000000000000000'::BIGNUM",
                   "-1000000000000000000000000000000000000000000000000"},
          TypeCase{"'4294967296'::BIGNUM", "4294967296"},
          TypeCase{"'-65536'::BIGNUM", "-65536"},
          TypeCase{"0.1::DOUBLE", "0.1"},
          TypeCase{"1e300::DOUBLE", "1e+300"},
          TypeCase{"'1.7976931348623157e308'::DOUBLE", "1.7976931348623157e+308"},
          TypeCase{"5e-324::DOUBLE", "5e-324"},
          TypeCase{"'-0'::DOUBLE", "-0.0"},
          TypeCase{"1::DOUBLE", "1"},
          TypeCase{"0.1::FLOAT", "0.1"},
          TypeCase{"16777216::FLOAT", "16777216"},
          TypeCase{"'nan'::DOUBLE", "\"NaN\""},
          TypeCase{"'inf'::DOUBLE", "\"Infinity\""},
          TypeCase{"'-inf'::FLOAT", "\"-Infinity\""},
          TypeCase{"true", "true"},
          TypeCase{"false", "false"}};
}

std::vector<TypeCase> TextCases() {
  return {TypeCase{"'plain'", "\"plain\""},
          TypeCase{"''", "\"\""},
          TypeCase{"'a \"quote\" and \\ and ' || chr(10) || chr(13) || chr(9) || chr(1) || chr(31)",
                   R"("a \"quote\" and \\ and \n\r\t\u0001\u001f")"},
          TypeCase{"'more than twelve bytes, with \" in it'",
                   R"("more than twelve bytes, with \" in it")"},
          TypeCase{"'a' || chr(0) || 'b'", R"("a\u0000b")"},
          TypeCase{"'\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x86'",
                   "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x86\""},
          TypeCase{"chr(127)", "\"\x7F\""},
          TypeCase{"'it''s'::ENUM('a','it''s')", "\"it's\""},
          TypeCase{"'{\"a\": 1}'::JSON", R"("{\"a\": 1}")"},
          TypeCase{"'00112233-4455-6677-8899-aabbccddeeff'::UUID",
                   "\"00112233-4455-6677-8899-aabbccddeeff\""},
          TypeCase{"'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID",
                   "\"ffffffff-ffff-ffff-ffff-ffffffffffff\""},
          TypeCase{"''::BLOB", "\"\""},
          TypeCase{"'a'::BLOB", "\"YQ==\""},
          TypeCase{"'ab'::BLOB", "\"YWI=\""},
          TypeCase{"'\\x00\\xFF\\xFE'::BLOB", "\"AP/+\""},
          TypeCase{"'0101'::BIT", "\"0101\""},
          TypeCase{"'110000000'::BIT", "\"110000000\""},
          TypeCase{"'00000001'::BIT", "\"00000001\""},
          TypeCase{"'POINT(1 2)'::GEOMETRY", "\"AQEAAAAAAAAAAADwPwAAAAAAAABA\""}};
}

std::vector<TypeCase> TimeCases() {
  return {TypeCase{"DATE '2026-01-02'", "\"2026-01-02\""},
          TypeCase{"DATE '0000-01-01'", "\"0000-01-01\""},
          TypeCase{"DATE '9999-12-31'", "\"9999-12-31\""},
          TypeCase{"DATE '10000-01-01'", "\"+010000-01-01\""},
          TypeCase{"DATE '44-03-15 (BC)'", "\"-000043-03-15\""},
          TypeCase{"DATE '5877642-06-25 (BC)'", "\"-5877641-06-25\""},
          TypeCase{"DATE '5881580-07-10'", "\"+5881580-07-10\""},
          TypeCase{"DATE 'infinity'", "\"infinity\""},
          TypeCase{"DATE '-infinity'", "\"-infinity\""},
          TypeCase{"DATE '1969-12-31'", "\"1969-12-31\""},
          TypeCase{"DATE '2024-02-29'", "\"2024-02-29\""},
          TypeCase{"TIME '03:04:05'", "\"03:04:05\""},
          TypeCase{"TIME '03:04:05.5'", "\"03:04:05.500\""},
          TypeCase{"TIME '03:04:05.000001'", "\"03:04:05.000001\""},
          TypeCase{"TIME '24:00:00'", "\"24:00:00\""},
          TypeCase{"'03:04:05.123456789'::TIME_NS", "\"03:04:05.123456789\""},
          TypeCase{"'03:04:05+02'::TIMETZ", "\"03:04:05+02:00\""},
          TypeCase{"'03:04:05.25-05:30'::TIMETZ", "\"03:04:05.250-05:30\""},
          TypeCase{"'00:00:00+15:59:59'::TIMETZ", "\"00:00:00+15:59:59\""},
          TypeCase{"'00:00:00-15:59:59'::TIMETZ", "\"00:00:00-15:59:59\""},
          TypeCase{"TIMESTAMP '2026-01-02 03:04:05'", "\"2026-01-02T03:04:05\""},
          TypeCase{"TIMESTAMP '2026-01-02 03:04:05.123456'", "\"2026-01-02T03:04:05.123456\""},
          TypeCase{"TIMESTAMP '1969-12-31 23:59:59.999999'", "\"1969-12-31T23:59:59.999999\""},
          TypeCase{"TIMESTAMP 'infinity'", "\"infinity\""},
          TypeCase{"TIMESTAMP '290309-12-22 (BC) 00:00:00'", "\"-290308-12-22T00:00:00\""},
          TypeCase{"TIMESTAMP '294247-01-10 04:00:54.775806'", "\"+294247-01-10T04:00:54.775806\""},
          TypeCase{"'2026-01-02 03:04:05'::TIMESTAMP_S", "\"2026-01-02T03:04:05\""},
          TypeCase{"'2026-01-02 03:04:05.12'::TIMESTAMP_MS", "\"2026-01-02T03:04:05.120\""},
          TypeCase{"'2026-01-02 03:04:05.123456789'::TIMESTAMP_NS",
                   "\"2026-01-02T03:04:05.123456789\""},
          TypeCase{"'1677-09-22 00:00:00.000000001'::TIMESTAMP_NS",
                   "\"1677-09-22T00:00:00.000000001\""},
          TypeCase{"'-infinity'::TIMESTAMP_NS", "\"-infinity\""},
          TypeCase{"'2026-01-02 03:04:05+02'::TIMESTAMPTZ", "\"2026-01-02T01:04:05+00:00\""},
          TypeCase{"'infinity'::TIMESTAMPTZ", "\"infinity\""},
          TypeCase{"INTERVAL '0 days'", "\"PT0S\""},
          TypeCase{"INTERVAL '1 year 2 months 3 days 4 hours 5 minutes 6.7 seconds'",
                   "\"P1Y2M3DT4H5M6.7S\""},
          TypeCase{"INTERVAL '-1 day' + INTERVAL '-2 hours'", "\"P-1DT-2H\""},
          TypeCase{"INTERVAL '-14 months'", "\"P-1Y-2M\""},
          TypeCase{"INTERVAL '-0.000001 seconds'", "\"PT-0.000001S\""},
          TypeCase{"to_microseconds(-9223372036854775808)", "\"PT-2562047788H-54.775808S\""},
          TypeCase{"INTERVAL '100 hours'", "\"PT100H\""}};
}

std::vector<TypeCase> NestedCases() {
  return {
      TypeCase{"[1, NULL, 3]", "[1,null,3]"},
      TypeCase{"[]::INTEGER[]", "[]"},
      TypeCase{"[[1], [], NULL, [2, 3]]", "[[1],[],null,[2,3]]"},
      TypeCase{"[1, 2, 3]::INTEGER[3]", "[1,2,3]"},
      TypeCase{"[[1, 2], NULL, [3, NULL]]::INTEGER[2][3]", "[[1,2],null,[3,null]]"},
      TypeCase{"{'a': 1, 'b c': 'x', 'n': NULL}", R"({"a":1,"b c":"x","n":null})"},
      TypeCase{"{'s': {'l': [{'x': 1.5}]}}", R"({"s":{"l":[{"x":1.5}]}})"},
      TypeCase{"row(1, 'a')", R"([1,"a"])"},
      TypeCase{"MAP {'k': 1, 'q\"': NULL}", R"({"k":1,"q\"":null})"},
      TypeCase{"MAP {1: 'a', 2: NULL}", R"([[1,"a"],[2,null]])"},
      TypeCase{"MAP {'x'::ENUM('x'): [1]}", R"({"x":[1]})"},
      TypeCase{"MAP {DATE '2026-01-02': {'a': 1}}", R"([["2026-01-02",{"a":1}]])"},
      TypeCase{"MAP {}", "[]"},
      TypeCase{"MAP {['k']: 1}", R"([[["k"],1]])"},
      TypeCase{"union_value(num := 2)", "2"},
      TypeCase{"union_value(str := 'x')::UNION(num INTEGER, str VARCHAR)", "\"x\""},
      TypeCase{
          "[union_value(a := 1)::UNION(a INTEGER, b VARCHAR), 'q'::UNION(a INTEGER, b VARCHAR)]",
          R"([1,"q"])"},
      TypeCase{"[DATE '2026-01-02']", R"(["2026-01-02"])"},
      TypeCase{"[0.10::DECIMAL(3,2), NULL]", "[0.10,null]"},
      TypeCase{"[1::HUGEINT]", "[1]"},
      TypeCase{"['a'::BLOB]", R"(["YQ=="])"},
      TypeCase{"['nan'::DOUBLE]", R"(["NaN"])"},
      TypeCase{"[NULL]", "[null]"},
      TypeCase{"{'n': NULL}", R"({"n":null})"}};
}

std::vector<TypeCase> VariantCases() {
  return {
      TypeCase{"1::VARIANT", "1"},
      TypeCase{"(-5)::TINYINT::VARIANT", "-5"},
      TypeCase{"18446744073709551615::UBIGINT::VARIANT", "18446744073709551615"},
      TypeCase{"'170141183460469231731687303715884105727'::HUGEINT::VARIANT",
               "170141183460469231731687303715884105727"},
      TypeCase{"0.05::DECIMAL(4,2)::VARIANT", "0.05"},
      TypeCase{"'12345678901234567890.12'::DECIMAL(38,2)::VARIANT", "12345678901234567890.12"},
      TypeCase{"'text \"q\"'::VARIANT", R"("text \"q\"")"},
      TypeCase{"true::VARIANT", "true"},
      TypeCase{"'nan'::DOUBLE::VARIANT", "\"NaN\""},
      TypeCase{"DATE '2026-01-02'::VARIANT", "\"2026-01-02\""},
      TypeCase{"TIMESTAMP '2026-01-02 03:04:05'::VARIANT", "\"2026-01-02T03:04:05\""},
      TypeCase{"'2026-01-02 03:04:05+00'::TIMESTAMPTZ::VARIANT", "\"2026-01-02T03:04:05+00:00\""},
      TypeCase{"INTERVAL '1 day'::VARIANT", "\"P1D\""},
      TypeCase{"'00112233-4455-6677-8899-aabbccddeeff'::UUID::VARIANT",
               "\"00112233-4455-6677-8899-aabbccddeeff\""},
      TypeCase{"'a'::BLOB::VARIANT", "\"YQ==\""},
      TypeCase{"'0101'::BIT::VARIANT", "\"0101\""},
      TypeCase{"'-12345678901234567890123'::BIGNUM::VARIANT", "-12345678901234567890123"},
      TypeCase{"[1, NULL, 2]::VARIANT", "[1,null,2]"},
      TypeCase{"[]::INTEGER[]::VARIANT", "[]"},
      TypeCase{"{'a': 1, 'b': [{'c': 'x'}, NULL]}::VARIANT", R"({"a":1,"b":[{"c":"x"},null]})"},
      TypeCase{"[1::VARIANT, 'a'::VARIANT, NULL]", R"([1,"a",null])"},
      TypeCase{"{'v': {'w': 1.5::DOUBLE}::VARIANT}", R"({"v":{"w":1.5}})"}};
}

std::vector<TypeCase> AllTypeCases() {
  std::vector<TypeCase> all;
  for (const auto& part :
       {NumberCases(), TextCases(), TimeCases(), NestedCases(), VariantCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// Never destroyed, because DuckDB's thread-local state is destroyed before static objects.
duck::Connection& TestConnection() {
  static auto* connection = new duck::Connection(*duck::Database::Open({})->Connect());
  return *connection;
}

std::string EncodeQuery(const std::string& sql, Format format, const JsonOptions& options,
                        uint64_t piece_rows) {
  const auto encode = [&]() -> Result<std::string> {
    TARN_TRY(duck::Statement statement, TestConnection().Prepare(sql));
    TARN_TRY(duck::ResultStream rows, statement.Execute());
    TARN_TRY(const std::unique_ptr<ResultEncoder> encoder,
             MakeEncoder(format, options, rows.names(), rows.types()));
    std::string out;
    ResultSummary summary;
    TARN_CHECK_OK(encoder->Begin(out));
    for (;;) {
      TARN_TRY(std::optional<duck::Chunk> chunk, rows.Next());
      if (!chunk) break;
      const uint64_t count = chunk->row_count();
      for (uint64_t row = 0; row < count; row += piece_rows) {
        TARN_CHECK_OK(encoder->Rows(chunk->columns(), row, std::min(row + piece_rows, count), out));
      }
      summary.rows += count;
    }
    TARN_CHECK_OK(encoder->End(summary, out));
    return out;
  };
  Result<std::string> out = encode();
  return out.ok() ? *out : out.error().message;
}

}  // namespace tarn::result
