#include "duck/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/text.h"
#include "duck/database.h"

namespace tarn::duck {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The error of a statement that fails when it is prepared, executed or read.
std::string ErrorOf(const Database& database, const std::string& sql) {
  Connection connection = *database.Connect();
  Result<Statement> statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.error().message;
  Result<ResultStream> rows = statement->Execute();
  if (!rows.ok()) return rows.error().message;
  for (;;) {
    const Result<std::optional<Chunk>> chunk = rows->Next();
    if (!chunk.ok()) return chunk.error().message;
    if (!*chunk) return "it came to its end";
  }
}

std::string Sum(size_t terms) {
  std::string sql = "SELECT 1";
  for (size_t i = 1; i < terms; ++i) sql += " + 1";
  return sql;
}

constexpr const char* kLarge = "SELECT repeat(range::VARCHAR, 20) AS x FROM range(3000000)";

TEST(Advice, NamesTheSettingOfTarnInPlaceOfDuckDBs) {
  const Database database = *Database::Open({{"max_expression_depth", "100"}});
  EXPECT_THAT(
      ErrorOf(database, Sum(200)),
      HasSubstr("Max expression depth limit of 100 exceeded (queryd.expression_depth_max)"));
}

TEST(Advice, NamesTheLimitOfSpilledData) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("tarn-advice-" + RandomId());
  {
    const Database database = *Database::Open(
        {{"memory_limit", "50MB"}, {"threads", "2"}, {"temp_directory", folder.string()}});
    Connection connection = *database.Connect();
    ASSERT_TRUE(connection.Execute("SET max_temp_directory_size = '1MB'").ok());
    EXPECT_THAT(ErrorOf(database, std::string(kLarge) + " ORDER BY x"),
                AllOf(HasSubstr("The limit is queryd.temp_directory_limit."),
                      Not(HasSubstr("max_temp_directory_size")), Not(HasSubstr("PRAGMA"))));
  }
  std::filesystem::remove_all(folder);
}

TEST(Advice, RemovesAdviceThatAClientCannotFollow) {
  const Database database = *Database::Open({{"autoload_known_extensions", "false"},
                                             {"autoinstall_known_extensions", "false"},
                                             {"memory_limit", "50MB"},
                                             {"threads", "2"},
                                             {"temp_directory", ""}});
  for (const auto& [sql, left] : std::vector<std::pair<std::string, std::string>>{
           {"SELECT 1 ORDER BY 'a'", "ORDER BY non-integer literal has no effect."},
           {"SELECT (SELECT range FROM range(2))", "can only return a single row."},
           {"SELECT 'POINT(1 1)'::GEOMETRY('EPSG:1')", "* Provide a full coordinate system"},
           {"SELECT st_point(1, 2)", "it exists in the spatial extension."},
           {"FROM sqlite_scan('a', 'b')", "it exists in the sqlite_scanner extension."},
           {std::string(kLarge) + " ORDER BY x", "Out of Memory Error"}}) {
    EXPECT_THAT(ErrorOf(database, sql),
                AllOf(HasSubstr(left), Not(HasSubstr("SET ")), Not(HasSubstr("INSTALL")),
                      Not(HasSubstr("LOAD")), Not(HasSubstr("Set the")), Not(HasSubstr("PRAGMA")),
                      Not(HasSubstr("Launch")), Not(HasSubstr("solutions"))))
        << sql;
  }
}

TEST(Advice, KeepsTheLinesThatFollow) {
  const Database database = *Database::Open({});
  EXPECT_EQ(ErrorOf(database, "SELECT 1 ORDER BY 'a'"),
            "Binder Error: ORDER BY non-integer literal has no effect.\n\n"
            "LINE 1: SELECT 1 ORDER BY 'a'\n                          ^");
  EXPECT_EQ(WithoutAdvice("Binder Error: x\n* SET order_by_non_integer_literal=true to allow"),
            "Binder Error: x");
  EXPECT_EQ(WithoutAdvice("Binder Error: Pivot column limit of 10 exceeded. Use SET pivot_limit=X "
                          "to increase the limit.\n\nLINE 1: PIVOT"),
            "Binder Error: Pivot column limit of 10 exceeded.\n\nLINE 1: PIVOT");
  EXPECT_EQ(WithoutAdvice("nothing of the kind"), "nothing of the kind");
}

}  // namespace
}  // namespace tarn::duck
