#pragma once

// An EngineSupervisor with the real engine program, and queries for its tests.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/text.h"
#include "queryd/execution/duckdb_engine.h"
#include "queryd/execution/engine_supervisor.h"
#include "queryd/execution/one_row_parquet.h"
#include "queryd/query/query_service.h"
#include "queryd/query/test_io.h"

namespace tarn::queryd {

// Runs for minutes unless it is ended.
inline constexpr const char* kEndless =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7";
// Runs long enough for something to happen meanwhile.
inline constexpr const char* kLong =
    "SELECT count(*) + 42 AS n FROM range(250000000) WHERE range = -1";

inline bool IsThere(pid_t pid) { return kill(pid, 0) == 0; }

inline boost::asio::awaitable<Result<std::shared_ptr<ResultStream>>> Begin(QueryService& service,
                                                                           Statement statement,
                                                                           std::string id) {
  Result<QueryHandle> handle = co_await service.Open(statement, id, auth::Anonymous());
  if (!handle.ok()) co_return handle.error();
  Result<ResultStream> result = co_await service.Run(statement, std::move(*handle));
  if (!result.ok()) co_return result.error();
  co_return std::make_shared<ResultStream>(std::move(*result));
}

// The whole result.
inline boost::asio::awaitable<Result<std::string>> Execute(QueryService& service,
                                                           Statement statement, std::string id) {
  Result<std::shared_ptr<ResultStream>> result = co_await Begin(service, statement, id);
  if (!result.ok()) co_return result.error();
  std::string bytes;
  for (;;) {
    const Result<std::string> more = co_await (*result)->Next();
    if (!more.ok()) co_return more.error();
    bytes += *more;
    if (more->empty() || (*result)->IsComplete()) co_return bytes;
  }
}

// Reads until an error, and returns it.
inline boost::asio::awaitable<std::string> ReadUntilError(std::shared_ptr<ResultStream> result) {
  for (;;) {
    const Result<std::string> more = co_await result->Next();
    if (!more.ok()) co_return more.error().message;
    if (more->empty()) co_return "no error";
  }
}

// Destroys the last reference on the query's executor, as a wire does.
inline void Destroy(std::shared_ptr<ResultStream> result) {
  ASSERT_EQ(result.use_count(), 1);
  const boost::asio::any_io_executor executor = result->query().executor();
  std::promise<void> done;
  boost::asio::post(executor, [&] {
    result.reset();
    done.set_value();
  });
  done.get_future().wait();
}

class EngineSupervisorTest : public testing::Test {
 protected:
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("tarn-supervisor-" + RandomId());
  Metrics metrics;
  IoThreads io{2};
  EngineOptions options;
  QueryService::Options query_options;
  Quarantine::Limits quarantine;
  std::mutex mutex;
  protocol::Credentials credentials;  // guarded by mutex
  std::unique_ptr<EnginePool> engines;
  EngineSupervisor* engine = nullptr;  // The first one.
  std::unique_ptr<DuckDbEngine> duckdb;
  std::unique_ptr<QueryService> service;
  std::atomic<int> queries = 0;

  EngineSupervisorTest() {
    std::filesystem::create_directories(folder);
    WriteOneRow(folder / "one.parquet");
    options.program = TARN_TEST_ENGINE;
    options.setup.store = protocol::ObjectStore::Folder(folder.string());
    options.setup.threads = 2;
    options.setup.memory_limit = 500'000'000;
    options.setup.plan_cache_entries = 10;
    options.setup.log_program = "engine";
    options.setup.log_level = 2;
    options.start_interval = std::chrono::milliseconds(200);
    options.credentials = [this]() -> Result<protocol::Credentials> {
      const std::lock_guard lock(mutex);
      if (credentials.access_key_id == "broken") return Unavailable("no secrets");
      return credentials;
    };
    options.slots = 6;
    query_options = {.admission = {.running_max = 4,
                                   .queue_max = 100,
                                   .queue_timeout = kSoon,
                                   .slow_readers_max = 4},
                     .limits = {.timeout = 2 * kSoon},
                     .whole_bytes_max = 1'000'000,
                     .history_max = 100};
  }
  ~EngineSupervisorTest() override {
    if (service != nullptr) service->registry().CancelAll({ErrorKind::kCancelled, "the end"});
    if (engines != nullptr) engines->Stop();
    std::filesystem::remove_all(folder);
  }

  Result<> TryOpen() {
    service = nullptr;
    engines = std::make_unique<EnginePool>(io.io(), options, EnginePool::Limits{}, metrics);
    engine = &engines->first();
    duckdb = std::make_unique<DuckDbEngine>(*engines, quarantine, metrics);
    service = std::make_unique<QueryService>(*duckdb, query_options, metrics);
    return engine->Open();
  }
  void Open() {
    const Result<> opened = TryOpen();
    if (!opened.ok()) throw std::runtime_error(opened.error().message);
  }
  Statement Request(const std::string& sql) const {
    return {.sql = sql, .format = Format::kCsv, .limits = query_options.limits};
  }
  std::future<Result<std::string>> Start(const Statement& request, const std::string& id) {
    return Spawn(io.NewStrand(), Execute(*service, request, id));
  }
  std::future<Result<std::string>> Start(const std::string& sql) {
    return Start(Request(sql), "q" + std::to_string(++queries));
  }
  std::vector<Result<protocol::DatasetSchema>> Probe(const std::vector<ProbeRequest>& requests) {
    std::vector<Result<protocol::DatasetSchema>> outcomes;
    for (PendingProbe& probe : engine->Probe(requests, Deadline::After(2 * kSoon))) {
      outcomes.push_back(probe.answer.get());
    }
    return outcomes;
  }
  uint64_t last_version = 0;

  // The rows as CSV, or "error: …".
  static std::string TextOf(std::future<Result<std::string>>&& future) {
    const Result<std::string> result = Get(future);
    return result.ok() ? *result : "error: " + result.error().message;
  }
  std::string Run(const std::string& sql) { return TextOf(Start(sql)); }
  bool Runs(const std::string& id) {
    return Eventually([&] {
      const auto info = service->registry().Find({id}, *auth::Anonymous());
      return info.ok() && info->state == QueryState::kRunning;
    });
  }
  bool CancelByHand(const std::string& id) {
    return service->registry()
        .Cancel({id}, {ErrorKind::kConflict, "by hand"}, *auth::Anonymous())
        .ok();
  }
  // Starts an endless query in the current process and replaces the process, which then drains.
  std::future<Result<std::string>> StartAndReplace(const std::string& id) {
    const pid_t former = engine->CurrentPid();
    auto query = Start(Request(kEndless), id);
    EXPECT_TRUE(Runs(id)) << id;
    engine->Replace("test");
    EXPECT_TRUE(Replaced(former)) << id;
    return query;
  }
  // Cancels a running query and checks its error.
  void EndByHand(const std::string& id, std::future<Result<std::string>>&& query) {
    ASSERT_TRUE(CancelByHand(id)) << id;
    EXPECT_EQ(TextOf(std::move(query)), "error: by hand") << id;
  }
  void Apply(std::vector<protocol::ViewSpec> put, std::vector<std::string> drop = {}) {
    ViewChange change{.revision = 1, .drop = std::move(drop)};
    for (protocol::ViewSpec& view : put) {
      view.version = ++last_version;
      change.put.push_back(std::make_shared<const protocol::ViewSpec>(std::move(view)));
    }
    const Result<> applied = engine->Apply(change, Deadline::After(kSoon));
    EXPECT_TRUE(applied.ok()) << applied.error().message;
  }
  bool Replaced(pid_t former) {
    return Eventually([&] {
      const pid_t pid = engine->CurrentPid();
      return pid > 0 && pid != former;
    });
  }
  // Waits until a query runs in the isolated process, and ends the process with a signal.
  bool EndIsolated(int signal) {
    pid_t pid = -1;
    const bool is_there = Eventually([&] { return (pid = engine->IsolatedPid()) > 0; });
    // The end of a process that is not ready yet would count as a failed start.
    return is_there && Eventually([&] {
             if (!IsComputing(pid)) return false;
             kill(pid, signal);
             return true;
           });
  }
  // True if the process has used more CPU time than a start takes.
  static bool IsComputing(pid_t pid) {
    std::ifstream stat(fmt::format("/proc/{}/stat", pid));
    std::string field;
    uint64_t user_ticks = 0;
    for (int i = 0; i < 13; ++i) stat >> field;
    stat >> user_ticks;
    return user_ticks > 100;
  }
  static uint64_t ResidentBytes(pid_t pid) {
    uint64_t size = 0;
    uint64_t resident = 0;
    std::ifstream(fmt::format("/proc/{}/statm", pid)) >> size >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  // A program of one line.
  std::string Script(const std::string& line) {
    const std::filesystem::path path = folder / "program";
    std::ofstream(path) << "#!/bin/sh\n" << line << "\n";
    chmod(path.c_str(), 0700);
    return path.string();
  }
};

}  // namespace tarn::queryd
