#include "ingest/converter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/machine.h"
#include "base/stop.h"
#include "base/text.h"
#include "duck/footer_file.h"
#include "duck/parquet_columns.h"

namespace tarn::ingest {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(20);
// An interrupted statement ends within this time, or only after it has read a whole file.
constexpr auto kInterruptTime = std::chrono::seconds(1);

constexpr const char* kKindLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ";

// DuckDB's message without the statement, which the user did not write.
Error WithoutStatement(const Error& error) {
  return {error.kind,
          std::string(Trim(error.message.substr(0, error.message.find("\n\nLINE 1:"))))};
}

std::vector<Column> ToColumns(const std::vector<duck::Statement::Column>& columns) {
  std::vector<Column> out;
  for (const auto& [name, type] : columns) out.push_back({name, duck::TypeName(type)});
  return out;
}

Result<std::vector<std::string>> ReadFirstRow(duck::Connection& connection,
                                              const std::string& sql) {
  TARN_TRY(duck::Statement statement,
           connection.Prepare(fmt::format("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({})", sql)));
  TARN_TRY(duck::ResultStream rows, statement.Execute());
  TARN_TRY(const std::optional<duck::Chunk> chunk, rows.Next());
  if (!chunk) return Internal("a query of one row returned none");
  std::vector<std::string> row;
  for (const duck::VectorView& column : chunk->columns()) {
    row.emplace_back(column.IsNull(0) ? std::string_view()
                                      : column.Data<duck::StringRef>()[0].view());
  }
  return row;
}

// Shortens the lines of a message, which can contain a whole record of a file.
std::string WithShortLines(std::string_view text) {
  constexpr size_t kLineBytes = 200;
  std::string lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines += tarn::Shortened(ToValidUtf8(text.substr(0, end)), kLineBytes);
    text.remove_prefix(end);
    if (text.starts_with('\n')) {
      lines += '\n';
      text.remove_prefix(1);
    }
  }
  return lines;
}

}  // namespace

std::string PlainMessage(const std::string& message) {
  constexpr std::string_view kEnd = " Error: ";
  std::string plain = message;
  const size_t end = message.find(kEnd);
  if (end != std::string::npos && message.find_first_not_of(kKindLetters) >= end) {
    plain = message.substr(end + kEnd.size());
    if (message.starts_with("INTERNAL")) plain = "internal failure of DuckDB: " + plain;
  }
  constexpr std::string_view kNoOption = "Invalid named parameter \"";
  if (plain.starts_with(kNoOption)) {
    const std::string name = plain.substr(kNoOption.size());
    return fmt::format("--with {}: DuckDB's read_csv has no such option",
                       name.substr(0, name.find('"')));
  }
  for (const char* advice :
       {"\nPossible ", "\nCandidates:", "\nThe search space", "\n\n  file = ", "\n\nColumn "}) {
    plain.resize(std::min(plain.find(advice), plain.size()));
  }
  if (plain != message) plain = ReplaceAll(WithShortLines(Trim(plain)), "\n\n", "\n");
  return ReplaceAll(plain, "CSV Error on Line: ", "line ");
}

Result<Converter> Converter::Open(const std::filesystem::path& folder, PutTask task) {
  TARN_TRY(const duck::Database database,
           duck::Database::Open({{"autoinstall_known_extensions", "false"},
                                 {"temp_directory", (folder / "spill").string()}}));
  TARN_TRY(duck::Connection connection, database.Connect());
  for (const char* setting :
       {"SET enable_progress_bar_print = false", "SET enable_progress_bar = true",
        "SET progress_bar_time = 0", "SET TimeZone = 'UTC'"}) {
    TARN_CHECK_OK(connection.Execute(setting));
  }
  Converter converter(std::move(connection), std::move(task));
  TARN_CHECK_OK(converter.UseOneThread(false));
  return converter;
}

Result<> Converter::UseOneThread(bool one) {
  // With one thread, DuckDB ignores the batches of a source.
  const uint64_t threads = one ? 1 : std::max<uint64_t>(MachineCores(), 2);
  return state_->connection.Execute(fmt::format("SET threads = {}", threads));
}

template <class T>
Result<T> Converter::Watch(uint64_t bytes, std::function<Result<T>(duck::Connection&)> work,
                           const std::function<double()>& share) {
  struct Task {
    std::mutex mutex;
    std::condition_variable has_ended;
    std::optional<Result<T>> result;  // guarded by mutex
  };
  if (task_.stop.stop_requested()) return StoppedError();
  const auto task = std::make_shared<Task>();
  std::thread running([task, state = state_, work = std::move(work)] {
    Result<T> result = work(state->connection);
    const std::lock_guard lock(task->mutex);
    task->result = std::move(result);
    task->has_ended.notify_one();
  });
  progress().BeginStep(bytes);
  std::optional<std::chrono::steady_clock::time_point> stopped_at;
  std::unique_lock lock(task->mutex);
  while (!task->has_ended.wait_for(lock, kLookEvery, [&] { return task->result.has_value(); })) {
    const auto now = std::chrono::steady_clock::now();
    if (task_.stop.stop_requested()) {
      if (!stopped_at) stopped_at = now;
      if (now - *stopped_at > kInterruptTime) {
        LeaveBehind(std::move(running));
        return StoppedError();
      }
      // Repeated, because DuckDB loses an interrupt that arrives just before a statement begins.
      state_->connection.Interrupt();
    }
    if (share != nullptr) {
      progress().SetStepShare(share());
    } else if (const auto percent = state_->connection.Progress()) {
      progress().SetStepShare(*percent / 100);
    } else {
      progress().Tick();
    }
  }
  lock.unlock();
  running.join();
  if (task_.stop.stop_requested()) return StoppedError();
  if (!task->result->ok()) return WithoutStatement(task->result->error());
  progress().EndStep();
  return std::move(*task->result);
}

Result<std::vector<Column>> Converter::ColumnsOf(const std::string& source) {
  return Watch<std::vector<Column>>(
      0, [sql = "FROM " + source](duck::Connection& connection) -> Result<std::vector<Column>> {
        TARN_TRY(const duck::Statement statement, connection.Prepare(sql));
        return ToColumns(statement.Columns());
      });
}

Result<std::vector<Column>> Converter::ParquetColumnsOf(const std::string& path,
                                                        const duck::FooterLimits& limits) {
  return Watch<std::vector<Column>>(
      0, [path, limits](duck::Connection& connection) -> Result<std::vector<Column>> {
        TARN_TRY(duck::FooterFile footer, duck::FooterFile::Make(limits));
        TARN_CHECK_OK(footer.Load(path));
        TARN_TRY(const auto columns, duck::ReadParquetColumns(connection, footer));
        return ToColumns(columns);
      });
}

Result<uint64_t> Converter::CountRows(const std::string& source) {
  TARN_TRY(const std::vector<std::string> row, FirstRow("SELECT count(*) FROM " + source));
  return std::stoull(row.at(0));
}

Result<std::vector<std::string>> Converter::FirstRow(const std::string& sql) {
  return Watch<std::vector<std::string>>(
      0, [sql](duck::Connection& connection) { return ReadFirstRow(connection, sql); });
}

Result<> Converter::Run(const std::string& sql, uint64_t bytes,
                        const std::function<double()>& share) {
  return Watch<void>(
      bytes, [sql](duck::Connection& connection) { return connection.Execute(sql); }, share);
}

Result<> Converter::RunWithin(uint64_t memory_bytes, const std::string& sql, uint64_t bytes,
                              const std::function<double()>& share) {
  TARN_CHECK_OK(
      state_->connection.Execute(fmt::format("SET memory_limit = '{}KB'", memory_bytes / 1000)));
  Result<> done = Run(sql, bytes, share);
  if (!done.ok() && done.error().kind == ErrorKind::kCancelled) return done;
  // "RESET memory_limit" would change the setting, and not the limit.
  TARN_CHECK_OK(state_->connection.Execute(
      fmt::format("SET memory_limit = '{}KB'", MachineMemory() / 1000 * 8 / 10)));
  const bool needs_more = !done.ok() && done.error().kind == ErrorKind::kOutOfMemory;
  return needs_more ? Run(sql, bytes, share) : done;
}

}  // namespace tarn::ingest
