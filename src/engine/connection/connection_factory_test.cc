#include "engine/connection/connection_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>

#include "base/text.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ConnectionFactoryTest : public testing::Test {
 protected:
  protocol::Setup setup = MakeSetup();

  static protocol::Setup MakeSetup() {
    S3Settings s3;
    s3.endpoint = "http://127.0.0.1:1";
    s3.bucket = "lake";
    return {.store = *protocol::ObjectStore::FromSettings(s3),
            .credentials = {"TESTKEYID", "test/secret'value", ""},
            .httpfs_path = TARN_TEST_HTTPFS};
  }
  std::unique_ptr<ConnectionFactory> Open() {
    auto factory = ConnectionFactory::Open(setup, 2);
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
  // s3_region is a setting of httpfs. duckdb_extensions() would need access to a folder.
  static constexpr const char* kLoaded =
      "SELECT (count(*) = 1)::VARCHAR FROM duckdb_settings() WHERE name = 's3_region'";
};

TEST_F(ConnectionFactoryTest, AllConnectionsHaveHttpfsAndTheSecret) {
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

TEST_F(ConnectionFactoryTest, ConnectionsForQueriesHaveTheirOwnSettings) {
  const auto factory = Open();
  std::vector<duck::Connection> connections = factory->TakeConnections();
  ASSERT_EQ(connections.size(), 2U);
  for (duck::Connection& connection : connections) {
    EXPECT_EQ(TextOf(connection, kKeyId), "TESTKEYID");
    EXPECT_EQ(TextOf(connection, "SELECT current_setting('streaming_buffer_size')::VARCHAR"),
              "1000 bytes");
  }
}

TEST_F(ConnectionFactoryTest, PassesLimitsToDuckDb) {
  setup.threads = 3;
  setup.memory_limit = 123'000'000;
  const auto factory = Open();
  duck::Connection connection = *factory->Connect();
  EXPECT_EQ(TextOf(connection, "SELECT current_setting('threads')::VARCHAR"), "3");
  EXPECT_EQ(TextOf(connection, "SELECT current_setting('memory_limit')::VARCHAR"), "117.3 MiB");
  EXPECT_EQ(TextOf(connection, "SELECT current_setting('temp_directory')::VARCHAR"), "");
}

// Exceeds each limit, because DuckDB can show a setting that it does not apply.
class DuckDbLimitsTest : public ConnectionFactoryTest {
 protected:
  const std::filesystem::path spill =
      std::filesystem::path(testing::TempDir()) / ("tarn-limits-" + RandomId());

  ~DuckDbLimitsTest() override { std::filesystem::remove_all(spill); }

  static constexpr const char* kSortOf100Mb =
      "SELECT count(*)::VARCHAR FROM (SELECT n FROM range(12000000) t(n) ORDER BY hash(n) "
      "LIMIT 11999999)";

  static size_t CountThreads() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
  }
};

TEST_F(DuckDbLimitsTest, LimitsMemory) {
  setup.memory_limit = 30'000'000;
  const auto factory = Open();
  duck::Connection connection = *factory->Connect();
  EXPECT_THAT(TextOf(connection, kSortOf100Mb), HasSubstr("Out of Memory"));
}

TEST_F(DuckDbLimitsTest, LimitsSpilling) {
  setup.memory_limit = 40'000'000;
  setup.temp_directory = spill.string();
  setup.temp_directory_limit = 20'000'000;
  {
    const auto factory = Open();
    duck::Connection connection = *factory->Connect();
    EXPECT_THAT(TextOf(connection, kSortOf100Mb), HasSubstr("queryd.temp_directory_limit"));
  }
  setup.temp_directory_limit = 1'000'000'000;
  const auto factory = Open();
  duck::Connection connection = *factory->Connect();
  EXPECT_EQ(TextOf(connection, kSortOf100Mb), "11999999");
}

TEST_F(DuckDbLimitsTest, LimitsThreads) {
  const size_t before = CountThreads();
  setup.threads = 3;
  const auto factory = Open();
  EXPECT_EQ(CountThreads(), before + 2) << "the calling thread is the third";
}

TEST_F(DuckDbLimitsTest, LimitsDepthOfExpressions) {
  setup.depths.expressions = 60;
  const auto factory = Open();
  for (duck::Connection& connection : factory->TakeConnections()) {
    const auto nested = [](int levels) {
      std::string sql = "SELECT (";
      for (int i = 0; i < levels; ++i) sql += "abs(";
      return sql + "1" + std::string(static_cast<size_t>(levels), ')') + ")::VARCHAR";
    };
    EXPECT_EQ(TextOf(connection, nested(30)), "1");
    EXPECT_THAT(TextOf(connection, nested(70)), HasSubstr("expression depth limit of 60"));
  }
}

TEST_F(ConnectionFactoryTest, ErrorsNameTheStepButNotTheSql) {
  protocol::Setup no_library = setup;
  no_library.httpfs_path = __FILE__;  // A file that is not an extension.
  const auto no_extension = ConnectionFactory::Open(no_library, 1);
  ASSERT_FALSE(no_extension.ok());
  EXPECT_THAT(no_extension.error().message, StartsWith("bootstrap: load httpfs: "));
  EXPECT_THAT(no_extension.error().message, Not(HasSubstr("LOAD '")));

  setup.credentials.secret_access_key = std::string("cut\0off", 7);
  const auto no_secret = ConnectionFactory::Open(setup, 2);
  ASSERT_FALSE(no_secret.ok());
  EXPECT_THAT(no_secret.error().message, StartsWith("bootstrap: create secret: "));
  EXPECT_THAT(no_secret.error().message, Not(HasSubstr("SECRET '")));
  EXPECT_THAT(no_secret.error().message, Not(HasSubstr("cut")));
}

TEST(CreateSecretSql, HasTheAddressOfTheStore) {
  const auto sql_of = [](const std::string& endpoint) {
    S3Settings s3;
    s3.endpoint = endpoint;
    s3.bucket = "lake";
    return CreateSecretSql(*protocol::ObjectStore::FromSettings(s3), {"id", "se'cret", ""});
  };
  EXPECT_THAT(sql_of(""), Not(HasSubstr("ENDPOINT")));
  EXPECT_THAT(sql_of(""), HasSubstr("URL_STYLE 'vhost'"));
  EXPECT_THAT(sql_of("http://127.0.0.1:8333/"), HasSubstr("ENDPOINT '127.0.0.1:8333'"));
  EXPECT_THAT(sql_of("http://h:1"), HasSubstr("USE_SSL false"));
  EXPECT_THAT(sql_of("http://h:1"), HasSubstr("SECRET 'se''cret'"));
}

// DuckDB must refuse these statements even if the gate accepts them.
TEST_F(ConnectionFactoryTest, DuckDbRefusesAccessOutsideOfTheLake) {
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
