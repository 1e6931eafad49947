#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "protocol/messages.h"

namespace tarn::engine {

// The properties of a statement that the gate accepted.
struct Verdict {
  // The SQL to run. It differs from the SQL of the client in two cases:
  //  - EXPLAIN: the gate checks the inner statement by itself and puts a new EXPLAIN before it.
  //  - A statement that has parameters and reads no dataset: the gate wraps it, so that DuckDB
  //    plans it with the values. Some plans made without values raise an internal error, after
  //    which the database refuses all statements. The wrapper numbers columns that have the same
  //    name.
  std::string sql;
  // The datasets that the statement names, spelled as in the SQL.
  std::vector<std::string> datasets;
  // Names of tables that are not datasets.
  std::vector<std::string> others;
  // The statement reads the list of datasets: SHOW TABLES, information_schema.
  bool reads_catalog = false;
  // The result depends on more than the parameters and the data: random(), now(), a sample,
  // EXPLAIN.
  bool is_volatile = false;
  // The statement reads objects outside of the catalogue. DuckDB finds them when it plans.
  bool reads_files = false;
};

// Returns an error if the parser failed for a reason other than the SQL, such as a lack of memory,
// and nullopt otherwise. `answer` is the error object of json_serialize_sql.
std::optional<Error> ParserFailure(const nlohmann::json& answer);

// Accepts a text if it is one statement that only reads the catalogue. The gate checks the tree of
// DuckDB's own parser (json_serialize_sql) and never matches text. A refusal names the kind of
// statement, "not allowed: COPY", and has no SQL in it.
//
// A gate belongs to one connection. Use it only while no query runs on the connection, and destroy
// it before the connection.
class Gate {
 public:
  // Returns true for the name of a dataset's view. Ignores case.
  using IsDataset = std::function<bool(std::string_view name)>;

  struct Rules {
    IsDataset is_dataset;
    // Allows readers such as read_parquet, and objects by name. Paths must be constant and have no
    // segment "." or "..", because the store would resolve them to another path. DuckDB's
    // allowed_directories limits the other paths to the bucket.
    bool allow_direct_reads = false;
    size_t nesting_max = protocol::DepthLimits().nesting;
    size_t subqueries_max = protocol::DepthLimits().subqueries;
  };

  Gate(duck::Connection& connection, Rules rules)
      : connection_(connection), rules_(std::move(rules)) {}

  Result<Verdict> Check(const std::string& sql);

 private:
  // The AST of SELECT statements, or the reason why there is none.
  struct Parsed {
    bool is_select = false;
    bool is_syntax_error = false;
    std::string ast;  // JSON; only with is_select.
  };
  Result<Parsed> Parse(const std::string& sql);
  Result<std::string> CheckSelect(const std::string& sql, const Parsed& parsed, Verdict& verdict);
  // Checks an AST, returns its statements, and adds the names that they read to the verdict.
  Result<> CheckTree(const std::string& ast, int depth, Verdict& verdict,
                     nlohmann::json& statements);
  Result<> CheckInner(const std::string& sql, int depth, Verdict& verdict);
  Error SyntaxError(const std::string& sql);
  Result<std::string> PlannedWithValues(const std::string& sql);

  duck::Connection& connection_;
  const Rules rules_;
  size_t subqueries_ = 0;  // The subqueries in expressions around the current node.
  // Prepared once, because planning it took most of the time of a check.
  std::optional<duck::Statement> serialize_;
};

// Returns the refusal of a statement: "not allowed: COPY".
Error NotAllowedError(std::string_view what);

}  // namespace tarn::engine
