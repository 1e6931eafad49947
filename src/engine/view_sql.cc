#include "engine/view_sql.h"

#include <fmt/format.h>

#include "duck/quote.h"

namespace tarn::engine {
namespace {

std::string CreateSql(const protocol::ViewSpec& view, const std::string& select) {
  return fmt::format("CREATE OR REPLACE VIEW {} AS {}", duck::QuoteIdentifier(view.name), select);
}

}  // namespace

Result<std::string> SelectSql(const protocol::ObjectStore& store, const protocol::ViewSpec& view) {
  if (view.keys.empty()) return InvalidArgument("it has no objects");
  std::string urls;
  for (const std::string& key : view.keys) {
    TARN_TRY(const std::string url, store.Url(key));
    if (!urls.empty()) urls += ", ";
    urls += duck::QuoteLiteral(url);
  }
  if (view.keys.size() > 1) urls = "[" + urls + "]";
  return fmt::format("SELECT * FROM read_parquet({})", urls);
}

Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view) {
  TARN_TRY(const std::string select, SelectSql(store, view));
  return CreateSql(view, select);
}

std::string CreateOutlineSql(const protocol::ViewSpec& view) {
  std::string columns;
  for (const protocol::Column& column : view.columns) {
    columns += fmt::format("{}NULL::{} AS {}", columns.empty() ? "" : ", ", column.type,
                           duck::QuoteIdentifier(column.name));
  }
  // Nobody runs it; if somebody did, an error is better than rows that are none.
  return CreateSql(view, "SELECT " + columns + " WHERE error('its view is missing') IS NULL");
}

}  // namespace tarn::engine
