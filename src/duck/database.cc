#include "duck/database.h"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/redact.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "duck/advice.h"
#include "duck/keywords.h"
#include "duck/type_reader.h"

namespace tarn::duck {
namespace {

duckdb_connection ToConnection(void* p) { return static_cast<duckdb_connection>(p); }
duckdb_prepared_statement ToStatement(void* p) { return static_cast<duckdb_prepared_statement>(p); }

ErrorKind KindOf(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
      return ErrorKind::kCancelled;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return ErrorKind::kOutOfMemory;
    case DUCKDB_ERROR_FATAL:
    case DUCKDB_ERROR_INTERNAL:
      return ErrorKind::kInternal;
    default:
      return ErrorKind::kInvalidArgument;
  }
}

// True for the error of an object whose ETag has changed since it was opened. A query can raise an
// error with a similar text by error('…'), but not with this prefix.
bool IsChangedObjectMessage(std::string_view text) {
  return text.starts_with("HTTP Error: ETag on reading file");
}

Error DuckError(const char* message, duckdb_error_type type = DUCKDB_ERROR_INVALID) {
  const std::string_view text = message == nullptr ? "DuckDB gave no reason" : message;
  if (IsChangedObjectMessage(text)) {
    // Not the original text: it contains the ETags, and DuckDB 1.5 has already freed one of them.
    return ChangedObjectError();
  }
  return {KindOf(type), ProcessRedactor().Redact(std::string(Trim(WithoutAdvice(text))))};
}

// The prepare and pending steps report an interrupt only in the message.
Error StepError(const char* message) {
  const std::string_view text(message == nullptr ? "" : message);
  if (text.starts_with("INTERRUPT Error")) return DuckError(message, DUCKDB_ERROR_INTERRUPT);
  if (text.starts_with("Out of Memory Error")) {
    return DuckError(message, DUCKDB_ERROR_OUT_OF_MEMORY);
  }
  if (text.starts_with("FATAL Error")) return DuckError(message, DUCKDB_ERROR_FATAL);
  if (text.starts_with("INTERNAL Error")) return DuckError(message, DUCKDB_ERROR_INTERNAL);
  return DuckError(message);
}

// DuckDB parses SQL up to the first NUL and would ignore the rest.
Result<> CheckNoNul(const std::string& sql) {
  if (sql.find('\0') == std::string::npos) return {};
  return InvalidArgument("the statement has a NUL character");
}

// Ends a result that is open on the connection.
WithArrowOptions InOwnTransaction(duckdb_connection connection) {
  return [connection](const auto& use) {
    // Fails in an open transaction.
    const bool is_ours = duckdb_query(connection, "BEGIN TRANSACTION", nullptr) == DuckDBSuccess;
    duckdb_arrow_options options = nullptr;
    duckdb_connection_get_arrow_options(connection, &options);
    use(options);
    duckdb_destroy_arrow_options(&options);
    if (is_ours) duckdb_query(connection, "ROLLBACK", nullptr);
  };
}

class Extracted {
 public:
  Extracted(duckdb_connection connection, const std::string& sql)
      : count_(duckdb_extract_statements(connection, sql.c_str(), &statements_)) {}
  ~Extracted() { duckdb_destroy_extracted(&statements_); }
  Extracted(const Extracted&) = delete;
  Extracted& operator=(const Extracted&) = delete;

  size_t count() const { return count_; }
  const char* error() const { return duckdb_extract_statements_error(statements_); }
  duckdb_extracted_statements get() const { return statements_; }

 private:
  duckdb_extracted_statements statements_ = nullptr;
  size_t count_;
};

}  // namespace

bool IsDatabaseInvalidated(const Error& error) {
  return error.message.find("database has been invalidated") != std::string::npos;
}

Error ChangedObjectError() {
  return {ErrorKind::kStale,
          "an object was overwritten while it was read, or without an update of the catalogue; try "
          "again, and write new versions under new keys"};
}

struct Database::Handle {
  duckdb_database database = nullptr;
  ~Handle() { duckdb_close(&database); }
};

std::string Database::LibraryVersion() { return duckdb_library_version(); }

Result<Database> Database::Open(const Options& options) {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess)
    return Internal("cannot create a DuckDB configuration: out of memory");
  for (const auto& [name, value] : options) {
    if (duckdb_set_config(config, name.c_str(), value.c_str()) != DuckDBSuccess) {
      duckdb_destroy_config(&config);
      return Internal(fmt::format("DuckDB refuses the option {}", name));
    }
  }
  auto handle = std::make_shared<Handle>();
  char* message = nullptr;
  const duckdb_state state = duckdb_open_ext(":memory:", &handle->database, config, &message);
  duckdb_destroy_config(&config);
  if (state != DuckDBSuccess) {
    Error error = DuckError(message, DUCKDB_ERROR_INTERNAL);
    duckdb_free(message);
    return error;
  }
  Database database(std::move(handle));
  TARN_CHECK_OK(database.ReadKeywords());
  return database;
}

Result<> Database::ReadKeywords() const {
  TARN_TRY(Connection connection, Connect());
  TARN_TRY(Statement statement, connection.Prepare("SELECT keyword_name FROM duckdb_keywords()"));
  TARN_TRY(ResultStream rows, statement.Execute());
  TextSet keywords;
  for (;;) {
    TARN_TRY(std::optional<Chunk> chunk, rows.Next());
    if (!chunk) break;
    for (uint64_t row = 0; row < chunk->row_count(); ++row) {
      keywords.emplace(chunk->columns()[0].Data<StringRef>()[row].view());
    }
  }
  SetKeywords(std::move(keywords));
  return {};
}

Result<Connection> Database::Connect() const {
  duckdb_connection connection = nullptr;
  if (duckdb_connect(handle_->database, &connection) != DuckDBSuccess) {
    return Internal("cannot open a DuckDB connection");
  }
  return Connection(*this, connection);
}

Connection::Connection(Connection&& other) noexcept
    : streams_(std::move(other.streams_)),
      database_(std::move(other.database_)),
      connection_(std::exchange(other.connection_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(streams_, other.streams_);
  std::swap(database_, other.database_);
  std::swap(connection_, other.connection_);
  return *this;
}

Connection::~Connection() {
  duckdb_connection connection = ToConnection(connection_);
  duckdb_disconnect(&connection);
}

Result<> Connection::Execute(const std::string& sql) {
  TARN_CHECK_OK(CheckNoNul(sql));
  duckdb_result result = {};
  const duckdb_state state = duckdb_query(ToConnection(connection_), sql.c_str(), &result);
  Result<> outcome;
  if (state != DuckDBSuccess) {
    outcome = DuckError(duckdb_result_error(&result), duckdb_result_error_type(&result));
  }
  duckdb_destroy_result(&result);
  return outcome;
}

Result<Statement> Connection::Prepare(const std::string& sql) {
  TARN_CHECK_OK(CheckNoNul(sql));
  const Extracted extracted(ToConnection(connection_), sql);
  if (extracted.error() != nullptr) return StepError(extracted.error());
  if (extracted.count() != 1) {
    return InvalidArgument(
        fmt::format("exactly one statement is allowed, but this text has {}", extracted.count()));
  }
  duckdb_prepared_statement handle = nullptr;
  const duckdb_state state =
      duckdb_prepare_extracted_statement(ToConnection(connection_), extracted.get(), 0, &handle);
  Statement statement(connection_, handle);
  if (state == DuckDBSuccess) return statement;
  Error error = StepError(duckdb_prepare_error(handle));
  // While planning, the connection caches the size and ETag of remote files until the end of a
  // query. A failed plan has no end, so the next statement would fail because of the old state of
  // the file.
  [[maybe_unused]] const duckdb_state ended =
      duckdb_query(ToConnection(connection_), "SELECT NULL", nullptr);
  return error;
}

void Connection::Interrupt() { duckdb_interrupt(ToConnection(connection_)); }

Statement::Statement(void* connection, void* statement)
    : connection_(connection),
      statement_(statement),
      parameter_count_(duckdb_nparams(ToStatement(statement))) {}

std::optional<double> Connection::Progress() const {
  const double percent = duckdb_query_progress(ToConnection(connection_)).percentage;
  if (!(percent >= 0)) return std::nullopt;
  return std::min(percent, 100.0);
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      parameter_count_(other.parameter_count_) {}

Statement::~Statement() {
  duckdb_prepared_statement statement = ToStatement(statement_);
  duckdb_destroy_prepare(&statement);
}

std::optional<std::string> Statement::ParameterName(uint64_t position) const {
  const char* name = duckdb_parameter_name(ToStatement(statement_), position);
  if (name == nullptr) return std::nullopt;
  std::string out(name);
  // NOLINT: the header's const is wrong; the caller must free it.
  duckdb_free(const_cast<char*>(name));
  return out;
}

std::vector<Statement::Column> Statement::Columns() const {
  std::vector<Column> columns;
  const WithArrowOptions with_arrow_options = InOwnTransaction(ToConnection(connection_));
  const idx_t count = duckdb_prepared_statement_column_count(ToStatement(statement_));
  for (idx_t i = 0; i < count; ++i) {
    char* const name =
        const_cast<char*>(duckdb_prepared_statement_column_name(ToStatement(statement_), i));
    const LogicalType type(
        duckdb_prepared_statement_column_logical_type(ToStatement(statement_), i));
    columns.push_back({name == nullptr ? "" : name, ReadType(type.get(), with_arrow_options)});
    duckdb_free(name);
  }
  return columns;
}

std::vector<Statement::Column> Statement::Parameters() const {
  const WithArrowOptions with_arrow_options = InOwnTransaction(ToConnection(connection_));
  std::vector<Column> parameters;
  // Unused positions are not counted.
  for (uint64_t position = 1; parameters.size() < parameter_count_; ++position) {
    const std::optional<std::string> name = ParameterName(position);
    if (!name) continue;
    const LogicalType type(duckdb_param_logical_type(ToStatement(statement_), position));
    parameters.push_back(
        {*name, type.get() == nullptr ? ColumnType() : ReadType(type.get(), with_arrow_options)});
  }
  return parameters;
}

Result<> Statement::Bind(uint64_t position, const Value& value) {
  // DuckDB would bind unused positions (position 2 of SELECT $1, $3), and read a dangling pointer
  // for a moved-from value.
  if (!ParameterName(position) || value.value_ == nullptr ||
      duckdb_bind_value(ToStatement(statement_), position,
                        static_cast<duckdb_value>(value.value_)) != DuckDBSuccess) {
    return InvalidArgument(fmt::format("cannot bind parameter {}", position));
  }
  return {};
}

Result<> Statement::ClearBindings() {
  if (duckdb_clear_bindings(ToStatement(statement_)) == DuckDBSuccess) return {};
  return Internal("cannot clear the bindings of a statement");
}

Result<> Statement::BindText(uint64_t position, std::string_view text) {
  TARN_TRY(const Value value, Value::Varchar(text));
  return Bind(position, value);
}

struct ResultStream::Handle {
  duckdb_connection connection;
  duckdb_result result = {};
  bool open = false;

  ~Handle() {
    if (open) {
      // The interrupted query fails once its buffered rows are consumed, which releases it.
      duckdb_interrupt(connection);
      while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
        duckdb_destroy_data_chunk(&chunk);
      }
    }
    duckdb_destroy_result(&result);
  }
};

Result<BoundStatement> Statement::Start() {
  duckdb_pending_result pending = nullptr;
  if (duckdb_pending_prepared_streaming(ToStatement(statement_), &pending) != DuckDBSuccess) {
    Error error = StepError(pending == nullptr ? nullptr : duckdb_pending_error(pending));
    duckdb_destroy_pending(&pending);
    return error;
  }
  return BoundStatement(connection_, pending);
}

Result<ResultStream> Statement::Execute() {
  TARN_TRY(BoundStatement bound, Start());
  return bound.Execute();
}

BoundStatement::BoundStatement(BoundStatement&& other) noexcept
    : connection_(other.connection_), pending_(std::exchange(other.pending_, nullptr)) {}

BoundStatement::~BoundStatement() { Destroy(); }

void BoundStatement::Destroy() {
  auto* pending = static_cast<duckdb_pending_result>(std::exchange(pending_, nullptr));
  duckdb_destroy_pending(&pending);
}

Result<ResultStream> BoundStatement::Execute() {
  auto* pending = static_cast<duckdb_pending_result>(pending_);
  auto handle = std::make_unique<ResultStream::Handle>();
  handle->connection = ToConnection(connection_);
  const duckdb_state state = duckdb_execute_pending(pending, &handle->result);
  if (state != DuckDBSuccess) {
    const char* message = duckdb_result_error(&handle->result);
    Error error = message == nullptr
                      ? StepError(duckdb_pending_error(pending))
                      : DuckError(message, duckdb_result_error_type(&handle->result));
    Destroy();
    return error;
  }
  Destroy();
  handle->open = true;
  return ResultStream(std::move(handle));
}

ResultStream::ResultStream(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {
  duckdb_result* result = &handle_->result;
  const auto with_arrow_options = [result](const auto& use) {
    duckdb_arrow_options options = duckdb_result_get_arrow_options(result);
    use(options);
    duckdb_destroy_arrow_options(&options);
  };
  const idx_t count = duckdb_column_count(result);
  for (idx_t i = 0; i < count; ++i) {
    names_.emplace_back(duckdb_column_name(result, i));
    const LogicalType type(duckdb_column_logical_type(result, i));
    types_.push_back(ReadType(type.get(), with_arrow_options));
  }
}

ResultStream::ResultStream(ResultStream&&) noexcept = default;
ResultStream::~ResultStream() = default;

Result<std::optional<Chunk>> ResultStream::Next() {
  duckdb_data_chunk chunk = duckdb_fetch_chunk(handle_->result);
  if (chunk != nullptr) return std::optional<Chunk>(Chunk(chunk, types_));
  // No chunk means the end or an error.
  handle_->open = false;
  const char* message = duckdb_result_error(&handle_->result);
  if (message != nullptr && *message != '\0') {
    return DuckError(message, duckdb_result_error_type(&handle_->result));
  }
  return std::optional<Chunk>();
}

}  // namespace tarn::duck
