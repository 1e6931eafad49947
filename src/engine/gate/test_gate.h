#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/text.h"
#include "engine/gate/gate.h"

namespace tarn::engine {

// A gate for a database with the datasets "trips" and "it's.parquet".
class GateTest : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();
  static bool IsDataset(std::string_view name) {
    // A dataset that took the name of a function which shows secrets.
    return EqualsIgnoreCase(name, "trips") || name == "it's.parquet" || name == "duckdb_secrets";
  }
  Gate gate{connection, {.is_dataset = IsDataset}};

  void SetUp() override {
    ASSERT_TRUE(connection.Execute("CREATE VIEW trips AS SELECT 1 AS id").ok());
    ASSERT_TRUE(connection.Execute("CREATE VIEW \"it's.parquet\" AS SELECT 1 AS id").ok());
  }

  // Empty when the text may run.
  std::string Refusal(const std::string& sql) {
    const Result<Verdict> verdict = gate.Check(sql);
    return verdict.ok() ? "" : verdict.error().message;
  }
};

}  // namespace tarn::engine
