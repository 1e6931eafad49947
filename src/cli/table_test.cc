#include "cli/table.h"

#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

TEST(RenderTable, AlignsNumbersToTheRightAndTextToTheLeft) {
  EXPECT_EQ(
      *RenderTable(R"({"columns":[{"name":"city","type":"VARCHAR"},{"name":"n","type":"BIGINT"}],
      "rows":[["São Paulo",7],["Rome",123],[null,null]],"row_count":3})"),
      "city         n\n"
      "---------  ---\n"
      "São Paulo    7\n"
      "Rome       123\n"
      "\n");
}

TEST(RenderTable, RefusesOtherText) {
  EXPECT_FALSE(RenderTable("oops").ok());
  EXPECT_FALSE(RenderTable(R"({"rows":[]})").ok());
}

}  // namespace
}  // namespace tarn::cli
