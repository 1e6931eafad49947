#pragma once

// Owners of DuckDB's C handles. Every message from DuckDB passes the process's Redactor before it
// becomes an Error.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "duck/row_source.h"
#include "duck/text_batches.h"
#include "duck/types.h"
#include "duck/value.h"
#include "duck/vector.h"

namespace tarn::duck {

// The error (kStale) of a statement that read an object which has been replaced since it was
// opened.
Error ChangedObjectError();

// True for the error of a statement that DuckDB refused because the database is invalidated by an
// earlier fatal error. The database then refuses all new statements; running ones finish.
bool IsDatabaseInvalidated(const Error& error);

class Connection;

// An in-memory database. Copies share it, and the last one closes it. It must not be a static
// variable, because DuckDB's thread-local state is destroyed earlier.
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

// At most 2,048 rows of an open result.
class Chunk {
 public:
  static constexpr uint64_t kRowsMax = 2048;

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

// A result that DuckDB computes while it is read. Its connection must outlive it and must not run
// another statement meanwhile: DuckDB would end the stream silently.
//
// Destroying it before its end also ends its query: otherwise DuckDB would keep the query's memory
// until the next statement of the connection. Data of its operators may nevertheless stay in the
// statement until that runs again or is destroyed.
class ResultStream {
 public:
  ResultStream(ResultStream&&) noexcept;
  ResultStream& operator=(ResultStream&&) = delete;
  ~ResultStream();

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<ColumnType>& types() const { return types_; }

  // Returns the next rows, or nullopt at the end. Must not be called after the end or an error.
  Result<std::optional<Chunk>> Next();

 private:
  friend class BoundStatement;
  struct Handle;
  explicit ResultStream(std::unique_ptr<Handle> handle);

  std::unique_ptr<Handle> handle_;
  std::vector<std::string> names_;
  std::vector<ColumnType> types_;
};

// A bound statement: the state that it reads is fixed, and no part of it has run. Its statement
// must outlive it and must not be used meanwhile.
class BoundStatement {
 public:
  BoundStatement(BoundStatement&& other) noexcept;
  BoundStatement& operator=(BoundStatement&&) = delete;
  ~BoundStatement();

  // Runs until the first rows are available. At most once.
  Result<ResultStream> Execute();

 private:
  friend class Statement;
  BoundStatement(void* connection, void* pending) : connection_(connection), pending_(pending) {}
  void Destroy();

  void* connection_;
  void* pending_;
};

// A prepared statement. It can run repeatedly with other values; DuckDB replans it if their types
// require it or if the catalogue has changed.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // The number of distinct parameters.
  uint64_t parameter_count() const { return parameter_count_; }

  // The name at a position from 1: "id" for $id; "1" for $1 and for the first question mark.
  // nullopt for unused positions: named parameters have the positions from 1 in the order of the
  // text, numbered ones those of their numbers ($1 and $3 leave position 2 unused).
  std::optional<std::string> ParameterName(uint64_t position) const;

  // Binds a value for all further runs.
  //
  // DuckDB 1.5 plans a statement without values first, and keeps that plan if the values have the
  // parameter types that it inferred. In SELECT typeof($1), $1::VARCHAR it infers no type for the
  // first $1. If the value is a text, the run of this plan is an internal error, after which the
  // database refuses all statements. Statements that DuckDB replans for each run, because they read
  // Parquet or call now(), are safe. engine/gate/gate.h ensures that others do not get here.
  Result<> Bind(uint64_t position, const Value& value);
  Result<> ClearBindings();

  struct Column {
    std::string name;
    ColumnType type;
  };
  // The columns of the result according to the plan; nothing runs. Must not be called while a
  // result is open.
  //
  // A run has other columns if a view has changed since Prepare, or if a value has another type
  // than its parameter in the plan. DuckDB then replans the statement, and its new columns are
  // unknown before the first rows. If a type depends on a value, the plan has a single column of
  // type kUnknown.
  std::vector<Column> Columns() const;

  // The parameters in the order of their positions. The type is kUnknown if any value fits.
  std::vector<Column> Parameters() const;

  // `position` starts at 1. The text must be UTF-8.
  Result<> BindText(uint64_t position, std::string_view text);

  // Binds the statement in its own transaction to the current state of the catalogue. The previous
  // stream must have been destroyed.
  Result<BoundStatement> Start();
  // Start() and Execute(): runs until the first rows are available.
  Result<ResultStream> Execute();

 private:
  friend class Connection;
  Statement(void* connection, void* statement);

  void* connection_;
  void* statement_;
  uint64_t parameter_count_;
};

// A connection. Not thread-safe, except Interrupt and Progress.
class Connection {
 public:
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Runs all statements of the text and discards their results.
  Result<> Execute(const std::string& sql);

  // Prepares a text with exactly one statement.
  Result<Statement> Prepare(const std::string& sql);

  // Registers rows as a table function without parameters, until the database is closed. One thread
  // reads them, so they keep their order.
  Result<> Register(const std::string& name, std::shared_ptr<const RowSource> source);

  // Registers batches as a view. A statement must use all of its columns, because DuckDB expects a
  // source that leaves out the others. Several threads take the batches in turns. With
  // ROW_GROUP_SIZE 0, COPY writes each batch as a row group.
  Result<> RegisterBatches(const std::string& name, std::shared_ptr<const TextBatchSource> source);

  // Makes the running statement of this connection fail soon. May be called from any thread while
  // the connection exists.
  void Interrupt();

  // The progress of the running statement in percent; nullopt if unknown. May be called from any
  // thread. Requires DuckDB's setting enable_progress_bar.
  std::optional<double> Progress() const;

 private:
  friend class Database;
  Connection(Database database, void* connection)
      : database_(std::move(database)), connection_(connection) {}
  std::vector<std::shared_ptr<TextBatchStream>> streams_;  // Must outlive database_.
  Database database_;                                      // Must outlive connection_.
  void* connection_;
};

}  // namespace tarn::duck
