#pragma once

// Private to src/catalogd: owners of SQLite's handles.

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tarn::catalogd {

class SqliteBlob;
class SqliteStatement;

// Idle prepared statements by their SQL, so that SQL is parsed only once for each connection. Used
// by one thread at a time.
class StatementCache {
 public:
  StatementCache() = default;
  StatementCache(const StatementCache&) = delete;
  StatementCache& operator=(const StatementCache&) = delete;
  ~StatementCache();

  // Returns null if no idle statement has this SQL.
  sqlite3_stmt* Take(std::string_view sql);
  // Takes ownership.
  void Return(sqlite3_stmt* statement);

 private:
  std::map<std::string, sqlite3_stmt*, std::less<>> idle_;
};

class SqliteDatabase {
 public:
  static Result<SqliteDatabase> Open(const std::string& path);

  // Executes all statements in `sql` and ignores their rows.
  Result<> Execute(const std::string& sql);
  // `sql` must be a constant of this program, because its statement is cached.
  Result<SqliteStatement> Prepare(std::string_view sql);
  // Opens the text in a column for reading. The row must exist.
  Result<SqliteBlob> OpenBlob(const char* table, const char* column, int64_t row);
  // The rowid of the last INSERT.
  int64_t LastRow() const { return sqlite3_last_insert_rowid(handle_.get()); }
  Error LastError(std::string_view what) const;

 private:
  struct Closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Closer> handle_;
  std::shared_ptr<StatementCache> statements_ = std::make_shared<StatementCache>();
};

// A prepared statement. Parameters are numbered from 1 and columns from 0, as in SQLite.
class SqliteStatement {
 public:
  SqliteStatement& Bind(int position, std::string_view text);
  SqliteStatement& Bind(int position, int64_t number);

  // Returns true for a row, false at the end.
  Result<bool> Step();

  bool IsNull(int column) const;
  std::string Text(int column) const { return std::string(View(column)); }
  // Valid until the next Step.
  std::string_view View(int column) const;
  int64_t Integer(int column) const;

 private:
  friend class SqliteDatabase;
  struct Returner {
    std::shared_ptr<StatementCache> cache;
    void operator()(sqlite3_stmt* handle) const { cache->Return(handle); }
  };
  std::unique_ptr<sqlite3_stmt, Returner> handle_;
  int bind_code_ = SQLITE_OK;  // The first failure of a Bind; Step reports it.
};

// A stored text, read in pieces, so that memory does not grow with its size. Valid in the
// transaction in which it was opened.
class SqliteBlob {
 public:
  size_t size() const { return static_cast<size_t>(sqlite3_blob_bytes(handle_.get())); }
  // Appends bytes [offset, offset + bytes), which must be within the text.
  Result<> Append(size_t offset, size_t bytes, std::string& out);

 private:
  friend class SqliteDatabase;
  struct Closer {
    void operator()(sqlite3_blob* handle) const { sqlite3_blob_close(handle); }
  };
  std::unique_ptr<sqlite3_blob, Closer> handle_;
};

// A transaction, rolled back by the destructor unless committed.
class Transaction {
 public:
  // `begin`: "BEGIN IMMEDIATE" to write, or "BEGIN" to read the state at the first statement.
  static Result<Transaction> Begin(SqliteDatabase& database, const char* begin = "BEGIN IMMEDIATE");
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<> Commit();

 private:
  explicit Transaction(SqliteDatabase* database) : database_(database) {}
  SqliteDatabase* database_;
};

}  // namespace tarn::catalogd
