#include "ingest/parquet_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::ingest {
namespace {

using testing::HasSubstr;

TEST(FormatOf, UsesTheExtension) {
  EXPECT_EQ(FormatOf({"a.csv", "b.TSV", "c.txt", "d.csv.gz"}), InputFormat::kCsv);
  EXPECT_EQ(FormatOf({"a.json", "b.ndjson", "c.jsonl.zst"}), InputFormat::kJson);
  EXPECT_EQ(FormatOf({"folder.csv/a.parquet"}), InputFormat::kParquet);
}

TEST(FormatOf, RefusesUnknownExtensions) {
  for (const char* name : {"a.xlsx", "csv", "a.gz", ""}) {
    const auto format = FormatOf({name});
    ASSERT_FALSE(format.ok()) << name;
    EXPECT_THAT(format.error().message, HasSubstr("--format"));
  }
}

TEST(FormatOf, RefusesFilesOfSeveralFormats) {
  const auto format = FormatOf({"a.csv", "b.json"});
  ASSERT_FALSE(format.ok());
  EXPECT_THAT(format.error().message, HasSubstr("one format at a time"));
}

TEST(Difference, IsALineForEachColumnThatDiffers) {
  const std::vector<Column> there = {{"id", "BIGINT"}, {"day", "DATE"}, {"amount", "DOUBLE"}};
  const std::vector<Column> here = {{"id", "BIGINT"}, {"amount", "VARCHAR"}, {"note", "VARCHAR"}};
  EXPECT_EQ(Difference(there, here),
            "column  there    here\n"
            "------  -------  -------\n"
            "day     DATE     missing\n"
            "amount  DOUBLE   VARCHAR\n"
            "note    missing  VARCHAR");
  EXPECT_EQ(Difference(there, there), "");
}

TEST(Difference, MatchesNamesLikeSql) {
  EXPECT_EQ(Difference({{"Id", "BIGINT"}, {"day", "DATE"}}, {{"day", "DATE"}, {"id", "BIGINT"}}),
            "");
}

}  // namespace
}  // namespace tarn::ingest
