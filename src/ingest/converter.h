#pragma once

// Runs DuckDB to convert files to Parquet.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "duck/footer_metadata.h"
#include "ingest/columns.h"
#include "ingest/put_task.h"

namespace tarn::ingest {

// DuckDB's message without its kind, such as "Invalid Input Error: ", its advice and its settings.
std::string PlainMessage(const std::string& message);

// A DuckDB database for one `tarn put`. Its statements show their progress as a step of the current
// phase, and end soon after a stop (kCancelled), even if DuckDB does not interrupt them. Errors do
// not show statements, because the user wrote none. Not thread-safe.
class Converter {
 public:
  // `folder` is for rows that do not fit into memory.
  static Result<Converter> Open(const std::filesystem::path& folder, PutTask task);

  PutProgress& progress() const { return *task_.progress; }

  // The columns of a source, such as "read_csv('a.csv')".
  Result<std::vector<Column>> ColumnsOf(const std::string& source);
  // The columns of a Parquet file. A column without a type, which has only nulls, is
  // catalog::kUntyped.
  Result<std::vector<Column>> ParquetColumnsOf(const std::string& path,
                                               const duck::FooterLimits& limits = {});
  Result<uint64_t> CountRows(const std::string& source);
  // The values of the first row of a query as texts; NULL is an empty text.
  Result<std::vector<std::string>> FirstRow(const std::string& sql);
  // Registers rows as a table function without parameters.
  Result<> Register(const std::string& name, std::shared_ptr<const duck::RowSource> rows) {
    return state_->connection.Register(name, std::move(rows));
  }
  // Registers batches as a view. A statement must use all of its columns.
  Result<> RegisterBatches(const std::string& name,
                           std::shared_ptr<const duck::TextBatchSource> batches) {
    return state_->connection.RegisterBatches(name, std::move(batches));
  }
  // Runs statements in one thread, or in as many as Open() has set.
  Result<> UseOneThread(bool one);
  // Runs a statement that handles `bytes` of the current phase. `share` returns its progress from 0
  // to 1, if DuckDB does not know it; called while the statement runs.
  Result<> Run(const std::string& sql, uint64_t bytes = 0,
               const std::function<double()>& share = nullptr);
  // Runs a statement with a memory limit, and again without it if the limit is too low. Without a
  // limit, DuckDB fills most of the machine's memory with rows that wait to be written.
  Result<> RunWithin(uint64_t memory_bytes, const std::string& sql, uint64_t bytes,
                     const std::function<double()>& share = nullptr);

 private:
  struct State {
    duck::Connection connection;
  };
  Converter(duck::Connection connection, PutTask task)
      : state_(std::make_shared<State>(std::move(connection))), task_(std::move(task)) {}

  // Runs `work` in a separate thread. It must have copies of all values that it uses, because a
  // stop leaves the thread behind.
  template <class T>
  Result<T> Watch(uint64_t bytes, std::function<Result<T>(duck::Connection&)> work,
                  const std::function<double()>& share = nullptr);

  std::shared_ptr<State> state_;
  PutTask task_;
};

}  // namespace tarn::ingest
