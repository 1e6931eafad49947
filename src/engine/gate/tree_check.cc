#include "engine/gate/tree_check.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/gate/fault_check.h"
#include "engine/gate/sql_functions.h"
#include "engine/gate/statement_words.h"
#include "engine/gate/syntax_tree.h"

namespace tarn::engine {
namespace {

using Json = nlohmann::json;

bool Contains(const auto& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Walks a syntax tree, refuses the first node that reads outside of the catalogue, and collects the
// datasets.
class TreeCheck {
 public:
  TreeCheck(const Gate::Rules& rules, InnerSqlCheck check_inner, size_t& subqueries,
            Verdict& verdict)
      : rules_(rules),
        check_inner_(std::move(check_inner)),
        subqueries_(subqueries),
        verdict_(verdict) {}

  Result<> Visit(const Json& node) {
    if (!node.is_object()) return VisitChildren(node);
    const std::string type = TextOf(node, "type");
    if (type == "TABLE_FUNCTION") return VisitTableFunction(node);
    if (type == "SHOW_REF") return VisitShow(node);
    if (type == "BASE_TABLE") TARN_CHECK_OK(CheckTable(node));
    const std::string kind = TextOf(node, "class");
    if (kind == "FUNCTION" || kind == "WINDOW") TARN_CHECK_OK(CheckFunction(node));
    NoteVolatile(node, kind);
    if (kind == "SUBQUERY") return VisitSubquery(node);
    if (node.contains("cte_map")) return VisitQueryNode(node);
    return VisitChildren(node);
  }

 private:
  // DuckDB 1.5 binds a subquery in an expression twice, so the time doubles with each level.
  Result<> VisitSubquery(const Json& node) {
    if (subqueries_ == rules_.subqueries_max) {
      return NotAllowedError("subqueries in expressions nested more than " +
                             std::to_string(rules_.subqueries_max) +
                             " levels deep (queryd.subquery_depth_max)");
    }
    ++subqueries_;
    TARN_CHECK_OK(VisitChildren(node));
    --subqueries_;
    return {};
  }

  Result<> VisitChildren(const Json& node, std::initializer_list<std::string_view> except = {}) {
    if (!node.is_structured()) return {};
    for (const auto& [key, child] : node.items()) {
      if (node.is_object() && Contains(except, key)) continue;
      TARN_CHECK_OK(Visit(child));
    }
    return {};
  }

  // The name of a CTE is visible in the later CTEs, in the query of the WITH, and in the second
  // part of its own query if that is recursive. Elsewhere in its own query the name keeps its outer
  // meaning.
  Result<> VisitQueryNode(const Json& node) {
    const size_t outer = scope_.size();
    const auto ctes = node.at("cte_map").find("map");
    if (ctes != node.at("cte_map").end()) {
      for (const Json& entry : *ctes) {
        TARN_CHECK_OK(VisitChildren(entry));
        scope_.push_back(ToLowerAscii(TextOf(entry, "key")));
      }
    }
    TARN_CHECK_OK(VisitChildren(node, {"cte_map", "right"}));
    const auto right = node.find("right");
    if (right != node.end()) {
      if (TextOf(node, "type") == "RECURSIVE_CTE_NODE") {
        scope_.push_back(ToLowerAscii(TextOf(node, "cte_name")));
      }
      TARN_CHECK_OK(Visit(*right));
    }
    scope_.resize(outer);
    return {};
  }

  void NoteVolatile(const Json& node, std::string_view kind) {
    const auto sample = node.find("sample");
    if (sample != node.end() && !sample->is_null()) verdict_.is_volatile = true;
    if (kind == "FUNCTION" && IsVolatileFunction(ToLowerAscii(TextOf(node, "function_name")))) {
      verdict_.is_volatile = true;
    }
    if (kind != "COLUMN_REF") return;
    const auto names = node.find("column_names");
    const bool is_bare = names != node.end() && names->size() == 1 && names->front().is_string();
    if (is_bare && IsVolatileColumn(ToLowerAscii(names->front().get<std::string>()))) {
      verdict_.is_volatile = true;
    }
  }

  bool IsCte(const std::string& lower) const { return Contains(scope_, lower); }

  Result<> CheckTable(const Json& node) {
    const std::string name = TextOf(node, "table_name");
    const std::string lower = ToLowerAscii(name);
    const std::string schema = ToLowerAscii(TextOf(node, "schema_name"));
    const std::string catalog = ToLowerAscii(TextOf(node, "catalog_name"));
    // DuckDB reads an unknown name as a file or an object (a replacement scan). Its path is the
    // whole name, with the schema and the catalog: "s3://lake/x".csv. So the schema and the catalog
    // must be on these lists.
    constexpr std::array<std::string_view, 3> kCatalogs = {"", "memory", "system"};
    constexpr std::array<std::string_view, 4> kSchemas = {"", "main", "information_schema",
                                                          "pg_catalog"};
    if (!Contains(kCatalogs, catalog) || !Contains(kSchemas, schema))
      return OutsideOfCatalogueError();
    const bool is_bare = schema.empty() && catalog.empty();
    if (is_bare && IsCte(lower)) return {};
    const bool in_main = (schema.empty() || schema == "main") && catalog != "system";
    if (in_main && NoteDataset(name)) return {};
    if (LooksLikePath(name)) {
      if (!is_bare || !MayReadFile(lower)) return OutsideOfCatalogueError();
      TARN_CHECK_OK(CheckPath(name));
      verdict_.others.push_back(name);
      verdict_.reads_files = true;
      return {};
    }
    if (schema == "information_schema") {
      verdict_.reads_catalog = true;
      if (IsInformationSchemaView(lower)) return {};
      return OutsideOfCatalogueError();
    }
    // System views, and table functions without parentheses.
    if (RuleOfTableFunction(lower) != FunctionRule::kUnknown || schema == "pg_catalog" ||
        catalog == "system" || lower.starts_with("duckdb_") || lower.starts_with("pragma_") ||
        lower.starts_with("pg_") || lower.starts_with("sqlite_")) {
      return CheckTableFunction(lower);
    }
    // An unknown name. With a schema, DuckDB would take the complete name for a path, because it
    // has a dot.
    if (!is_bare) return InvalidArgument("there is no such table in this schema");
    verdict_.others.push_back(name);
    return {};
  }

  // Functions that show secrets and logs are refused even if a dataset has their name. If the
  // dataset is dropped between this check and the statement, the name refers to the function.
  bool NoteDataset(const std::string& name) {
    if (!rules_.is_dataset(name)) return false;
    verdict_.datasets.push_back(name);
    const std::string lower = ToLowerAscii(name);
    return !lower.starts_with("duckdb_") || RuleOfTableFunction(lower) == FunctionRule::kUnknown;
  }

  // DESCRIBE, SUMMARIZE and SHOW.
  Result<> VisitShow(const Json& node) {
    TARN_CHECK_OK(CheckShow(node));
    // Assumes that no CTE is visible here.
    std::vector<std::string> scope;
    std::swap(scope, scope_);
    TARN_CHECK_OK(VisitChildren(node));
    std::swap(scope, scope_);
    return {};
  }

  Result<> CheckShow(const Json& node) {
    std::string name = TextOf(node, "table_name");
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
      name = ReplaceAll(name.substr(1, name.size() - 2), "\"\"", "\"");
    }
    constexpr std::array<std::string_view, 5> kShown = {"", "tables", "databases", "schemas",
                                                        "__show_tables_expanded"};
    if (Contains(kShown, name)) {
      verdict_.reads_catalog = true;
      return {};
    }
    if (rules_.is_dataset(name)) {
      verdict_.datasets.push_back(name);
      return {};
    }
    if (!LooksLikePath(name)) return CheckTableFunction(name);
    if (!MayReadFile(ToLowerAscii(name))) return OutsideOfCatalogueError();
    TARN_CHECK_OK(CheckPath(name));
    verdict_.others.push_back(name);
    verdict_.reads_files = true;
    return {};
  }

  static Error OutsideOfCatalogueError() {
    return NotAllowedError("reading files or objects by name");
  }

  // DuckDB recognises files by their ending, so a name without these characters is not a file.
  static bool LooksLikePath(std::string_view name) {
    return name.find_first_of("./:*?[\\") != std::string_view::npos;
  }

  // Checks the ending of the name, because DuckDB would attach a database file. DuckDB checks the
  // folder (allowed_directories).
  bool MayReadFile(std::string_view lower) const {
    if (!rules_.allow_direct_reads) return false;
    for (const std::string_view packed : {".gz", ".zst"}) {
      if (lower.ends_with(packed)) lower.remove_suffix(packed.size());
    }
    constexpr std::array<std::string_view, 6> kEndings = {".parquet", ".csv",   ".tsv",
                                                          ".json",    ".jsonl", ".ndjson"};
    return std::any_of(kEndings.begin(), kEndings.end(),
                       [&](auto ending) { return lower.ends_with(ending); });
  }

  Result<> VisitTableFunction(const Json& node) {
    const auto function = node.find("function");
    if (function == node.end() || !function->is_object())
      return NotAllowedError("this table function");
    const std::string name = ToLowerAscii(TextOf(*function, "function_name"));
    const auto found = function->find("children");
    const Json arguments = found == function->end() ? Json::array() : *found;
    switch (RuleOfTableFunction(name)) {
      case FunctionRule::kInnerSql:
        TARN_CHECK_OK(CheckQuery(arguments));
        break;
      case FunctionRule::kTableByName:
        TARN_CHECK_OK(CheckQueryTable(arguments));
        break;
      case FunctionRule::kDirectRead:
        TARN_CHECK_OK(CheckTableFunction(name));
        TARN_CHECK_OK(CheckReader(arguments));
        TARN_CHECK_OK(CheckPaths(arguments));
        break;
      default:
        TARN_CHECK_OK(CheckTableFunction(name));
    }
    TARN_CHECK_OK(VisitChildren(*function));
    return VisitChildren(node, {"function"});
  }

  Result<> CheckTableFunction(std::string_view name) {
    const std::string lower = ToLowerAscii(name);
    const FunctionRule rule = RuleOfTableFunction(lower);
    if (rule == FunctionRule::kDirectRead && rules_.allow_direct_reads) {
      verdict_.reads_files = true;
      return {};
    }
    if (rule == FunctionRule::kAllowed) {
      constexpr std::array<std::string_view, 4> kCatalogPrefixes = {"duckdb_", "pragma_", "pg_",
                                                                    "sqlite_"};
      if (std::any_of(kCatalogPrefixes.begin(), kCatalogPrefixes.end(),
                      [&](auto prefix) { return lower.starts_with(prefix); })) {
        verdict_.reads_catalog = true;
      }
      return {};
    }
    // Shows the name only if it is on a list, so that errors contain no text from the client.
    return NotAllowedError(rule == FunctionRule::kUnknown ? "this table function"
                                                          : "table function " + lower);
  }

  static std::optional<std::string> ConstantText(const Json& node) {
    if (TextOf(node, "class") != "CONSTANT") return std::nullopt;
    const auto value = node.find("value");
    if (value == node.end() || !value->is_object()) return std::nullopt;
    const auto type = value->find("type");
    if (type == value->end() || TextOf(*type, "id") != "VARCHAR") return std::nullopt;
    const auto text = value->find("value");
    if (text == value->end() || !text->is_string()) return std::nullopt;
    return text->get<std::string>();
  }

  // Returns the items of a list, or the argument itself as the only item.
  static Json ItemsOf(const Json& argument) {
    const bool is_list =
        TextOf(argument, "function_name") == "list_value" && argument.contains("children");
    return is_list ? argument.at("children") : Json::array({argument});
  }

  // A reader's first argument is the path that it reads, or a list of paths.
  static Result<> CheckPaths(const Json& arguments) {
    const Error refusal =
        NotAllowedError("a path that is not constant: write it as a literal or a list of literals");
    if (arguments.empty()) return {};  // DuckDB reports the missing argument.
    // A named argument may come first, but it is not the path: sep := ','.
    if (!TextOf(arguments.front(), "alias").empty()) return refusal;
    for (const Json& item : ItemsOf(arguments.front())) {
      const std::optional<std::string> path = ConstantText(item);
      if (!path) return refusal;
      TARN_CHECK_OK(CheckPath(*path));
    }
    return {};
  }

  // HTTP clients and stores resolve dot segments in a URL, also with percent-encoded dots. The path
  // could then leave the bucket after DuckDB's check.
  static Result<> CheckPath(std::string_view path) {
    const std::string plain =
        ReplaceAll(ReplaceAll(ReplaceAll(std::string(path), "%2e", "."), "%2E", "."), "\\", "/");
    if (!HasDotSegment(plain)) return {};
    return NotAllowedError("a path with a segment \".\" or \"..\"");
  }

  Result<> CheckQuery(const Json& arguments) {
    const std::optional<std::string> sql =
        arguments.size() == 1 ? ConstantText(arguments.front()) : std::nullopt;
    if (!sql) return NotAllowedError("query() with an argument that is not a string literal");
    return check_inner_(*sql);
  }

  // query_table('name') or query_table(['name', …]), with an optional flag.
  Result<> CheckQueryTable(const Json& arguments) {
    const Error refusal =
        NotAllowedError("query_table() with an argument that is not the literal name of a dataset");
    if (arguments.empty() || arguments.size() > 2) return refusal;
    for (const Json& argument : ItemsOf(arguments.front())) {
      const std::optional<std::string> name = ConstantText(argument);
      // DuckDB splits the text at dots and quotes.
      if (!name || LooksLikePath(*name) || name->find('"') != std::string::npos ||
          !NoteDataset(*name)) {
        return refusal;
      }
    }
    return {};
  }

  // read_csv() can store rejected lines in tables that it creates.
  static Result<> CheckReader(const Json& arguments) {
    for (const Json& argument : arguments) {
      std::string name = TextOf(argument, "alias");  // name := value, name => value
      const auto left = argument.find("left");       // name = value
      if (left != argument.end() && left->is_object() && left->contains("column_names")) {
        const Json& parts = left->at("column_names");
        if (!parts.empty() && parts.back().is_string()) name = parts.back().get<std::string>();
      }
      name = ToLowerAscii(name);
      if (name == "store_rejects" || name.starts_with("rejects_")) {
        return NotAllowedError("tables of rejected lines");
      }
    }
    return {};
  }

  // list_aggregate(list, 'name', …) runs the named aggregate, so the gate checks this name too.
  static Result<> CheckAggregateName(std::string_view function, const Json& arguments) {
    constexpr std::array<std::string_view, 5> kByName = {
        "aggregate", "array_aggr", "array_aggregate", "list_aggr", "list_aggregate"};
    if (!Contains(kByName, function) || arguments.size() < 2) return {};
    const std::optional<std::string> named = ConstantText(arguments.at(1));
    if (!named) return NotAllowedError(std::string(function) + " with a name that is not constant");
    const std::string lower = ToLowerAscii(*named);
    if (RuleOfFunction(lower) != FunctionRule::kAllowed) {
      return NotAllowedError(std::string(function) + " with this aggregate function");
    }
    return CheckAggregateFaults(lower);
  }

  // Scalar functions, aggregates, macros and operators.
  static Result<> CheckFunction(const Json& node) {
    const std::string name = ToLowerAscii(TextOf(node, "function_name"));
    // Ranking functions have a type, such as WINDOW_RANK, and no name.
    if (TextOf(node, "class") == "WINDOW" && name.empty()) return {};
    const auto exported = node.find("export_state");
    if (exported != node.end() && *exported == true) return NotAllowedError("EXPORT_STATE");
    switch (RuleOfFunction(name)) {
      case FunctionRule::kAllowed:
        return CheckAggregateName(name, ListOf(node, "children"));
      case FunctionRule::kUnknown:
        break;
      default:
        return NotAllowedError("function " + name);
    }
    if (RuleOfTableFunction(name) != FunctionRule::kUnknown) {
      return NotAllowedError("table function " + name + " where a value is expected");
    }
    // Probably a typing error. The suggestion comes from the list of allowed functions.
    constexpr size_t kNameBytesMax = 64;
    const std::optional<std::string> nearest =
        name.size() <= kNameBytesMax && !name.empty() && IsWordCharacter(name.front())
            ? NearestName(name, AllowedFunctions())
            : std::nullopt;
    return NotAllowedError(nearest ? "this function (did you mean " + *nearest + "?)"
                                   : "this function");
  }

  const Gate::Rules& rules_;
  const InnerSqlCheck check_inner_;
  size_t& subqueries_;
  Verdict& verdict_;
  std::vector<std::string> scope_;  // Names of the visible CTEs, in lower case.
};

}  // namespace

Result<> CheckTree(const Json& statements, const Gate::Rules& rules, InnerSqlCheck check_inner,
                   size_t& subqueries, Verdict& verdict) {
  return TreeCheck(rules, std::move(check_inner), subqueries, verdict).Visit(statements);
}

}  // namespace tarn::engine
