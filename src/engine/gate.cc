#include "engine/gate.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/text.h"
#include "engine/fault_check.h"
#include "engine/sql_functions.h"
#include "engine/sql_nesting.h"
#include "engine/syntax_tree.h"

namespace tarn::engine {
namespace {

using Json = nlohmann::json;

Error NotAllowed(std::string_view what) {
  return InvalidArgument("not allowed: " + std::string(what));
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Reads SQL from its front, word by word, past white space and comments.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) { SkipBlank(); }

  // The next word in lower case; empty when something else comes next.
  std::string Peek() const { return ToLowerAscii(rest_.substr(0, WordLength())); }
  bool Take(std::string_view word) {
    if (Peek() != word) return false;
    rest_.remove_prefix(word.size());
    SkipBlank();
    return true;
  }
  bool TakeCharacter(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    SkipBlank();
    return true;
  }
  std::string TakeWord() {
    std::string word = Peek();
    rest_.remove_prefix(word.size());
    SkipBlank();
    return word;
  }
  std::string_view rest() const { return rest_; }

 private:
  size_t WordLength() const {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsWordCharacter);
    return static_cast<size_t>(end - rest_.begin());
  }
  void SkipBlank() {
    for (;;) {
      const size_t start = rest_.find_first_not_of(" \t\n\v\f\r");
      rest_.remove_prefix(std::min(start, rest_.size()));
      if (rest_.starts_with("--")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        SkipComment();
      } else {
        return;
      }
    }
  }

  // One comment can hold others.
  void SkipComment() {
    int depth = 0;
    do {
      const bool opens = rest_.starts_with("/*");
      const bool closes = rest_.starts_with("*/");
      depth += opens ? 1 : closes ? -1 : 0;
      rest_.remove_prefix(opens || closes ? 2 : 1);
    } while (depth > 0 && !rest_.empty());
  }

  std::string_view rest_;
};

// What a refused text begins with, to name it. Only words of this list are ever shown.
std::string KindOf(std::string_view sql) {
  constexpr std::array<std::string_view, 41> kVerbs = {
      "alter",    "analyze", "attach", "begin",      "call",    "checkpoint", "comment",
      "commit",   "copy",    "create", "deallocate", "delete",  "detach",     "drop",
      "execute",  "explain", "export", "force",      "import",  "insert",     "install",
      "load",     "merge",   "pivot",  "pragma",     "prepare", "refresh",    "reset",
      "rollback", "set",     "start",  "truncate",   "unpivot", "update",     "use",
      "vacuum",   "abort",   "end",    "upsert",     "from",    "with"};
  const std::string word = Words(sql).Peek();
  if (std::find(kVerbs.begin(), kVerbs.end(), word) == kVerbs.end()) return "this statement";
  std::string kind = word;
  std::transform(kind.begin(), kind.end(), kind.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  // DuckDB first runs such a PIVOT's inner query to find its columns, as a second statement.
  if (kind == "PIVOT") return "PIVOT without its values (write ON column IN (…))";
  return kind;
}

struct Explain {
  std::string prefix;  // "EXPLAIN ANALYZE ", rebuilt of known words.
  std::string_view inner;
};

// EXPLAIN [ANALYZE] [(word [word], …)] and what follows; none when it has another form.
std::optional<Explain> ReadExplain(std::string_view sql) {
  Words words(sql);
  if (!words.Take("explain")) return std::nullopt;
  Explain explain{"EXPLAIN ", {}};
  if (words.Take("analyze") || words.Take("analyse")) explain.prefix += "ANALYZE ";
  if (words.rest().starts_with('(')) {
    const Words before = words;
    words.TakeCharacter('(');
    std::string options;
    for (;;) {
      const std::string word = words.TakeWord();
      if (word.empty()) break;
      options += options.empty() ? "(" + word : " " + word;
      if (words.TakeCharacter(',')) options += ',';
    }
    constexpr std::array<std::string_view, 2> kOptions = {"(analyze", "(format"};
    const bool known = std::any_of(kOptions.begin(), kOptions.end(),
                                   [&](auto option) { return options.starts_with(option); });
    if (known && words.TakeCharacter(')')) {
      explain.prefix += options + ") ";
    } else {
      words = before;  // EXPLAIN (SELECT 1)
    }
  }
  explain.inner = words.rest();
  return explain;
}

bool Contains(const auto& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Walks an AST, refuses the first node that reads what is not the catalogue's, and notes what of
// the catalogue is read.
class AstCheck {
 public:
  // Judges the text of a query('…').
  using CheckInner = std::function<Result<>(const std::string& sql)>;

  // `subqueries` counts the subqueries in expressions that are open.
  AstCheck(const Gate::Rules& rules, CheckInner check_inner, size_t& subqueries, Verdict& verdict)
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
  // DuckDB 1.5 binds a subquery of an expression twice, so that the time doubles with each level.
  Result<> VisitSubquery(const Json& node) {
    if (subqueries_ == rules_.subqueries_max) {
      return NotAllowed("subqueries in expressions nested more than " +
                        std::to_string(rules_.subqueries_max) +
                        " levels deep (queryd.subquery_depth_max)");
    }
    ++subqueries_;
    TARN_CHECK_OK(VisitChildren(node));
    --subqueries_;
    return {};
  }

  Result<> VisitChildren(const Json& node, std::initializer_list<std::string_view> but = {}) {
    if (!node.is_structured()) return {};
    for (const auto& [key, child] : node.items()) {
      if (node.is_object() && Contains(but, key)) continue;
      TARN_CHECK_OK(Visit(child));
    }
    return {};
  }

  // The name of a CTE stands for it in the CTEs after it, in what the WITH belongs to, and in the
  // second part of its own query where that is recursive. In its own query else it stands for what
  // it is outside.
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
    // A name that DuckDB does not find is read as a file or an object (a replacement scan), and all
    // of its parts together are the path: "s3://lake/x".csv. So only parts that are known pass.
    constexpr std::array<std::string_view, 3> kCatalogs = {"", "memory", "system"};
    constexpr std::array<std::string_view, 4> kSchemas = {"", "main", "information_schema",
                                                          "pg_catalog"};
    if (!Contains(kCatalogs, catalog) || !Contains(kSchemas, schema)) return OutsideOfCatalogue();
    const bool is_bare = schema.empty() && catalog.empty();
    if (is_bare && IsCte(lower)) return {};
    const bool in_main = (schema.empty() || schema == "main") && catalog != "system";
    if (in_main && NoteDataset(name)) return {};
    if (LooksLikePath(name)) {
      if (!is_bare || !MayReadFile(lower)) return OutsideOfCatalogue();
      TARN_CHECK_OK(CheckPath(name));
      verdict_.others.push_back(name);
      verdict_.reads_files = true;
      return {};
    }
    if (schema == "information_schema") {
      verdict_.reads_catalog = true;
      return IsInformationSchemaView(lower) ? Result<>() : OutsideOfCatalogue();
    }
    // Table functions without arguments can be named without parentheses, and so can system
    // views: both go by the list of functions.
    if (RuleOfTableFunction(lower) != FunctionRule::kUnknown || schema == "pg_catalog" ||
        catalog == "system" || lower.starts_with("duckdb_") || lower.starts_with("pragma_") ||
        lower.starts_with("pg_") || lower.starts_with("sqlite_")) {
      return CheckTableFunction(lower);
    }
    // There is nothing of this name. With a schema in front the whole would be a path with a dot
    // in it.
    if (!is_bare) return InvalidArgument("there is no such table in this schema");
    verdict_.others.push_back(name);
    return {};
  }

  // What shows secrets and logs stays refused even where a dataset has its name: between this
  // check and the statement the dataset may go, and the name means the function again.
  bool NoteDataset(const std::string& name) {
    if (!rules_.is_dataset(name)) return false;
    verdict_.datasets.push_back(name);
    const std::string lower = ToLowerAscii(name);
    return !lower.starts_with("duckdb_") || RuleOfTableFunction(lower) == FunctionRule::kUnknown;
  }

  // DESCRIBE, SUMMARIZE and SHOW.
  Result<> VisitShow(const Json& node) {
    TARN_CHECK_OK(CheckShow(node));
    // Whether a CTE is seen from in here is left to DuckDB: none counts.
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
    if (!MayReadFile(ToLowerAscii(name))) return OutsideOfCatalogue();
    TARN_CHECK_OK(CheckPath(name));
    verdict_.others.push_back(name);
    verdict_.reads_files = true;
    return {};
  }

  static Result<> OutsideOfCatalogue() { return NotAllowed("reading files or objects by name"); }

  // DuckDB tells files by their ending, so that a name without any of these is none.
  static bool LooksLikePath(std::string_view name) {
    return name.find_first_of("./:*?[\\") != std::string_view::npos;
  }

  // By its name alone: a database would be attached, so only what holds rows is read. Where it
  // may lie, DuckDB knows (allowed_directories).
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
    if (function == node.end() || !function->is_object()) return NotAllowed("this table function");
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
    // The name comes from DuckDB's list, so that no text of the query is sent back.
    return NotAllowed(rule == FunctionRule::kUnknown ? "this table function"
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

  // A constant, or a list of them, as the items of a list.
  static Json ItemsOf(const Json& argument) {
    const bool is_list =
        TextOf(argument, "function_name") == "list_value" && argument.contains("children");
    return is_list ? argument.at("children") : Json::array({argument});
  }

  // A reader's first argument is the path that it reads, or a list of paths.
  static Result<> CheckPaths(const Json& arguments) {
    const Error refusal =
        NotAllowed("a path that is not constant, write it as a literal or a list of literals");
    if (arguments.empty()) return {};  // DuckDB says that one is missing.
    // A named one may come first, and would be judged in the place of the path: sep := ','.
    if (!TextOf(arguments.front(), "alias").empty()) return refusal;
    for (const Json& item : ItemsOf(arguments.front())) {
      const std::optional<std::string> path = ConstantText(item);
      if (!path) return refusal;
      TARN_CHECK_OK(CheckPath(*path));
    }
    return {};
  }

  // HTTP clients and stores resolve such segments in a URL, also with percent-encoded dots: the
  // path then lies outside of the bucket that DuckDB has found it to be in.
  static Result<> CheckPath(std::string_view path) {
    const std::string plain =
        ReplaceAll(ReplaceAll(ReplaceAll(std::string(path), "%2e", "."), "%2E", "."), "\\", "/");
    if (!HasDotSegment(plain)) return {};
    return NotAllowed("a path with a segment \".\" or \"..\"");
  }

  Result<> CheckQuery(const Json& arguments) {
    const std::optional<std::string> sql =
        arguments.size() == 1 ? ConstantText(arguments.front()) : std::nullopt;
    if (!sql) return NotAllowed("query() of what is no constant text");
    return check_inner_(*sql);
  }

  // query_table('name'), query_table(['name', …]), and a flag as the second argument.
  Result<> CheckQueryTable(const Json& arguments) {
    const Error refusal = NotAllowed("query_table() of what are no datasets by name");
    if (arguments.empty() || arguments.size() > 2) return refusal;
    for (const Json& argument : ItemsOf(arguments.front())) {
      const std::optional<std::string> name = ConstantText(argument);
      // DuckDB takes the text apart at dots and quotes.
      if (!name || LooksLikePath(*name) || name->find('"') != std::string::npos ||
          !NoteDataset(*name)) {
        return refusal;
      }
    }
    return {};
  }

  // read_csv() can keep the lines that it did not understand, in tables that it makes.
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
        return NotAllowed("tables of rejected lines");
      }
    }
    return {};
  }

  // list_aggregate(list, 'name', …) runs the aggregate of that name, which is judged like one that
  // is called by itself.
  static Result<> CheckAggregateName(std::string_view function, const Json& arguments) {
    constexpr std::array<std::string_view, 5> kByName = {
        "aggregate", "array_aggr", "array_aggregate", "list_aggr", "list_aggregate"};
    if (!Contains(kByName, function) || arguments.size() < 2) return {};
    const std::optional<std::string> named = ConstantText(arguments.at(1));
    if (!named) return NotAllowed(std::string(function) + " with a name that is not constant");
    const std::string lower = ToLowerAscii(*named);
    if (RuleOfFunction(lower) != FunctionRule::kAllowed) {
      return NotAllowed(std::string(function) + " of this function");
    }
    return CheckAggregateFaults(lower);
  }

  // Scalar functions, aggregates, macros and operators.
  static Result<> CheckFunction(const Json& node) {
    const std::string name = ToLowerAscii(TextOf(node, "function_name"));
    // Ranking functions of a window: WINDOW_RANK and others have no name.
    if (TextOf(node, "class") == "WINDOW" && name.empty()) return {};
    const auto exported = node.find("export_state");
    if (exported != node.end() && *exported == true) return NotAllowed("EXPORT_STATE");
    switch (RuleOfFunction(name)) {
      case FunctionRule::kAllowed:
        return CheckAggregateName(name, ListOf(node, "children"));
      case FunctionRule::kUnknown:
        break;
      default:
        return NotAllowed("function " + name);
    }
    if (RuleOfTableFunction(name) != FunctionRule::kUnknown) {
      return NotAllowed("table function " + name + " in place of a value");
    }
    // A slip of the pen is the likeliest; what is suggested is of our list.
    constexpr size_t kNameBytesMax = 64;
    const std::optional<std::string> nearest =
        name.size() <= kNameBytesMax && !name.empty() && IsWordCharacter(name.front())
            ? NearestName(name, AllowedFunctions())
            : std::nullopt;
    return NotAllowed(nearest ? "this function (did you mean " + *nearest + "?)" : "this function");
  }

  const Gate::Rules& rules_;
  const CheckInner check_inner_;
  size_t& subqueries_;
  Verdict& verdict_;
  std::vector<std::string> scope_;  // Names of CTEs that are seen from here, in lower case.
};

Result<> CheckBytes(const std::string& sql) {
  if (!IsValidUtf8(sql)) return InvalidArgument("the statement is not UTF-8");
  if (sql.find('\0') != std::string::npos) {
    return InvalidArgument("the statement holds a NUL character");
  }
  return {};
}

// DuckDB's JSON of a DOUBLE constant that is infinite or not a number is no JSON: Infinity, nan.
// Puts null in their place; strings stay as they are.
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

bool HasParameters(const Json& node) {
  if (node.is_object() && TextOf(node, "class") == "PARAMETER") return true;
  return node.is_structured() && std::any_of(node.begin(), node.end(), [](const Json& child) {
           return HasParameters(child);
         });
}

// What decides whether DuckDB plans a statement with the values of its parameters, or without.
class Planning {
 public:
  Planning(const Gate::IsDataset& is_dataset, const Json& ast) : is_dataset_(is_dataset) {
    Visit(ast, true);
  }

  // DuckDB may keep a plan that was made without values, which can be its end: see
  // duck::Statement::Bind. Not where the statement reads Parquet.
  bool MayBeWithoutValues() const {
    return has_parameters_ && std::all_of(read_.begin(), read_.end(), [this](const auto& name) {
             return ctes_.contains(name) || !is_dataset_(name);
           });
  }

 private:
  // `is_planned`: this part of the statement certainly is. What a CTE holds is not, where nothing
  // reads the CTE.
  void Visit(const Json& node, bool is_planned) {
    if (node.is_object()) {
      if (TextOf(node, "class") == "PARAMETER") has_parameters_ = true;
      const std::string type = TextOf(node, "type");
      // One in another schema is none of the catalogue's.
      const std::string schema = ToLowerAscii(TextOf(node, "schema_name"));
      const bool in_main = schema.empty() || schema == "main";
      if (type == "BASE_TABLE" && is_planned && in_main && TextOf(node, "catalog_name").empty()) {
        read_.push_back(ToLowerAscii(TextOf(node, "table_name")));
      }
      is_planned = is_planned && type != "SHOW_REF";
    }
    if (!node.is_structured()) return;
    for (const auto& [key, child] : node.items()) {
      if (node.is_object() && key == "cte_map") LearnNames(child);
      Visit(child, is_planned && !(node.is_object() && key == "cte_map"));
    }
  }
  void LearnNames(const Json& cte_map) {
    const auto map = cte_map.find("map");
    if (map == cte_map.end()) return;
    for (const Json& entry : *map) ctes_.insert(ToLowerAscii(TextOf(entry, "key")));
  }

  const Gate::IsDataset& is_dataset_;
  bool has_parameters_ = false;
  std::vector<std::string> read_;         // In lower case.
  std::unordered_set<std::string> ctes_;  // In lower case.
};

}  // namespace

Result<Gate::Parsed> Gate::Parse(const std::string& sql) {
  if (!serialize_) {
    TARN_TRY(duck::Statement statement,
             connection_.Prepare("SELECT json_serialize_sql($1::VARCHAR)"));
    serialize_.emplace(std::move(statement));
  }
  TARN_CHECK_OK(serialize_->BindText(1, sql));
  TARN_TRY(duck::ResultStream rows, serialize_->Execute());
  TARN_TRY(std::optional<duck::Chunk> chunk, rows.Next());
  if (!chunk || chunk->row_count() != 1) return Internal("the parser gave no answer");
  Parsed parsed;
  parsed.ast = chunk->columns()[0].Data<duck::StringRef>()[0].view();
  // Only a text that does not serialise gets a short answer with an error in it.
  if (parsed.ast.starts_with(R"({"error":true)")) {
    const Json error = Json::parse(parsed.ast, nullptr, false);
    // Of "not implemented", only what the parser itself does not do: $name beside ?.
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
  if (!Planning(rules_.is_dataset, statements).MayBeWithoutValues()) return sql;
  return PlannedWithValues(sql);
}

Result<> Gate::CheckTree(const std::string& text, int depth, Verdict& verdict, Json& statements) {
  Json ast = Json::parse(text, nullptr, false);
  if (ast.is_discarded()) ast = Json::parse(WithNullForNonFinite(text), nullptr, false);
  if (ast.is_discarded()) return Internal("the parser's answer is not JSON");
  const auto found = ast.find("statements");
  if (found == ast.end() || !found->is_array()) {
    return Internal("the parser's answer has no statements");
  }
  statements = std::move(*found);
  if (statements.size() != 1) {
    return InvalidArgument("exactly one statement is allowed, this text has " +
                           std::to_string(statements.size()));
  }
  const auto check_inner = [&](const std::string& sql) {
    return CheckInner(sql, depth + 1, verdict);
  };
  TARN_CHECK_OK(AstCheck(rules_, check_inner, subqueries_, verdict).Visit(statements));
  return CheckFaults(statements);
}

// The text of a query('…'), which DuckDB puts in its place as a subquery.
Result<> Gate::CheckInner(const std::string& sql, int depth, Verdict& verdict) {
  // Each level doubles the quotes of those in it, so that honest texts do not come near.
  constexpr int kDepthMax = 8;
  if (depth > kDepthMax) return NotAllowed("query() so deep in query()");
  TARN_CHECK_OK(CheckBytes(sql));
  TARN_CHECK_OK(CheckNesting(sql, rules_.nesting_max));
  TARN_TRY(const Parsed parsed, Parse(sql));
  if (parsed.is_syntax_error) return SyntaxError(sql);
  if (!parsed.is_select) return NotAllowed("query() of " + KindOf(sql));
  Json statements;
  TARN_CHECK_OK(CheckTree(parsed.ast, depth, verdict, statements));
  if (HasParameters(statements)) return NotAllowed("parameters in the text of query()");
  return {};
}

// Preparing a text that does not parse does nothing but say where it went wrong.
Error Gate::SyntaxError(const std::string& sql) {
  const Result<duck::Statement> failed = connection_.Prepare(sql);
  return failed.ok() ? NotAllowed(KindOf(sql)) : failed.error();
}

// now() has another value in each run, so DuckDB plans anew for each. A row is never lost by it.
Result<std::string> Gate::PlannedWithValues(const std::string& sql) {
  std::string inner = sql;
  inner.resize(inner.find_last_not_of("; \t\n\v\f\r") + 1);
  // The line ends what may be a comment.
  std::string wrapped = "SELECT * FROM (" + inner + "\n) WHERE now() IS NOT NULL";
  TARN_TRY(const Parsed parsed, Parse(wrapped));
  if (!parsed.is_select) {
    return InvalidArgument("a statement with parameters must end where its text ends");
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
  if (!explain) return NotAllowed(KindOf(sql));
  const std::string inner(explain->inner);
  TARN_TRY(const Parsed parsed_inner, Parse(inner));
  if (!parsed_inner.is_select) return NotAllowed("EXPLAIN of " + KindOf(inner));
  TARN_TRY(const std::string checked, CheckSelect(inner, parsed_inner, verdict));
  verdict.sql = explain->prefix + checked;
  verdict.is_volatile = true;
  return verdict;
}

}  // namespace tarn::engine
