#include "engine/gate/fault_check.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/gate/syntax_tree.h"

namespace tarn::engine {
namespace {

using Json = nlohmann::json;

Error FaultError(std::string_view form, std::string_view advice) {
  return InvalidArgument("refused, because DuckDB 1.5.5 answers it wrongly: " + std::string(form) +
                         "; " + std::string(advice));
}

// The name of a column without its table, in lower case.
std::string NameOf(const Json& column) {
  const Json& names = ListOf(column, "column_names");
  return names.empty() || !names.back().is_string() ? ""
                                                    : ToLowerAscii(names.back().get<std::string>());
}

// Returns a node without positions and aliases, so that equal expressions compare as equal.
Json WithoutPlace(const Json& node) {
  if (!node.is_structured()) return node;
  Json plain = node;
  if (plain.is_object()) {
    plain.erase("query_location");
    plain.erase("alias");
    if (TextOf(plain, "class") == "COLUMN_REF") return NameOf(plain);
  }
  for (auto& child : plain) child = WithoutPlace(child);
  return plain;
}

bool IsConstant(const Json& node) { return TextOf(node, "class") == "CONSTANT"; }

// Returns the number in a constant. Decimals have no point.
double NumberOf(const Json& constant) {
  const Json& value = NodeOf(NodeOf(constant, "value"), "value");
  return value.is_number() ? value.get<double>() : 1;
}

bool IsZero(const Json& node) { return IsConstant(node) && NumberOf(node) == 0; }

bool HasColumn(const Json& node, const std::string& name) {
  if (!node.is_structured()) return false;
  if (node.is_object() && TextOf(node, "class") == "COLUMN_REF") return NameOf(node) == name;
  return std::any_of(node.begin(), node.end(),
                     [&](const Json& child) { return HasColumn(child, name); });
}

// Returns true if one of the conditions that AND joins, at any depth, is wanted.
template <class Function>
bool AnyConjunct(const Json& condition, const Function& is_wanted) {
  if (TextOf(condition, "type") != "CONJUNCTION_AND") return is_wanted(condition);
  const Json& children = ListOf(condition, "children");
  return std::any_of(children.begin(), children.end(),
                     [&](const Json& child) { return AnyConjunct(child, is_wanted); });
}

// --- aggregates

bool HasDescendingOrder(const Json& orders) {
  return std::any_of(orders.begin(), orders.end(),
                     [](const Json& order) { return TextOf(order, "type") == "DESCENDING"; });
}

Result<> CheckAggregate(const Json& node) {
  const std::string name = TextOf(node, "function_name");
  TARN_CHECK_OK(CheckAggregateFaults(name));
  constexpr std::array<std::string_view, 5> kQuantiles = {
      "quantile", "quantile_cont", "quantile_disc", "percentile_cont", "percentile_disc"};
  if (std::find(kQuantiles.begin(), kQuantiles.end(), name) == kQuantiles.end()) return {};
  const bool is_descending = HasDescendingOrder(ListOf(NodeOf(node, "order_bys"), "orders")) ||
                             HasDescendingOrder(ListOf(node, "arg_orders"));
  const Json& arguments = ListOf(node, "children");
  if (!is_descending || arguments.empty()) return {};
  const Json& fraction = arguments.back();
  const Json& fractions = ListOf(fraction, "children");
  const bool is_zero = fractions.empty() ? IsZero(fraction)
                                         : std::all_of(fractions.begin(), fractions.end(), IsZero);
  if (!is_zero) return {};
  return FaultError("the quantile 0 in descending order", "write max() instead");
}

// --- windows

bool IsSafeBound(const Json& bound) {
  constexpr double kRowsMax = 4e18;
  if (bound.is_null()) return true;
  if (IsConstant(bound)) {
    return NodeOf(NodeOf(bound, "value"), "is_null") != true && NumberOf(bound) < kRowsMax;
  }
  // The value of a parameter is not known yet.
  if (TextOf(bound, "class") == "PARAMETER") return true;
  if (TextOf(bound, "class") == "FUNCTION") {
    const Json& parts = ListOf(bound, "children");
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), IsSafeBound);
  }
  if (TextOf(bound, "class") == "CAST") return IsSafeBound(NodeOf(bound, "child"));
  return TextOf(bound, "type") == "OPERATOR_COALESCE";
}

Result<> CheckFrame(const Json& node) {
  for (const auto& [kind, bound] :
       {std::pair("start", "start_expr"), std::pair("end", "end_expr")}) {
    if (!TextOf(node, kind).ends_with("_ROWS") || IsSafeBound(NodeOf(node, bound))) continue;
    return FaultError("a bound of a ROWS frame that may be NULL, or is larger than any table",
                      "write a constant, or coalesce(…, 0)");
  }
  return {};
}

bool HasEqualParts(const Json& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (WithoutPlace(list[i]) == WithoutPlace(list[j])) return true;
    }
  }
  return false;
}

Result<> CheckWindow(const Json& node) {
  TARN_CHECK_OK(CheckFrame(node));
  const std::string type = TextOf(node, "type");
  const Json& partitions = ListOf(node, "partitions");
  const Json& orders = ListOf(node, "orders");
  const Json& inner_orders = ListOf(node, "arg_orders");
  if (HasEqualParts(partitions)) {
    return FaultError("PARTITION BY with the same expression twice", "write it once");
  }
  const bool is_from_start = TextOf(node, "start") == "UNBOUNDED_PRECEDING";
  if (type == "WINDOW_FIRST_VALUE" && partitions.empty() && orders.empty() &&
      inner_orders.empty() && !is_from_start) {
    return FaultError("first_value over a moving frame without ORDER BY", "add ORDER BY");
  }
  const bool is_rank =
      type == "WINDOW_RANK" || type == "WINDOW_PERCENT_RANK" || type == "WINDOW_CUME_DIST";
  if (is_rank && !inner_orders.empty() && inner_orders.size() < orders.size()) {
    return FaultError("a rank ordered by fewer expressions than its window",
                      "order the window by the same expressions");
  }
  const std::string end = TextOf(node, "end");
  const bool is_whole = is_from_start && (end == "UNBOUNDED_FOLLOWING" ||
                                          (orders.empty() && end == "CURRENT_ROW_RANGE"));
  // The result of these functions depends on the order. Large numbers of partitions are unlikely.
  constexpr std::array<std::string_view, 4> kOrdered = {"list", "array_agg", "string_agg",
                                                        "group_concat"};
  const bool needs_order =
      std::find(kOrdered.begin(), kOrdered.end(), TextOf(node, "function_name")) != kOrdered.end();
  if (type == "WINDOW_AGGREGATE" && is_whole && !partitions.empty() && !inner_orders.empty() &&
      !needs_order) {
    return FaultError("an ordered aggregate over whole partitions",
                      "drop ORDER BY from its arguments, or join with a GROUP BY");
  }
  return {};
}

// --- conditions

// Collects the comparisons that AND and OR join, at any depth.
void CollectComparisons(const Json& node, std::vector<const Json*>& comparisons) {
  const std::string kind = TextOf(node, "class");
  if (kind == "COMPARISON" || kind == "BETWEEN") comparisons.push_back(&node);
  if (kind != "CONJUNCTION") return;
  for (const Json& child : ListOf(node, "children")) CollectComparisons(child, comparisons);
}

// Returns the column that is compared with a constant, or "". IS NOT TRUE casts its column to
// BOOLEAN.
std::string ColumnBesideConstant(const Json& comparison) {
  for (const auto& [side, other] : {std::pair("left", "right"), std::pair("right", "left")}) {
    const Json& compared = NodeOf(comparison, side);
    const Json& column = TextOf(compared, "class") == "CAST" ? NodeOf(compared, "child") : compared;
    const std::string kind = TextOf(NodeOf(comparison, other), "class");
    if (TextOf(column, "class") == "COLUMN_REF" && (kind == "CONSTANT" || kind == "PARAMETER")) {
      return NameOf(column);
    }
  }
  return "";
}

// For `a IS DISTINCT FROM 5 OR a > 7`, DuckDB wrongly skips row groups with only NULL, or with only
// NULL and 5.
Result<> CheckOr(const Json& node) {
  std::vector<const Json*> comparisons;
  CollectComparisons(node, comparisons);
  for (const Json* part : comparisons) {
    if (TextOf(*part, "type") != "COMPARE_DISTINCT_FROM") continue;
    const std::string column = ColumnBesideConstant(*part);
    if (column.empty()) continue;
    const bool is_compared_again =
        std::any_of(comparisons.begin(), comparisons.end(),
                    [&](const Json* other) { return other != part && HasColumn(*other, column); });
    if (!is_compared_again) continue;
    return FaultError(
        "IS DISTINCT FROM or IS NOT TRUE beside another comparison of its column in OR",
        "write coalesce(a <> b, true)");
  }
  return {};
}

bool IsEquality(const Json& condition) {
  const std::string type = TextOf(condition, "type");
  return type == "COMPARE_EQUAL" || type == "COMPARE_NOT_DISTINCT_FROM";
}

Result<> CheckJoin(const Json& node) {
  const Json& condition = NodeOf(node, "condition");
  if (condition.is_null()) return {};
  if (TextOf(node, "join_type") == "ANTI" && !AnyConjunct(condition, IsEquality)) {
    return FaultError("ANTI JOIN without an equality", "write NOT EXISTS");
  }
  const auto is_not_distinct = [](const Json& part) {
    return TextOf(part, "type") == "COMPARE_NOT_DISTINCT_FROM";
  };
  if (TextOf(node, "ref_type") == "ASOF" && AnyConjunct(condition, is_not_distinct)) {
    return FaultError("ASOF JOIN with IS NOT DISTINCT FROM", "compare coalesce() of both sides");
  }
  return {};
}

bool IsTupleSubquery(const Json& node) {
  return TextOf(node, "class") == "SUBQUERY" && TextOf(node, "subquery_type") == "ANY" &&
         TextOf(NodeOf(node, "child"), "function_name") == "row";
}

// `is_filter`: the node is one of the conditions that AND joins in a filter, so that NULL and false
// have the same effect.
Result<> Visit(const Json& node, bool is_filter) {
  if (!node.is_structured()) return {};
  if (node.is_object()) {
    if (IsTupleSubquery(node) &&
        (!is_filter || TextOf(node, "comparison_type") != "COMPARE_EQUAL")) {
      return FaultError("a comparison of a row with a subquery, if a NULL is possible",
                        "write NOT EXISTS (SELECT 1 FROM s WHERE (a = s.a AND b = s.b) IS DISTINCT "
                        "FROM false) for (a, b) NOT IN");
    }
    const std::string kind = TextOf(node, "class");
    const std::string type = TextOf(node, "type");
    if (kind == "FUNCTION" || kind == "WINDOW") TARN_CHECK_OK(CheckAggregate(node));
    if (kind == "WINDOW") TARN_CHECK_OK(CheckWindow(node));
    if (type == "CONJUNCTION_OR") TARN_CHECK_OK(CheckOr(node));
    if (type == "JOIN") TARN_CHECK_OK(CheckJoin(node));
  }
  const bool is_and = node.is_object() && TextOf(node, "type") == "CONJUNCTION_AND";
  for (const auto& [key, child] : node.items()) {
    const bool is_condition = node.is_object() && (key == "where_clause" || key == "having" ||
                                                   key == "qualify" || key == "condition");
    const bool is_part = is_filter && (is_and || node.is_array());
    TARN_CHECK_OK(Visit(child, is_condition || is_part));
  }
  return {};
}

}  // namespace

Result<> CheckAggregateFaults(std::string_view name) {
  if (name != "reservoir_quantile") return {};
  return FaultError("reservoir_quantile of a DECIMAL", "use quantile_cont or approx_quantile");
}

Result<> CheckFaults(const Json& statements) { return Visit(statements, false); }

}  // namespace tarn::engine
