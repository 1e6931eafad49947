#include "result/csv_encoder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "result/json_value.h"
#include "result/type_cases.h"

namespace tarn::result {
namespace {

using Field = std::optional<std::string>;  // nullopt for an empty field without quotes.

// A strict reader: all text outside of the grammar of RFC 4180 fails.
std::vector<std::vector<Field>> ReadCsv(std::string_view text) {
  std::vector<std::vector<Field>> lines(1);
  while (!text.empty()) {
    Field field;
    if (text.starts_with('"')) {
      field.emplace();
      text.remove_prefix(1);
      while (!text.empty() && (text[0] != '"' || text.starts_with("\"\""))) {
        text.remove_prefix(text[0] == '"' ? 1 : 0);
        *field += text[0];
        text.remove_prefix(1);
      }
      if (text.empty()) ADD_FAILURE() << "a quote is open";
      text.remove_prefix(std::min<size_t>(1, text.size()));
    } else {
      const std::string_view plain = text.substr(0, text.find_first_of(",\"\r\n"));
      if (!plain.empty()) field.emplace(plain);
      text.remove_prefix(plain.size());
    }
    lines.back().push_back(std::move(field));
    if (text.starts_with(',')) {
      text.remove_prefix(1);
    } else if (text.starts_with("\r\n")) {
      text.remove_prefix(2);
      lines.emplace_back();
    } else {
      ADD_FAILURE() << "no end of a field before: " << text;
      return lines;
    }
  }
  lines.pop_back();  // The empty line after the last line end.
  return lines;
}

// Returns the expected field: the text of a scalar, or the JSON of a nested value.
Field ExpectedField(const TypeCase& c) {
  auto statement = TestConnection().Prepare("SELECT " + c.sql);
  const bool nested = IsNested(statement->Execute()->types()[0].id);
  const auto json = nlohmann::json::parse(c.json);
  if (json.is_string() && !nested) return json.get<std::string>();
  return c.json;
}

class CsvTypes : public testing::TestWithParam<TypeCase> {};

TEST_P(CsvTypes, RoundTrip) {
  const std::string csv =
      EncodeQuery("SELECT " + GetParam().sql + " AS v, NULL AS n, 1 AS one", Format::kCsv);
  const std::vector<std::vector<Field>> expected = {{"v", "n", "one"},
                                                    {ExpectedField(GetParam()), Field(), "1"}};
  EXPECT_EQ(ReadCsv(csv), expected) << csv;
}

INSTANTIATE_TEST_SUITE_P(All, CsvTypes, testing::ValuesIn(AllTypeCases()));

TEST(CsvEncoder, QuotesOnlyWhereNecessary) {
  EXPECT_EQ(EncodeQuery("SELECT 'plain text' a, 'x,y' b, 'say \"hi\"' c, chr(13) d, chr(10) e, "
                        "' ' f, '' g, NULL h, ''::BLOB i, [1, 2] j, MAP {'k': 1} k, [] l",
                        Format::kCsv),
            "a,b,c,d,e,f,g,h,i,j,k,l\r\n"
            "plain text,\"x,y\",\"say \"\"hi\"\"\",\"\r\",\"\n\", ,\"\",,\"\",\"[1,2]\","
            "\"{\"\"k\"\":1}\",[]\r\n");
}

TEST(CsvEncoder, QuotesNames) {
  EXPECT_EQ(EncodeQuery(R"(SELECT 1 AS "a,b", 2 AS "c""d", 3 AS a, 4 AS a)", Format::kCsv),
            "\"a,b\",\"c\"\"d\",a,a\r\n1,2,3,4\r\n");
}

TEST(CsvEncoder, WritesOnlyTheHeaderWithoutRows) {
  EXPECT_EQ(EncodeQuery("SELECT 1 AS a, 2 AS b WHERE false", Format::kCsv), "a,b\r\n");
}

// The option is for readers of JSON, so it applies only within nested values.
TEST(CsvEncoder, QuotesBigNumbersOnlyInJson) {
  EXPECT_EQ(EncodeQuery("SELECT 9007199254740993 AS a, [9007199254740993] AS b", Format::kCsv,
                        {.quote_big_numbers = true}),
            "a,b\r\n9007199254740993,\"[\"\"9007199254740993\"\"]\"\r\n");
}

TEST(CsvEncoder, EncodesUnionsAndVariantsOfNullAsNull) {
  EXPECT_EQ(
      EncodeQuery("SELECT union_value(a := NULL::INTEGER) AS u, NULL::VARIANT AS v", Format::kCsv),
      "u,v\r\n,\r\n");
}

TEST(AppendCsvField, ReplacesInvalidUtf8) {
  std::string out;
  AppendCsvField("a\xFF,\xE2\x82\xAC", out);
  EXPECT_EQ(out, "\"a\xEF\xBF\xBD,\xE2\x82\xAC\"");
}

}  // namespace
}  // namespace tarn::result
