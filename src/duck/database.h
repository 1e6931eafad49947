#pragma once

// Owners of DuckDB's C handles. Every message that comes from DuckDB passes the process's
// Redactor before it becomes an Error.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "duck/types.h"
#include "duck/vector.h"

namespace tarn::duck {

class Connection;

// An in-memory database. Copies share it; the last one closes it, which must not be a static
// variable: DuckDB's thread-local state is gone before those are.
class Database {
 public:
  using Options = std::vector<std::pair<std::string, std::string>>;

  static Result<Database> Open(const Options& options);
  Result<Connection> Connect() const;

  // "v1.5.5"
  static std::string LibraryVersion();

 private:
  struct Handle;
  Result<> ReadKeywords() const;
  explicit Database(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<Handle> handle_;
};

// Rows of an open result, at most 2,048 of them.
class Chunk {
 public:
  Chunk(Chunk&& other) noexcept;
  Chunk& operator=(Chunk&&) = delete;
  ~Chunk();

  uint64_t row_count() const { return row_count_; }
  const std::vector<VectorView>& columns() const { return columns_; }

 private:
  friend class ResultStream;
  Chunk(void* chunk, const std::vector<ColumnType>& types);
  static VectorView View(void* vector, const ColumnType& type);
  static void AddVariantParts(void* vector, VectorView& view);

  void* chunk_;
  uint64_t row_count_;
  std::vector<VectorView> columns_;
};

// A result that DuckDB computes as it is read. While one is open its connection must not run
// anything else: DuckDB would end the stream in silence.
class ResultStream {
 public:
  ResultStream(ResultStream&&) noexcept;
  ResultStream& operator=(ResultStream&&) = delete;
  ~ResultStream();

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<ColumnType>& types() const { return types_; }

  // The next rows; none at the end. Must not be called again after none or an error.
  Result<std::optional<Chunk>> Next();

 private:
  friend class Statement;
  struct Handle;
  explicit ResultStream(std::unique_ptr<Handle> handle);

  std::unique_ptr<Handle> handle_;
  std::vector<std::string> names_;
  std::vector<ColumnType> types_;
};

// One prepared statement.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Positions begin at 1. The text must be UTF-8.
  Result<> BindText(uint64_t position, std::string_view text);

  // Runs until the first rows are there.
  Result<ResultStream> Execute();

 private:
  friend class Connection;
  explicit Statement(void* statement) : statement_(statement) {}
  void* statement_;
};

// One connection. Not thread-safe, but for Interrupt.
class Connection {
 public:
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Runs all statements of the text and drops what they return.
  Result<> Execute(const std::string& sql);

  // Prepares a text that holds exactly one statement.
  Result<Statement> Prepare(const std::string& sql);

  // Makes what runs on this connection fail soon. Safe from any thread while the connection is.
  void Interrupt();

 private:
  friend class Database;
  Connection(Database database, void* connection)
      : database_(std::move(database)), connection_(connection) {}
  Database database_;  // Outlives connection_.
  void* connection_;
};

}  // namespace tarn::duck
