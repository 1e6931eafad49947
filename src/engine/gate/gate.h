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

// What the gate found in a text that may run.
struct Verdict {
  // The text to run: the text itself, but for
  //  - EXPLAIN, whose inner statement is judged by itself and put behind an EXPLAIN that is built
  //    anew;
  //  - a statement that has parameters and reads no dataset, which is put into another that
  //    DuckDB plans with their values: without, some can end the database. Columns that have the
  //    same name are numbered by it.
  std::string sql;
  // The datasets that it names, as it writes them.
  std::vector<std::string> datasets;
  // Names where a dataset could be, and is none.
  std::vector<std::string> others;
  // It asks what there is: SHOW TABLES, information_schema.
  bool reads_catalog = false;
  // Its result depends on more than its parameters and what it reads: random(), now(), a sample,
  // EXPLAIN.
  bool is_volatile = false;
  // It reads objects that are not the catalogue's. DuckDB settles which ones when it plans.
  bool reads_files = false;
};

// Decides whether a text may run: one statement, and it only reads what the catalogue shows.
// Judged by DuckDB's own parser (json_serialize_sql), never by matching the text. The refusal
// names a kind, "not allowed: COPY", and none of the SQL.
//
// One gate to a connection; used when nothing runs on it, and destroyed before it.
class Gate {
 public:
  // True for the name of a dataset's view, whatever its case.
  using IsDataset = std::function<bool(std::string_view name)>;

  struct Rules {
    IsDataset is_dataset;
    // Readers such as read_parquet, and objects by their name. Their paths must be constant and
    // have no segment "." or "..", because the store's URL would mean another path; DuckDB's
    // allowed_directories keep the rest within the bucket.
    bool allow_direct_reads = false;
    size_t nesting_max = protocol::DepthLimits().nesting;
    size_t subqueries_max = protocol::DepthLimits().subqueries;
  };

  Gate(duck::Connection& connection, Rules rules)
      : connection_(connection), rules_(std::move(rules)) {}

  Result<Verdict> Check(const std::string& sql);

 private:
  // The AST of a text that holds SELECTs only; its error tells why it is something else.
  struct Parsed {
    bool is_select = false;
    bool is_syntax_error = false;
    std::string ast;  // JSON; only with is_select.
  };
  Result<Parsed> Parse(const std::string& sql);
  Result<std::string> CheckSelect(const std::string& sql, const Parsed& parsed, Verdict& verdict);
  // Gives the statements of an AST that may run, and notes what they read.
  Result<> CheckTree(const std::string& ast, int depth, Verdict& verdict,
                     nlohmann::json& statements);
  Result<> CheckInner(const std::string& sql, int depth, Verdict& verdict);
  Error SyntaxError(const std::string& sql);
  Result<std::string> PlannedWithValues(const std::string& sql);

  duck::Connection& connection_;
  const Rules rules_;
  size_t subqueries_ = 0;  // The subqueries in expressions around the text that is checked.
  std::optional<duck::Statement> serialize_;  // Kept prepared: planning it took most of a check.
};

// The refusal of a statement: "not allowed: COPY".
Error NotAllowedError(std::string_view what);

}  // namespace tarn::engine
