#include "engine/views/view_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "catalog/partitions.h"
#include "catalog/type.h"
#include "duck/quote.h"
#include "engine/views/conversion_sql.h"

namespace tarn::engine {
namespace {

using duck::QuoteIdentifier;
using duck::QuoteLiteral;
using protocol::Column;

std::string CreateSql(const protocol::ViewSpec& view, const std::string& select) {
  return fmt::format("CREATE OR REPLACE VIEW {} AS {}", QuoteIdentifier(view.name), select);
}

size_t CharacterCount(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Returns a RE2 pattern that matches the text literally.
std::string EscapeRegex(std::string_view text) {
  constexpr std::string_view kSpecial = R"(\.+*?()|[]{}^$)";
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Writes the SELECT of one view.
class ViewSelect {
 public:
  ViewSelect(const protocol::ObjectStore& store, const protocol::ViewSpec& view)
      : store_(store),
        view_(view),
        schema_(view.schema),
        column_count_(schema_.columns.size() - schema_.partitions.size()) {}

  Result<std::string> Sql() const {
    if (view_.keys.empty()) return InvalidArgument("it has no objects");
    std::vector<protocol::ObjectGroup> groups = schema_.groups;
    if (groups.empty()) groups.push_back({.objects = AllObjects(), .columns = {}});
    std::string sql;
    for (const protocol::ObjectGroup& group : groups) {
      for (const auto& [partitions, objects] : ByPartitions(group.objects)) {
        TARN_TRY(const std::string select,
                 SelectSql({.objects = objects, .columns = group.columns}, partitions));
        sql += (sql.empty() ? "" : " UNION ALL ") + select;
      }
    }
    return sql;
  }

 private:
  // The column with the path of an object. DuckDB 1.5.5 uses any column of this name for the path,
  // even if the option has another name.
  static constexpr const char* kPathColumn = "filename";

  std::vector<uint64_t> AllObjects() const {
    std::vector<uint64_t> all(view_.keys.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  bool HasPathOption() const { return !schema_.partitions.empty() && !HasColumn(kPathColumn); }

  // Groups the objects by the SQL of their partition columns, which begins with a comma. If the
  // view has the path, all objects have the same SQL. Otherwise the SQL contains their values.
  std::map<std::string, std::vector<uint64_t>> ByPartitions(
      const std::vector<uint64_t>& objects) const {
    if (HasPathOption() || schema_.partitions.empty()) return {{PartitionList(), objects}};
    std::map<std::string, std::vector<uint64_t>> parts;
    for (const uint64_t object : objects) parts[ValueList(view_.keys.at(object))].push_back(object);
    return parts;
  }

  bool HasColumn(const std::string& name) const {
    return std::any_of(schema_.columns.begin(), schema_.columns.end(),
                       [&](const Column& column) { return EqualsIgnoreCase(column.name, name); });
  }

  Result<std::string> SelectSql(const protocol::ObjectGroup& group,
                                const std::string& partitions) const {
    TARN_TRY(const std::string source, SourceSql(group));
    const bool is_united = !group.columns.empty();
    std::string list;
    bool is_converted = false;
    for (size_t i = 0; i < column_count_ && is_united; ++i) {
      const Column& column = schema_.columns[i];
      const std::string name = QuoteIdentifier(column.name);
      const std::string value =
          ConversionSql(IsGuarded(column) ? GuardSql(name) : name,
                        catalog::ParseType(group.columns[i].type), catalog::ParseType(column.type));
      is_converted = is_converted || value != name;
      list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", value, name);
    }
    if (!is_converted) {
      const bool is_single = group.objects.size() == 1 && !is_united;
      list = HasPathOption() ? fmt::format("* EXCLUDE ({})", kPathColumn) : "*";
      list += GuardList(is_single);
    }
    return "SELECT " + list + partitions + " FROM " + source;
  }

  // Returns " REPLACE (…)" for the columns that must not be compared in the scan. For a single
  // object whose statistics may hide NaN, DuckDB 1.5.5 returns NaN for max(v) even if there is
  // none.
  std::string GuardList(bool is_single_object) const {
    std::string list;
    for (size_t i = 0; i < column_count_; ++i) {
      const Column& column = schema_.columns[i];
      const bool is_float = column.type == "FLOAT" || column.type == "DOUBLE";
      if (!IsGuarded(column) && !(is_single_object && schema_.may_hide_nan && is_float)) continue;
      const std::string name = QuoteIdentifier(column.name);
      list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", GuardSql(name), name);
    }
    return list.empty() ? "" : " REPLACE (" + list + ")";
  }

  bool IsGuarded(const Column& column) const {
    return std::any_of(
        schema_.guarded.begin(), schema_.guarded.end(),
        [&](const std::string& name) { return EqualsIgnoreCase(name, column.name); });
  }

  // Returns an expression for the same value that DuckDB cannot push into the scan.
  static std::string GuardSql(const std::string& name) {
    return fmt::format("CASE WHEN {0} IS NULL THEN NULL ELSE {0} END", name);
  }

  // Returns the option to read columns with these types, and missing columns as NULL.
  static std::string SchemaOption(const protocol::ObjectGroup& group) {
    std::string fields;
    for (const Column& column : group.columns) {
      const catalog::Type type = catalog::ParseType(column.type);
      if (type.IsUntyped()) continue;
      fields += fmt::format("{}{}: {{name: {}, type: {}, default_value: NULL}}",
                            fields.empty() ? "" : ", ", QuoteLiteral(column.name),
                            QuoteLiteral(column.name), QuoteLiteral(ReadTypeText(type)));
    }
    return fields.empty() ? "" : ", schema = MAP {" + fields + "}";
  }

  Result<std::string> SourceSql(const protocol::ObjectGroup& group) const {
    const std::vector<uint64_t>& objects = group.objects;
    std::string urls;
    for (const uint64_t object : objects) {
      TARN_TRY(const std::string url, store_.Url(view_.keys.at(object)));
      urls += (urls.empty() ? "" : ", ") + QuoteLiteral(url);
    }
    if (objects.size() > 1) urls = "[" + urls + "]";
    const std::string nan_option = schema_.may_hide_nan ? ", can_have_nan = true" : "";
    return fmt::format("read_parquet({}, hive_partitioning = false{}{}{})", urls,
                       SchemaOption(group), nan_option, HasPathOption() ? ", filename = true" : "");
  }

  // Returns ", value AS name" for each partition, from the path.
  std::string PartitionList() const {
    // Matches valid percent-encoding without NUL; see catalog::Decoded.
    constexpr const char* kEncoded = "'(?:[^%]|%(?:[1-9A-Fa-f][0-9A-Fa-f]|0[1-9A-Fa-f]))*'";
    std::string list;
    // DuckDB counts characters, from 1.
    const size_t begin = CharacterCount(store_.root) + CharacterCount(schema_.key_prefix) + 1;
    for (const protocol::Partition& partition : schema_.partitions) {
      const std::string text =
          fmt::format("regexp_extract(substr({}, {}), {}, 1)", kPathColumn, begin,
                      QuoteLiteral("(?:^|/)" + EscapeRegex(partition.key_name) + "=([^/]*)/"));
      // url_decode fails for invalid UTF-8.
      list += fmt::format(
          ", CAST(CASE WHEN {0} = {1} THEN NULL WHEN regexp_full_match({0}, {2}) "
          "THEN coalesce(TRY(url_decode({0})), {0}) ELSE {0} END AS {3}) AS {4}",
          text, QuoteLiteral(catalog::kNullPartition), kEncoded, partition.type,
          QuoteIdentifier(partition.name));
    }
    return list;
  }

  // The same with the values of one key.
  std::string ValueList(std::string_view key) const {
    std::string list;
    for (const protocol::Partition& partition : schema_.partitions) {
      const auto value = catalog::PartitionValue(
          std::string_view(key).substr(schema_.key_prefix.size()), partition.key_name);
      list += fmt::format(", CAST({} AS {}) AS {}", value ? QuoteLiteral(*value) : "NULL",
                          partition.type, QuoteIdentifier(partition.name));
    }
    return list;
  }

  const protocol::ObjectStore& store_;
  const protocol::ViewSpec& view_;
  const protocol::DatasetSchema& schema_;
  const size_t column_count_;  // Without the partitions.
};

}  // namespace

Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view) {
  TARN_TRY(const std::string select, ViewSelect(store, view).Sql());
  return CreateSql(view, select);
}

std::string CreateOutlineSql(const protocol::ViewSpec& view) {
  std::string columns;
  for (const Column& column : view.schema.columns) {
    columns += fmt::format("{}NULL::{} AS {}", columns.empty() ? "" : ", ", column.type,
                           QuoteIdentifier(column.name));
  }
  // No query should run it. If one does, an error is better than missing rows.
  return CreateSql(view, "SELECT " + columns + " WHERE error('its view is missing') IS NULL");
}

}  // namespace tarn::engine
