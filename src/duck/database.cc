#include "duck/database.h"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/redact.h"
#include "base/text.h"
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

// The object has another ETag than when it was opened. A query can write a part of such a text
// itself, with error('…'), but not its beginning.
bool IsOfChangedObject(std::string_view text) {
  return text.starts_with("HTTP Error: ETag on reading file");
}

Error DuckError(const char* message, duckdb_error_type type = DUCKDB_ERROR_INVALID) {
  const std::string_view text = message == nullptr ? "DuckDB gave no reason" : message;
  if (IsOfChangedObject(text)) {
    // Not the text: it holds the ETags, and DuckDB 1.5 has let go of one of them by then.
    return ChangedObject();
  }
  return {KindOf(type), ProcessRedactor().Redact(std::string(Trim(WithoutAdvice(text))))};
}

// The message of an interrupted statement is all that the prepare and pending steps tell.
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

// DuckDB reads SQL up to the first NUL: what follows would be accepted unseen.
Result<> RefuseNul(const std::string& sql) {
  if (sql.find('\0') == std::string::npos) return {};
  return InvalidArgument("the statement holds a NUL character");
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

bool IsOfInvalidatedDatabase(const Error& error) {
  return error.message.find("database has been invalidated") != std::string::npos;
}

Error ChangedObject() {
  return {ErrorKind::kStale,
          "an object was overwritten while it was read, or before the catalogue was told; try "
          "again, and write other versions under other keys"};
}

struct Database::Handle {
  duckdb_database database = nullptr;
  ~Handle() { duckdb_close(&database); }
};

std::string Database::LibraryVersion() { return duckdb_library_version(); }

Result<Database> Database::Open(const Options& options) {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess) return Internal("no memory for DuckDB");
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
  std::unordered_set<std::string> keywords;
  for (;;) {
    TARN_TRY(std::optional<Chunk> chunk, rows.Next());
    if (!chunk) break;
    for (uint64_t row = 0; row < chunk->row_count(); ++row) {
      keywords.emplace(chunk->columns()[0].Data<StringRef>()[row].view());
    }
  }
  LearnKeywords(std::move(keywords));
  return {};
}

Result<Connection> Database::Connect() const {
  duckdb_connection connection = nullptr;
  if (duckdb_connect(handle_->database, &connection) != DuckDBSuccess) {
    return Internal("DuckDB opens no connection");
  }
  return Connection(*this, connection);
}

Connection::Connection(Connection&& other) noexcept
    : database_(std::move(other.database_)),
      connection_(std::exchange(other.connection_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(connection_, other.connection_);
  return *this;
}

Connection::~Connection() {
  duckdb_connection connection = ToConnection(connection_);
  duckdb_disconnect(&connection);
}

Result<> Connection::Execute(const std::string& sql) {
  TARN_CHECK_OK(RefuseNul(sql));
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
  TARN_CHECK_OK(RefuseNul(sql));
  const Extracted extracted(ToConnection(connection_), sql);
  if (extracted.error() != nullptr) return StepError(extracted.error());
  if (extracted.count() != 1) {
    return InvalidArgument(
        fmt::format("exactly one statement is allowed, this text has {}", extracted.count()));
  }
  duckdb_prepared_statement handle = nullptr;
  const duckdb_state state =
      duckdb_prepare_extracted_statement(ToConnection(connection_), extracted.get(), 0, &handle);
  Statement statement(connection_, handle);
  if (state == DuckDBSuccess) return statement;
  Error error = StepError(duckdb_prepare_error(handle));
  // What the connection notes of remote files while it plans (their size and ETag) is forgotten
  // with the end of a query, and a plan that failed has none: the next one would fail for what the
  // file was before, again and again.
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
  duckdb_free(const_cast<char*>(name));  // NOLINT: ours to free, whatever the header calls it.
  return out;
}

std::vector<Statement::Column> Statement::Columns() const {
  std::vector<Column> columns;
  const auto with_arrow_options = [this](const auto& use) {
    const duckdb_connection connection = ToConnection(connection_);
    // Fails where a transaction is open.
    const bool is_ours = duckdb_query(connection, "BEGIN TRANSACTION", nullptr) == DuckDBSuccess;
    duckdb_arrow_options options = nullptr;
    duckdb_connection_get_arrow_options(connection, &options);
    use(options);
    duckdb_destroy_arrow_options(&options);
    if (is_ours) duckdb_query(connection, "ROLLBACK", nullptr);
  };
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

Result<> Statement::Bind(uint64_t position, const Value& value) {
  // DuckDB would bind what has no name: SELECT $1, $3 has no position 2. And of a value that was
  // moved from it would read what is not there.
  if (!ParameterName(position) || value.value_ == nullptr ||
      duckdb_bind_value(ToStatement(statement_), position,
                        static_cast<duckdb_value>(value.value_)) != DuckDBSuccess) {
    return InvalidArgument(fmt::format("cannot bind parameter {}", position));
  }
  return {};
}

Result<> Statement::ClearBindings() {
  if (duckdb_clear_bindings(ToStatement(statement_)) == DuckDBSuccess) return {};
  return Internal("DuckDB keeps what is bound");
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
      // The interrupted query fails once it has given what it has ready, and with that it is gone.
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
  // No chunk means the end, and it means an error too.
  handle_->open = false;
  const char* message = duckdb_result_error(&handle_->result);
  if (message != nullptr && *message != '\0') {
    return DuckError(message, duckdb_result_error_type(&handle_->result));
  }
  return std::optional<Chunk>();
}

}  // namespace tarn::duck
