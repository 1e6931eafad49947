#include "engine/gate/gate.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "engine/gate/fault_check.h"
#include "engine/gate/parameter_planning.h"
#include "engine/gate/sql_nesting.h"
#include "engine/gate/statement_words.h"
#include "engine/gate/syntax_tree.h"
#include "engine/gate/tree_check.h"

namespace tarn::engine {
namespace {

using Json = nlohmann::json;

Result<> CheckBytes(const std::string& sql) {
  if (!IsValidUtf8(sql)) return InvalidArgument("the statement is not UTF-8");
  if (sql.find('\0') != std::string::npos) {
    return InvalidArgument("the statement has a NUL character");
  }
  return {};
}

// Replaces Infinity and NaN by null outside of strings. DuckDB writes these words for DOUBLE
// constants, but they are not valid JSON.
std::string WithNullForNonFinite(std::string_view ast) {
  constexpr std::array<std::string_view, 6> kWords = {"-Infinity", "Infinity", "-NaN",
                                                      "NaN",       "-nan",     "nan"};
  std::string out;
  bool in_string = false;
  while (!ast.empty()) {
    const auto word = std::find_if(kWords.begin(), kWords.end(), [&](std::string_view candidate) {
      return !in_string && ast.starts_with(candidate);
    });
    if (word != kWords.end()) {
      out += "null";
      ast.remove_prefix(word->size());
      continue;
    }
    const size_t bytes = in_string && ast.front() == '\\' && ast.size() > 1 ? 2 : 1;
    if (ast.front() == '"') in_string = !in_string;
    out += ast.substr(0, bytes);
    ast.remove_prefix(bytes);
  }
  return out;
}

}  // namespace

Error NotAllowedError(std::string_view what) {
  return InvalidArgument("not allowed: " + std::string(what));
}

std::optional<Error> ParserFailure(const Json& answer) {
  const std::string type = TextOf(answer, "error_type");
  const std::string message = TextOf(answer, "error_message");
  // DuckDB reports a failed allocation with the error type of the code that allocated.
  if (ToLowerAscii(type) == "out of memory" || message.find("bad_alloc") != std::string::npos ||
      message.starts_with("Out of Memory")) {
    return Error{ErrorKind::kOutOfMemory, "Out of Memory Error: no memory to read the statement"};
  }
  if (type == "parser" || type == "not implemented") return std::nullopt;
  return Unavailable("cannot parse the statement: " + type + "; try again");
}

Result<Gate::Parsed> Gate::Parse(const std::string& sql) {
  if (!serialize_) {
    TARN_TRY(duck::Statement statement,
             connection_.Prepare("SELECT json_serialize_sql($1::VARCHAR)"));
    serialize_.emplace(std::move(statement));
  }
  TARN_CHECK_OK(serialize_->BindText(1, sql));
  TARN_TRY(duck::ResultStream rows, serialize_->Execute());
  TARN_TRY(std::optional<duck::Chunk> chunk, rows.Next());
  if (!chunk || chunk->row_count() != 1) return Internal("the parser returned no row");
  Parsed parsed;
  parsed.ast = chunk->columns()[0].Data<duck::StringRef>()[0].view();
  // The output is a short error if DuckDB cannot serialise the text.
  if (parsed.ast.starts_with(R"({"error":true)")) {
    const Json error = Json::parse(parsed.ast, nullptr, false);
    if (const auto failure = ParserFailure(error)) return *failure;
    // Mixing $name and ? is also an error of the parser, although its type is "not implemented".
    parsed.is_syntax_error =
        TextOf(error, "error_type") == "parser" ||
        TextOf(error, "error_message").starts_with("Mixing named and positional parameters");
    return parsed;
  }
  parsed.is_select = true;
  return parsed;
}

Result<std::string> Gate::CheckSelect(const std::string& sql, const Parsed& parsed,
                                      Verdict& verdict) {
  Json statements;
  TARN_CHECK_OK(CheckTree(parsed.ast, 0, verdict, statements));
  if (!IsPlannedWithoutValues(statements, rules_.is_dataset)) return sql;
  return PlannedWithValues(sql);
}

Result<> Gate::CheckTree(const std::string& text, int depth, Verdict& verdict, Json& statements) {
  Json ast = Json::parse(text, nullptr, false);
  if (ast.is_discarded()) ast = Json::parse(WithNullForNonFinite(text), nullptr, false);
  if (ast.is_discarded()) return Internal("the parser's output is not JSON");
  const auto found = ast.find("statements");
  if (found == ast.end() || !found->is_array()) {
    return Internal("the parser's output has no statements");
  }
  statements = std::move(*found);
  if (statements.size() != 1) {
    return InvalidArgument("exactly one statement is allowed, but this text has " +
                           std::to_string(statements.size()));
  }
  const auto check_inner = [&](const std::string& sql) {
    return CheckInner(sql, depth + 1, verdict);
  };
  TARN_CHECK_OK(engine::CheckTree(statements, rules_, check_inner, subqueries_, verdict));
  return CheckFaults(statements);
}

// Checks the SQL in query('…'), which DuckDB runs as a subquery.
Result<> Gate::CheckInner(const std::string& sql, int depth, Verdict& verdict) {
  // Each level doubles the quotes of the inner levels, so realistic queries stay far below.
  constexpr int kDepthMax = 8;
  if (depth > kDepthMax) {
    return NotAllowedError("query() nested more than " + std::to_string(kDepthMax) +
                           " levels deep");
  }
  TARN_CHECK_OK(CheckBytes(sql));
  TARN_CHECK_OK(CheckNesting(sql, rules_.nesting_max));
  TARN_TRY(const Parsed parsed, Parse(sql));
  if (parsed.is_syntax_error) return SyntaxError(sql);
  if (!parsed.is_select) return NotAllowedError("query() of " + StatementKind(sql));
  Json statements;
  TARN_CHECK_OK(CheckTree(parsed.ast, depth, verdict, statements));
  if (HasParameters(statements)) return NotAllowedError("parameters in the text of query()");
  return {};
}

// Gets DuckDB's error message. Preparing a text that does not parse has no other effect.
Error Gate::SyntaxError(const std::string& sql) {
  const Result<duck::Statement> failed = connection_.Prepare(sql);
  return failed.ok() ? NotAllowedError(StatementKind(sql)) : failed.error();
}

// Wraps a statement so that DuckDB plans it for each run, because now() differs between runs. The
// condition is always true.
Result<std::string> Gate::PlannedWithValues(const std::string& sql) {
  std::string inner = sql;
  inner.resize(inner.find_last_not_of("; \t\n\v\f\r") + 1);
  // The line break ends a possible comment.
  std::string wrapped = "SELECT * FROM (" + inner + "\n) WHERE now() IS NOT NULL";
  TARN_TRY(const Parsed parsed, Parse(wrapped));
  if (!parsed.is_select) {
    return InvalidArgument("nothing may follow a statement with parameters");
  }
  return wrapped;
}

Result<Verdict> Gate::Check(const std::string& sql) {
  TARN_CHECK_OK(CheckBytes(sql));
  TARN_CHECK_OK(CheckNesting(sql, rules_.nesting_max));
  subqueries_ = 0;
  TARN_TRY(const Parsed parsed, Parse(sql));
  Verdict verdict;
  if (parsed.is_select) {
    TARN_TRY(verdict.sql, CheckSelect(sql, parsed, verdict));
    return verdict;
  }
  if (parsed.is_syntax_error) return SyntaxError(sql);
  const std::optional<Explain> explain = ReadExplain(sql);
  if (!explain) return NotAllowedError(StatementKind(sql));
  const std::string inner(explain->inner);
  TARN_TRY(const Parsed parsed_inner, Parse(inner));
  if (!parsed_inner.is_select) return NotAllowedError("EXPLAIN of " + StatementKind(inner));
  TARN_TRY(const std::string checked, CheckSelect(inner, parsed_inner, verdict));
  verdict.sql = explain->prefix + checked;
  verdict.is_volatile = true;
  return verdict;
}

}  // namespace tarn::engine
