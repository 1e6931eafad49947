#include "duck/json_depth.h"

#include <gtest/gtest.h>

#include <string>

#include "duck/database.h"

namespace tarn::duck {
namespace {

std::string Levels(size_t count) { return std::string(count, '[') + std::string(count, ']'); }

TEST(JsonDepth, CountsListsAndObjects) {
  EXPECT_FALSE(IsJsonDeeperThan(Levels(5), 5, false));
  EXPECT_TRUE(IsJsonDeeperThan(Levels(6), 5, false));
  EXPECT_TRUE(IsJsonDeeperThan(R"({"a":{"b":[{"c":[[1]]}]}})", 5, false));
  EXPECT_FALSE(IsJsonDeeperThan("[[],[],[],[],[],[],[],[]]", 2, false));
  EXPECT_FALSE(IsJsonDeeperThan(R"(["[[[[[[[[[[", "\\\"[[[[[[[[", "\\\\"])", 2, false));
  EXPECT_TRUE(IsJsonDeeperThan(R"(["\\\\",[[]]])", 2, false));
  EXPECT_FALSE(IsJsonDeeperThan("", 0, false));
  EXPECT_TRUE(IsJsonDeeperThan("]]]]" + Levels(6), 5, false));
}

TEST(JsonDepth, ChecksOnlyTheFirstValueOnRequest) {
  EXPECT_FALSE(IsJsonDeeperThan("[]\n" + Levels(6), 5, true));
  EXPECT_FALSE(IsJsonDeeperThan("1234567\n" + Levels(6), 5, true));
  EXPECT_FALSE(IsJsonDeeperThan("\"[\"\n" + Levels(6), 5, true));
  EXPECT_TRUE(IsJsonDeeperThan(" \n" + Levels(6) + " 1", 5, true));
  EXPECT_FALSE(IsJsonDeeperThan("        ", 5, true));
}

// DuckDB calls the function of this program.
TEST(JsonDepth, LimitsDuckDBsParser) {
  ASSERT_TRUE(LimitJsonDepth(50).ok());
  Connection connection = *Database::Open({})->Connect();
  const auto runs = [&](size_t levels) {
    return connection.Execute("SELECT json_structure('" + Levels(levels) + "')").ok();
  };
  EXPECT_TRUE(runs(50));
  EXPECT_FALSE(runs(51));
  ASSERT_TRUE(LimitJsonDepth(1000).ok());
  EXPECT_TRUE(runs(51));
}

}  // namespace
}  // namespace tarn::duck
