#include "engine/connection_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ConnectionFactoryTest : public testing::Test {
 protected:
  Credentials credentials{"TESTKEYID", "test/secret'value", ""};

  EngineOptions Options() {
    S3Settings s3;
    s3.endpoint = "http://127.0.0.1:1";
    s3.bucket = "lake";
    return {.store = *ObjectStore::FromSettings(s3),
            .credentials = [this]() -> Result<Credentials> { return credentials; },
            .httpfs_path = TARN_TEST_HTTPFS};
  }
  std::unique_ptr<ConnectionFactory> Open() {
    auto factory = ConnectionFactory::Open(Options());
    if (!factory.ok()) throw std::runtime_error(factory.error().message);
    return std::move(*factory);
  }
  static std::string TextOf(duck::Connection& connection, const std::string& sql) {
    auto statement = connection.Prepare(sql);
    if (!statement.ok()) return statement.error().message;
    auto rows = statement->Execute();
    if (!rows.ok()) return rows.error().message;
    const auto chunk = rows->Next();
    if (!chunk.ok() || !chunk->has_value()) return "no rows";
    return std::string((*chunk)->columns()[0].Data<duck::StringRef>()[0].view());
  }
  static constexpr const char* kKeyId =
      "SELECT regexp_extract(secret_string, 'key_id=([^;]*)', 1) FROM duckdb_secrets()";
  // A setting that httpfs brings: duckdb_extensions() would look into a folder, which is locked.
  static constexpr const char* kLoaded =
      "SELECT (count(*) = 1)::VARCHAR FROM duckdb_settings() WHERE name = 's3_region'";
};

TEST_F(ConnectionFactoryTest, EveryConnectionHasHttpfsAndTheSecret) {
  const auto factory = Open();
  for (int i = 0; i < 3; ++i) {
    duck::Connection connection = *factory->Connect();
    EXPECT_EQ(TextOf(connection, kLoaded), "true");
    EXPECT_EQ(TextOf(connection, kKeyId), "TESTKEYID");
  }
}

TEST_F(ConnectionFactoryTest, AConnectionOpenedAfterACancellationIsComplete) {
  const auto factory = Open();
  {
    duck::Connection cancelled = *factory->Connect();
    cancelled.Interrupt();
  }
  duck::Connection later = *factory->Connect();
  EXPECT_EQ(TextOf(later, kLoaded), "true");
  EXPECT_EQ(TextOf(later, kKeyId), "TESTKEYID");
}

TEST_F(ConnectionFactoryTest, NewCredentialsReachNewConnections) {
  const auto factory = Open();
  credentials.access_key_id = "ROTATEDKEYID";
  duck::Connection connection = *factory->Connect();
  EXPECT_EQ(TextOf(connection, kKeyId), "ROTATEDKEYID");
}

TEST_F(ConnectionFactoryTest, AnErrorNamesTheStepAndNeverTheSql) {
  EngineOptions options = Options();
  options.httpfs_path = __FILE__;  // There, but no extension.
  const auto no_extension = ConnectionFactory::Open(options);
  ASSERT_FALSE(no_extension.ok());
  EXPECT_THAT(no_extension.error().message, StartsWith("bootstrap: load httpfs: "));
  EXPECT_THAT(no_extension.error().message, Not(HasSubstr("LOAD '")));

  credentials.secret_access_key = std::string("cut\0off", 7);
  const auto no_secret = ConnectionFactory::Open(Options());
  ASSERT_FALSE(no_secret.ok());
  EXPECT_THAT(no_secret.error().message, StartsWith("bootstrap: create secret: "));
  EXPECT_THAT(no_secret.error().message, Not(HasSubstr("SECRET '")));
  EXPECT_THAT(no_secret.error().message, Not(HasSubstr("cut")));
}

TEST_F(ConnectionFactoryTest, AProviderThatFailsIsAnError) {
  EngineOptions options = Options();
  options.credentials = []() -> Result<Credentials> { return InvalidArgument("no file"); };
  EXPECT_EQ(ConnectionFactory::Open(options).error().message, "no file");
}

// What the gate lets through by mistake must still stop here.
TEST_F(ConnectionFactoryTest, TheDatabaseItselfReachesNothingButTheLake) {
  const auto factory = Open();
  duck::Connection connection = *factory->Connect();
  for (const char* sql :
       {"SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('s3://other/x.parquet')",
        "SELECT * FROM read_text('http://127.0.0.1:1/x')", "ATTACH '/tmp/x.db'",
        "COPY (SELECT 1) TO '/tmp/x.csv'", "SET enable_external_access = true",
        "SET allowed_directories = ['/']", "SET memory_limit = '1GB'", "INSTALL tpch",
        "RESET lock_configuration"}) {
    EXPECT_FALSE(connection.Execute(sql).ok()) << sql;
  }
}

}  // namespace
}  // namespace tarn::engine
