#include "catalogd/sqlite.h"

#include <fmt/format.h>

namespace tarn::catalogd {

Result<SqliteDatabase> SqliteDatabase::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, nullptr);
  SqliteDatabase database;
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.LastError("open " + path);
  return database;
}

Result<> SqliteDatabase::Execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError("catalogue database");
  }
  return {};
}

Result<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &handle,
                         nullptr) != SQLITE_OK) {
    return LastError("catalogue database");
  }
  SqliteStatement statement;
  statement.handle_.reset(handle);
  return statement;
}

Error SqliteDatabase::LastError(std::string_view what) const {
  const int code = sqlite3_errcode(handle_.get());
  const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return {busy ? ErrorKind::kUnavailable : ErrorKind::kInternal,
          fmt::format("{}: {}", what, sqlite3_errmsg(handle_.get()))};
}

SqliteStatement& SqliteStatement::Bind(int position, std::string_view text) {
  const int code = sqlite3_bind_text64(handle_.get(), position, text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int position, int64_t number) {
  const int code = sqlite3_bind_int64(handle_.get(), position, number);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Result<bool> SqliteStatement::Step() {
  if (bind_code_ != SQLITE_OK) {
    return Internal(fmt::format("catalogue database: {}", sqlite3_errstr(bind_code_)));
  }
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Internal(
      fmt::format("catalogue database: {}", sqlite3_errmsg(sqlite3_db_handle(handle_.get()))));
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = sqlite3_column_text(handle_.get(), column);
  if (text == nullptr) return "";
  return {reinterpret_cast<const char*>(text),
          static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

}  // namespace tarn::catalogd
