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
#include "duck/row_source.h"
#include "duck/types.h"
#include "duck/value.h"
#include "duck/vector.h"

namespace tarn::duck {

// What a statement is told that has read an object which is not the one that it began with: kStale.
Error ChangedObject();

// True for the error of a statement that a database refused because another one failed before. The
// database refuses everything from then on; statements that already run come to their end.
bool IsOfInvalidatedDatabase(const Error& error);

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

// A result that DuckDB computes as it is read. While one is open its connection must not run
// anything else: DuckDB would end the stream in silence. Its connection must outlive it.
//
// One that is left before its end is ended with its query: DuckDB would keep that, with all the
// memory it took, until the connection runs the next one. What its operators built can stay in the
// statement even so, until that runs again or goes.
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
  friend class BoundStatement;
  struct Handle;
  explicit ResultStream(std::unique_ptr<Handle> handle);

  std::unique_ptr<Handle> handle_;
  std::vector<std::string> names_;
  std::vector<ColumnType> types_;
};

// A statement that is bound: what it reads is fixed, of one moment, and nothing of it has run. Its
// statement must outlive it, and do nothing else meanwhile.
class BoundStatement {
 public:
  BoundStatement(BoundStatement&& other) noexcept;
  BoundStatement& operator=(BoundStatement&&) = delete;
  ~BoundStatement();

  // Runs until the first rows are there. Once.
  Result<ResultStream> Execute();

 private:
  friend class Statement;
  BoundStatement(void* connection, void* pending) : connection_(connection), pending_(pending) {}
  void Destroy();

  void* connection_;
  void* pending_;
};

// One prepared statement. It can be kept and run again with other values: DuckDB plans it anew
// where their types ask for it, and where the catalogue has changed.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // How many different parameters there are.
  uint64_t parameter_count() const { return parameter_count_; }

  // "id" of $id; "1" of $1, and of the first question mark. Positions begin at 1. None where
  // there is no such position: named parameters have those from 1 to their number, in the order
  // of the text, and numbered ones that of their number: $1 and $3 have no position 2.
  std::optional<std::string> ParameterName(uint64_t position) const;

  // What is bound stays for all further runs.
  //
  // DuckDB 1.5 plans a statement without values first, and keeps that plan when the values have
  // the types that it gave to the parameters. In SELECT typeof($1), $1::VARCHAR the first place
  // has no type even so, and with a text this plan is an internal error, after which the
  // database refuses everything. What makes DuckDB plan anew for each run makes it safe: reading
  // Parquet, or now(). engine/gate.h sees to that.
  Result<> Bind(uint64_t position, const Value& value);
  Result<> ClearBindings();

  // Those of its result, as they are planned: nothing runs for it.
  struct Column {
    std::string name;
    ColumnType type;
  };
  std::vector<Column> Columns() const;

  // Positions begin at 1. The text must be UTF-8.
  Result<> BindText(uint64_t position, std::string_view text);

  // Binds it within a transaction of its own, to the catalogue of that moment. The stream before
  // must be gone.
  Result<BoundStatement> Start();
  // Both at once: runs until the first rows are there.
  Result<ResultStream> Execute();

 private:
  friend class Connection;
  Statement(void* connection, void* statement);

  void* connection_;
  void* statement_;
  uint64_t parameter_count_;
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

  // Makes rows a table function without parameters, until the database is closed. Its reader is
  // used by one thread, so that its rows keep their order.
  Result<> Register(const std::string& name, std::shared_ptr<const RowSource> source);

  // Makes what runs on this connection fail soon. Safe from any thread while the connection is.
  void Interrupt();

  // How far what runs on this connection is, in percent; none when that is not known. Safe from
  // any thread. Needs DuckDB's setting enable_progress_bar.
  std::optional<double> Progress() const;

 private:
  friend class Database;
  Connection(Database database, void* connection)
      : database_(std::move(database)), connection_(connection) {}
  Database database_;  // Outlives connection_.
  void* connection_;
};

}  // namespace tarn::duck
