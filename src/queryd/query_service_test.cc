#include "queryd/query_service.h"

#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

std::string ErrorOf(std::string_view body) {
  const auto parsed = ParseSqlRequest(body);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(ParseSqlRequest, ReadsSqlAndOptions) {
  EXPECT_EQ(ParseSqlRequest(R"({"sql":"SELECT 1"})")->sql, "SELECT 1");
  EXPECT_FALSE(ParseSqlRequest(R"({"sql":"SELECT 1"})")->json.quote_big_numbers);
  EXPECT_TRUE(ParseSqlRequest(R"({"sql":"x","big_numbers":"string"})")->json.quote_big_numbers);
}

TEST(ParseSqlRequest, NamesWhatIsWrong) {
  EXPECT_EQ(ErrorOf("").substr(0, 13), "decode body: ");
  EXPECT_EQ(ErrorOf("{").substr(0, 13), "decode body: ");
  EXPECT_EQ(ErrorOf("[1]"), "decode body: must be an object, as in {\"sql\":\"SELECT 1\"}");
  EXPECT_EQ(ErrorOf(R"({"sql":1})"), "decode body: sql must be a text");
  EXPECT_EQ(ErrorOf(R"({"sql":"x","big_numbers":1})"),
            "decode body: big_numbers must be \"number\" or \"string\"");
  EXPECT_EQ(ErrorOf(R"({"sql":"x","parms":1})"), "decode body: unknown field \"parms\"");
  EXPECT_EQ(ErrorOf("{\"sql\":\"\xFF\"}").substr(0, 13), "decode body: ");
  EXPECT_EQ(ErrorOf("{}"), "sql is empty");
  EXPECT_EQ(ErrorOf(R"({"sql":null})"), "sql is empty");
  EXPECT_EQ(ErrorOf(R"({"sql":" \n\t"})"), "sql is empty");
}

}  // namespace
}  // namespace tarn::queryd
