// DuckDB by itself, in one process, on the same data: the cost without a server. bench/alone.py
// drives it; bench/README.md explains the figures.
//
// Reads commands from its standard input, one JSON object per line, and answers each with a line:
//
//   {"run": ["SQL", …]}                                    {}
//   {"load": "SQL", "connections": 8, "seconds": 3,        {"requests", "per_second", "seconds",
//    "prepare_once": false}                                 "p50_ms", "p99_ms", "cpu_s",
//                                                           "quantiles_ms": [1000 of them]}
//   {"fetch": "SQL", "as": "chunks" or "arrow"}            {"rows", "seconds", "first_s", "cpu_s"}
//
// Uses DuckDB's C interface instead of src/duck, which lacks the conversion to Arrow.

#include <duckdb.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// duckdb.h only declares the structs of Arrow's C data interface. Their layout never changes:
// https://arrow.apache.org/docs/format/CDataInterface.html
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr size_t kQuantiles = 1000;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void Fail(const char* message) {
  throw std::runtime_error(message == nullptr ? "DuckDB gave no reason" : message);
}

class Database {
 public:
  Database() {
    if (duckdb_open(nullptr, &database_) != DuckDBSuccess) Fail("DuckDB does not open");
  }
  ~Database() { duckdb_close(&database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  duckdb_database get() const { return database_; }

 private:
  duckdb_database database_ = nullptr;
};

class Connection {
 public:
  explicit Connection(const Database& database) {
    if (duckdb_connect(database.get(), &connection_) != DuckDBSuccess) Fail("no connection");
  }
  ~Connection() { duckdb_disconnect(&connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  duckdb_connection get() const { return connection_; }

 private:
  duckdb_connection connection_ = nullptr;
};

class Statement {
 public:
  Statement(const Connection& connection, const std::string& sql) {
    if (duckdb_prepare(connection.get(), sql.c_str(), &statement_) != DuckDBSuccess) {
      const std::string why = duckdb_prepare_error(statement_);
      duckdb_destroy_prepare(&statement_);
      Fail(why.c_str());
    }
  }
  ~Statement() { duckdb_destroy_prepare(&statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  duckdb_prepared_statement get() const { return statement_; }

 private:
  duckdb_prepared_statement statement_ = nullptr;
};

// A streaming result, as a server would read it.
class Rows {
 public:
  explicit Rows(const Statement& statement) {
    duckdb_pending_result pending = nullptr;
    const bool ok = duckdb_pending_prepared_streaming(statement.get(), &pending) == DuckDBSuccess &&
                    duckdb_execute_pending(pending, &result_) == DuckDBSuccess;
    const std::string why = ok ? "" : duckdb_pending_error(pending);
    duckdb_destroy_pending(&pending);
    if (!ok) {
      duckdb_destroy_result(&result_);
      Fail(why.c_str());
    }
    options_ = duckdb_result_get_arrow_options(&result_);
  }
  ~Rows() {
    duckdb_destroy_arrow_options(&options_);
    duckdb_destroy_result(&result_);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // Drops the next chunk and returns its number of rows; 0 at the end.
  uint64_t Next(bool to_arrow) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result_);
    if (chunk == nullptr) {
      const char* message = duckdb_result_error(&result_);
      if (message != nullptr && *message != '\0') Fail(message);
      return 0;
    }
    const uint64_t rows = duckdb_data_chunk_get_size(chunk);
    if (to_arrow) {
      ArrowArray array = {};
      duckdb_error_data error = duckdb_data_chunk_to_arrow(options_, chunk, &array);
      if (error != nullptr) {
        const std::string why = duckdb_error_data_message(error);
        duckdb_destroy_error_data(&error);
        duckdb_destroy_data_chunk(&chunk);
        Fail(why.c_str());
      }
      if (array.release != nullptr) array.release(&array);
    }
    duckdb_destroy_data_chunk(&chunk);
    return rows;
  }

 private:
  duckdb_result result_ = {};
  duckdb_arrow_options options_ = nullptr;
};

Json Run(const Database& database, const Json& texts) {
  const Connection connection(database);
  for (const Json& sql : texts) {
    const Statement statement(connection, sql.get<std::string>());
    Rows rows(statement);
    while (rows.Next(false) > 0) {
    }
  }
  return Json::object();
}

// Runs the statement on one connection until the time is up, at least once.
void RunOver(const Connection& connection, const std::string& sql, bool prepare_once,
             Clock::time_point until, std::vector<double>& latencies_ms) {
  std::optional<Statement> kept;
  if (prepare_once) kept.emplace(connection, sql);
  do {
    const Clock::time_point start = Clock::now();
    std::optional<Statement> fresh;
    if (!kept) fresh.emplace(connection, sql);
    Rows rows(kept ? *kept : *fresh);
    while (rows.Next(false) > 0) {
    }
    latencies_ms.push_back(1000 * SecondsSince(start));
  } while (Clock::now() < until);
}

// Divides the values into kQuantiles equal parts and returns the middle value of each.
std::vector<double> Quantiles(const std::vector<double>& sorted) {
  std::vector<double> out;
  for (size_t i = 0; i < kQuantiles; ++i) {
    out.push_back(sorted[(2 * i + 1) * sorted.size() / (2 * kQuantiles)]);
  }
  return out;
}

// The percentile by nearest rank.
double Percentile(const std::vector<double>& sorted, size_t percent) {
  const size_t rank = (percent * sorted.size() + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

Json Load(const Database& database, const Json& command) {
  const auto sql = command.at("load").get<std::string>();
  const size_t count = command.value("connections", size_t{1});
  const bool prepare_once = command.value("prepare_once", false);
  std::vector<std::unique_ptr<Connection>> connections;
  for (size_t i = 0; i < count; ++i) connections.push_back(std::make_unique<Connection>(database));

  std::vector<std::vector<double>> latencies(count);
  std::vector<std::string> errors(count);
  const double cpu = CpuSeconds();
  const Clock::time_point start = Clock::now();
  const Clock::time_point until =
      start + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double>(command.value("seconds", 3.0)));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        RunOver(*connections[i], sql, prepare_once, until, latencies[i]);
      } catch (const std::exception& e) {
        errors[i] = e.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = SecondsSince(start);
  for (const std::string& error : errors) {
    if (!error.empty()) Fail(error.c_str());
  }
  std::vector<double> all;
  for (const auto& of_one : latencies) all.insert(all.end(), of_one.begin(), of_one.end());
  std::sort(all.begin(), all.end());
  return {{"requests", all.size()},
          {"per_second", static_cast<double>(all.size()) / seconds},
          {"seconds", seconds},
          {"p50_ms", Percentile(all, 50)},
          {"p99_ms", Percentile(all, 99)},
          {"cpu_s", CpuSeconds() - cpu},
          {"quantiles_ms", Quantiles(all)}};
}

Json Fetch(const Database& database, const Json& command) {
  const bool to_arrow = command.value("as", "chunks") == "arrow";
  const Connection connection(database);
  const double cpu = CpuSeconds();
  const Clock::time_point start = Clock::now();
  const Statement statement(connection, command.at("fetch").get<std::string>());
  Rows rows(statement);
  uint64_t count = rows.Next(to_arrow);
  const double first_s = SecondsSince(start);
  while (const uint64_t more = rows.Next(to_arrow)) count += more;
  return {{"rows", count},
          {"seconds", SecondsSince(start)},
          {"first_s", first_s},
          {"cpu_s", CpuSeconds() - cpu}};
}

Json Answer(const Database& database, const std::string& line) {
  try {
    const Json command = Json::parse(line);
    if (command.contains("run")) return Run(database, command["run"]);
    if (command.contains("load")) return Load(database, command);
    if (command.contains("fetch")) return Fetch(database, command);
    return {{"error", "the command is neither run, load nor fetch"}};
  } catch (const std::exception& e) {
    return {{"error", e.what()}};
  }
}

}  // namespace

int main() {
  const Database database;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Answer(database, line).dump(-1, ' ', false, Json::error_handler_t::replace)
              << std::endl;
  }
}
