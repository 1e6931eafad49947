// engine/gate: each text that passes is one statement that only reads, according to DuckDB.

#include <duckdb.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "duck/database.h"
#include "engine/gate/gate.h"
#include "fuzz.h"

FUZZ_IGNORE_LEAKS_OF_DUCKDB

namespace {

bool IsDataset(std::string_view name) { return tarn::EqualsIgnoreCase(name, "trips"); }

constexpr const char* kViews =
    "CREATE VIEW trips AS SELECT 1 AS id, 'a' AS name, DATE '2026-01-31' AS day";

// A second check of the statements that the gate accepts: the same DuckDB through its C interface,
// without our wrapper. It cannot read files, so a way past the gate causes an error in the binder:
// "file system operations are disabled".
class ReferenceDuckDb {
 public:
  ReferenceDuckDb() {
    Check(duckdb_open(nullptr, &database_));
    Check(duckdb_connect(database_, &connection_));
    for (const char* sql : {kViews, "SET threads = 1", "SET memory_limit = '500MB'",
                            // Otherwise the optimizer would compute constant expressions during
                            // planning.
                            "PRAGMA disable_optimizer", "SET enable_external_access = false",
                            "SET lock_configuration = true"}) {
      Check(duckdb_query(connection_, sql, nullptr));
    }
  }
  ~ReferenceDuckDb() {
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
  }
  ReferenceDuckDb(const ReferenceDuckDb&) = delete;
  ReferenceDuckDb& operator=(const ReferenceDuckDb&) = delete;

  // DuckDB's type of the statement, or the error if DuckDB cannot plan it.
  duckdb_statement_type TypeOf(const std::string& sql, size_t& count, std::string& error) {
    duckdb_extracted_statements statements = nullptr;
    count = duckdb_extract_statements(connection_, sql.c_str(), &statements);
    duckdb_statement_type type = DUCKDB_STATEMENT_TYPE_INVALID;
    if (count == 1) {
      duckdb_prepared_statement prepared = nullptr;
      if (duckdb_prepare_extracted_statement(connection_, statements, 0, &prepared) ==
          DuckDBSuccess) {
        type = duckdb_prepared_statement_type(prepared);
      } else if (const char* message = duckdb_prepare_error(prepared)) {
        error = message;
      }
      duckdb_destroy_prepare(&prepared);
    }
    duckdb_destroy_extracted(&statements);
    return type;
  }

 private:
  static void Check(duckdb_state state) {
    FUZZ_CHECK(state == DuckDBSuccess, "DuckDB cannot be set up");
  }
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

struct Gated {
  tarn::duck::Connection connection = *tarn::duck::Database::Open({{"threads", "1"}})->Connect();
  std::unique_ptr<tarn::engine::Gate> gate;

  Gated() {
    FUZZ_CHECK(connection.Execute(kViews).ok(), "DuckDB cannot be set up");
    gate = std::make_unique<tarn::engine::Gate>(connection,
                                                tarn::engine::Gate::Rules{.is_dataset = IsDataset});
  }
};

// Leaked, because DuckDB's static variables would be destroyed before these.
std::unique_ptr<ReferenceDuckDb>& TheReference() {
  static auto* reference =
      new std::unique_ptr<ReferenceDuckDb>(std::make_unique<ReferenceDuckDb>());
  return *reference;
}
std::unique_ptr<Gated>& TheGate() {
  static auto* gate = new std::unique_ptr<Gated>(std::make_unique<Gated>());
  return *gate;
}

void CheckVerdict(const tarn::engine::Verdict& verdict) {
  size_t count = 0;
  std::string error;
  const duckdb_statement_type type = TheReference()->TypeOf(verdict.sql, count, error);
  FUZZ_CHECK(count <= 1, verdict.sql);
  if (count == 0) return;  // Unknown options of EXPLAIN are an error in the parser.
  if (type == DUCKDB_STATEMENT_TYPE_INVALID) {
    FUZZ_CHECK(error.find("disabled by configuration") == std::string::npos,
               verdict.sql + "\n" + error);
    // A broken invariant in DuckDB is not our fault, but the database then refuses all statements.
    if (error.starts_with("INTERNAL") || error.starts_with("FATAL")) {
      TheReference() = std::make_unique<ReferenceDuckDb>();
    }
    return;
  }
  FUZZ_CHECK(type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_EXPLAIN,
             verdict.sql);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string sql(tarn::fuzz::Text(data, size));
  const auto verdict = TheGate()->gate->Check(sql);
  if (verdict.ok()) {
    CheckVerdict(*verdict);
  } else if (verdict.error().kind != tarn::ErrorKind::kInvalidArgument) {
    TheGate() = std::make_unique<Gated>();
  }
  return 0;
}
