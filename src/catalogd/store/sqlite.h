#pragma once

// Private to src/catalogd: owners of SQLite's handles.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tarn::catalogd {

class SqliteStatement;

class SqliteDatabase {
 public:
  static Result<SqliteDatabase> Open(const std::string& path);

  // Executes all statements of the text and ignores their rows.
  Result<> Execute(const std::string& sql);
  Result<SqliteStatement> Prepare(std::string_view sql);
  Error LastError(std::string_view what) const;

 private:
  struct Closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Closer> handle_;
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
  struct Finalizer {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> handle_;
  int bind_code_ = SQLITE_OK;  // The first failure of a Bind; Step reports it.
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
