#pragma once

// DuckDB, as it makes Parquet of files.

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "duck/database.h"

namespace tarn::cli {

// What takes long shows how far it is, and all ends soon after a stop (kCancelled), what DuckDB
// does not interrupt (looking at all of a file for its types) among it. Errors do not show
// statements, because nobody wrote them. Not thread-safe.
class Converter {
 public:
  // `folder` is for what does not fit into memory.
  static Result<Converter> Open(const std::filesystem::path& folder, std::stop_token stop);

  // Of "read_csv('a.csv')" and the like.
  Result<std::vector<Column>> ColumnsOf(const std::string& source);
  // Of a Parquet file. A column without a type, which has nothing but nulls, is
  // catalog::kUntyped.
  Result<std::vector<Column>> ParquetColumnsOf(const std::string& path);
  Result<uint64_t> CountRows(const std::string& source);
  // The first row of a query, its values as text; NULL is an empty one.
  Result<std::vector<std::string>> FirstRow(const std::string& sql,
                                            const std::string& what = "reading");
  // Makes rows a table function without parameters.
  Result<> Register(const std::string& name, std::shared_ptr<const duck::RowSource> rows) {
    return state_->connection.Register(name, std::move(rows));
  }
  // `bytes` of input are read for it. `share`: how far it is, from 0 to 1, where DuckDB does not
  // know that; called while it runs.
  Result<> Run(const std::string& sql, const std::string& what, uint64_t bytes,
               const std::function<double()>& share = nullptr);
  // The same with a memory limit, and again without it if that is too little. Without a limit,
  // DuckDB fills most of the machine's memory with rows that wait to be written.
  Result<> RunWithin(uint64_t memory_bytes, const std::string& sql, const std::string& what,
                     uint64_t bytes, const std::function<double()>& share = nullptr);

 private:
  struct State {
    duck::Connection connection;
  };
  Converter(duck::Connection connection, std::stop_token stop)
      : state_(std::make_shared<State>(std::move(connection))), stop_(std::move(stop)) {}

  // In a thread of its own, for which `work` has copies of all that it uses.
  template <class T>
  Result<T> Watch(const std::string& what, uint64_t bytes,
                  std::function<Result<T>(duck::Connection&)> work,
                  const std::function<double()>& share = nullptr);

  std::shared_ptr<State> state_;
  std::stop_token stop_;
};

}  // namespace tarn::cli
