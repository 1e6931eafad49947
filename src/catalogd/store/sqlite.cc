#include "catalogd/store/sqlite.h"

#include <fmt/format.h>

namespace tarn::catalogd {
namespace {

// A recommendation for the operator, appended to the error.
const char* Advice(int code) {
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; the file is damaged: stop catalogd and restore a backup (docs/http-api.md, GET "
             "/catalog/backup)";
    case SQLITE_FULL:
      return "; nothing was changed: free space on the disk of catalogd.data_dir";
    case SQLITE_IOERR:
      return "; I/O error on the disk of catalogd.data_dir: see the system log";
    default:
      return "";
  }
}

Error ToError(std::string_view what, int code, const char* message) {
  const bool busy = (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED;
  return {busy ? ErrorKind::kUnavailable : ErrorKind::kInternal,
          fmt::format("{}: {}{}", what, message, Advice(code))};
}

}  // namespace

StatementCache::~StatementCache() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
}

sqlite3_stmt* StatementCache::Take(std::string_view sql) {
  const auto found = idle_.find(sql);
  if (found == idle_.end()) return nullptr;
  sqlite3_stmt* const statement = found->second;
  idle_.erase(found);
  return statement;
}

void StatementCache::Return(sqlite3_stmt* statement) {
  // Step() has already reported a failure. The bindings may hold megabytes.
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (!idle_.emplace(sqlite3_sql(statement), statement).second) sqlite3_finalize(statement);
}

Result<SqliteDatabase> SqliteDatabase::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, nullptr);
  SqliteDatabase database;
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.LastError("cannot open " + path);
  return database;
}

Result<> SqliteDatabase::Execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError("catalogue database");
  }
  return {};
}

Result<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) {
  sqlite3_stmt* handle = statements_->Take(sql);
  if (handle == nullptr &&
      sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &handle, nullptr) != SQLITE_OK) {
    return LastError("catalogue database");
  }
  SqliteStatement statement;
  statement.handle_ = {handle, {statements_}};
  return statement;
}

Result<SqliteBlob> SqliteDatabase::OpenBlob(const char* table, const char* column, int64_t row) {
  sqlite3_blob* handle = nullptr;
  if (sqlite3_blob_open(handle_.get(), "main", table, column, row, /*flags=*/0, &handle) !=
      SQLITE_OK) {
    return LastError("catalogue database");
  }
  SqliteBlob blob;
  blob.handle_.reset(handle);
  return blob;
}

Error SqliteDatabase::LastError(std::string_view what) const {
  return ToError(what, sqlite3_extended_errcode(handle_.get()), sqlite3_errmsg(handle_.get()));
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
  return ToError("catalogue database", code, sqlite3_errmsg(sqlite3_db_handle(handle_.get())));
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::string_view SqliteStatement::View(int column) const {
  const auto* text = sqlite3_column_text(handle_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

Result<> SqliteBlob::Append(size_t offset, size_t bytes, std::string& out) {
  const size_t before = out.size();
  out.resize(before + bytes);
  const int code = sqlite3_blob_read(handle_.get(), out.data() + before, static_cast<int>(bytes),
                                     static_cast<int>(offset));
  if (code == SQLITE_OK) return {};
  out.resize(before);
  return ToError("catalogue database", code, sqlite3_errstr(code));
}

Result<Transaction> Transaction::Begin(SqliteDatabase& database, const char* begin) {
  TARN_CHECK_OK(database.Execute(begin));
  return Transaction(&database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // A failure adds nothing to the error that caused the rollback.
  [[maybe_unused]] const Result<> ignored = database_->Execute("ROLLBACK");
}

Result<> Transaction::Commit() {
  TARN_CHECK_OK(database_->Execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace tarn::catalogd
