#include "engine/view_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "catalog/partitions.h"
#include "catalog/type.h"
#include "duck/quote.h"
#include "engine/conversion_sql.h"

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

// A pattern of RE2 that matches the text itself.
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
        column_count_(schema_.columns.size() - schema_.partitions.size()) {
    while (HasColumn(path_column_)) path_column_ += "_";
  }

  Result<std::string> Sql() const {
    if (view_.keys.empty()) return InvalidArgument("it has no objects");
    if (schema_.groups.empty()) return AllObjectsSql();
    std::string sql;
    for (const protocol::ObjectGroup& group : schema_.groups) {
      TARN_TRY(const std::string select, GroupSql(group));
      sql += (sql.empty() ? "" : " UNION ALL ") + select;
    }
    return sql;
  }

 private:
  // The name of the column for the path of an object. DuckDB skips objects by their paths only if
  // it has this name.
  static constexpr const char* kPathColumn = "filename";

  bool HasColumn(const std::string& name) const {
    return std::any_of(schema_.columns.begin(), schema_.columns.end(),
                       [&](const Column& column) { return EqualsIgnoreCase(column.name, name); });
  }

  Result<std::string> AllObjectsSql() const {
    std::vector<uint64_t> all(view_.keys.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    TARN_TRY(const std::string source, SourceSql(all, ""));
    return "SELECT " + StarSql(GuardList(all.size() == 1)) + " FROM " + source;
  }

  Result<std::string> GroupSql(const protocol::ObjectGroup& group) const {
    TARN_TRY(const std::string source, SourceSql(group.objects, SchemaOption(group)));
    std::string list;
    bool is_converted = false;
    for (size_t i = 0; i < column_count_; ++i) {
      const Column& column = schema_.columns[i];
      const std::string name = QuoteIdentifier(column.name);
      const std::string value =
          ConversionSql(IsGuarded(column) ? GuardSql(name) : name,
                        catalog::ParseType(group.columns[i].type), catalog::ParseType(column.type));
      is_converted = is_converted || value != name;
      list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", value, name);
    }
    if (!is_converted) return "SELECT " + StarSql("") + " FROM " + source;
    return "SELECT " + list + PartitionList() + " FROM " + source;
  }

  std::string StarSql(const std::string& replace) const {
    if (schema_.partitions.empty()) return "*" + replace;
    return fmt::format("* EXCLUDE ({}){}{}", QuoteIdentifier(path_column_), replace,
                       PartitionList());
  }

  // " REPLACE (…)" of the columns that must not be compared in the scan. From the statistics of a
  // single object that may hide NaN, DuckDB 1.5.5 answers max(v) with NaN even if there is none.
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

  // The same value, which DuckDB does not look through.
  static std::string GuardSql(const std::string& name) {
    return fmt::format("CASE WHEN {0} IS NULL THEN NULL ELSE {0} END", name);
  }

  // Reads the objects as columns of these types, and a column that an object lacks as NULL.
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

  Result<std::string> SourceSql(const std::vector<uint64_t>& objects,
                                const std::string& schema_option) const {
    std::string urls;
    for (const uint64_t object : objects) {
      TARN_TRY(const std::string url, store_.Url(view_.keys.at(object)));
      urls += (urls.empty() ? "" : ", ") + QuoteLiteral(url);
    }
    if (objects.size() > 1) urls = "[" + urls + "]";
    const std::string nan_option = schema_.may_hide_nan ? ", can_have_nan = true" : "";
    std::string path_option;
    if (!schema_.partitions.empty()) {
      path_option = path_column_ == kPathColumn ? ", filename = true"
                                                : ", filename = " + QuoteLiteral(path_column_);
    }
    return fmt::format("read_parquet({}, hive_partitioning = false{}{}{})", urls, schema_option,
                       nan_option, path_option);
  }

  // ", value AS name" of each partition.
  std::string PartitionList() const {
    std::string list;
    // DuckDB counts characters, from 1.
    const size_t begin = CharacterCount(store_.root) + CharacterCount(schema_.key_prefix) + 1;
    for (const protocol::Partition& partition : schema_.partitions) {
      const std::string text =
          fmt::format("regexp_extract(substr({}, {}), {}, 1)", QuoteIdentifier(path_column_), begin,
                      QuoteLiteral("(?:^|/)" + EscapeRegex(partition.key_name) + "=([^/]*)/"));
      // url_decode refuses what is not UTF-8.
      list += fmt::format(
          ", CAST(CASE {0} WHEN {1} THEN NULL ELSE coalesce(TRY(url_decode({0})), {0}) END AS {2})"
          " AS {3}",
          text, QuoteLiteral(catalog::kNullPartition), partition.type,
          QuoteIdentifier(partition.name));
    }
    return list;
  }

  const protocol::ObjectStore& store_;
  const protocol::ViewSpec& view_;
  const protocol::DatasetSchema& schema_;
  const size_t column_count_;  // Without the partitions.
  std::string path_column_ = kPathColumn;
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
  // It is never run. If it were, an error would be better than missing rows.
  return CreateSql(view, "SELECT " + columns + " WHERE error('its view is missing') IS NULL");
}

}  // namespace tarn::engine
