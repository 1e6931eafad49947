// engine/parameters: converts JSON to DuckDB values, for a statement with numbered parameters and
// for one with named parameters.

#include "engine/run/parameters.h"
#include "fuzz.h"

FUZZ_IGNORE_LEAKS_OF_DUCKDB

namespace {

tarn::duck::Connection& OneConnection() {
  // Leaked, because DuckDB's static variables would be destroyed before these.
  static auto* connection =
      new tarn::duck::Connection(*tarn::duck::Database::Open({{"threads", "1"}})->Connect());
  return *connection;
}

void Bind(tarn::duck::Statement& statement, const std::string& json) {
  const auto bound = tarn::engine::BindParameters(statement, json);
  if (bound.ok()) return;
  FUZZ_CHECK(bound.error().kind == tarn::ErrorKind::kInvalidArgument, bound.error().message);
  FUZZ_CHECK(bound.error().message.starts_with("params: "), bound.error().message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Reads a view, because DuckDB would otherwise plan without values: see duck::Statement::Bind.
  static auto* numbered = new tarn::duck::Statement(
      *OneConnection().Prepare("SELECT ?, ? FROM range(1) WHERE now() IS NOT NULL"));
  static auto* named = new tarn::duck::Statement(
      *OneConnection().Prepare("SELECT $a, $b FROM range(1) WHERE now() IS NOT NULL"));
  const std::string json(tarn::fuzz::Text(data, size));
  Bind(*numbered, json);
  Bind(*named, json);
  return 0;
}
