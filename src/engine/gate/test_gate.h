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
    // duckdb_secrets is a dataset with the name of a function that shows secrets.
    return EqualsIgnoreCase(name, "trips") || name == "it's.parquet" || name == "duckdb_secrets";
  }
  Gate gate{connection, {.is_dataset = IsDataset}};

  void SetUp() override {
    ASSERT_TRUE(connection.Execute("CREATE VIEW trips AS SELECT 1 AS id").ok());
    ASSERT_TRUE(connection.Execute("CREATE VIEW \"it's.parquet\" AS SELECT 1 AS id").ok());
  }

  // Returns the error message, or "" if the gate accepts the text.
  std::string Refusal(const std::string& sql) {
    const Result<Verdict> verdict = gate.Check(sql);
    return verdict.ok() ? "" : verdict.error().message;
  }
};

}  // namespace tarn::engine
