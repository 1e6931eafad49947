#include "ingest/date_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "duck/quote.h"
#include "ingest/column_casts.h"

namespace tarn::ingest {
namespace {

// The given format for a type; nullopt: none.
std::optional<std::string> GivenFormat(const Input& input, std::string_view type) {
  if (!IsMoment(type)) return std::nullopt;
  const auto option =
      std::find_if(input.options.begin(), input.options.end(),
                   [name = FormatOption(type)](const auto& each) { return each.first == name; });
  return option == input.options.end() ? std::nullopt : std::optional(option->second);
}

// Returns the first text of a column in another format; nullopt: there is none.
Result<std::optional<std::string>> FirstUnformatted(const std::string& column,
                                                    const std::string& format, bool or_iso,
                                                    const std::string& text_source,
                                                    Converter& converter) {
  const std::string name = duck::QuoteIdentifier(column);
  std::string is_other = fmt::format("{0} IS NOT NULL AND try_strptime({0}, {1}) IS NULL", name,
                                     duck::QuoteLiteral(format));
  if (or_iso) is_other += fmt::format(" AND TRY_CAST({} AS TIMESTAMP) IS NULL", name);
  TARN_TRY(const std::vector<std::string> row,
           converter.FirstRow(fmt::format("SELECT count_if({1}), first({0}) FILTER ({1}) FROM {2}",
                                          name, is_other, text_source)));
  return row.at(0) == "0" ? std::nullopt : std::optional(row.at(1));
}

}  // namespace

bool IsMoment(std::string_view type) { return type == "DATE" || type.starts_with("TIMESTAMP"); }

const char* FormatOption(std::string_view type) {
  return type == "DATE" ? "dateformat" : "timestampformat";
}

Result<> CheckGivenFormats(const Input& input, const std::vector<Column>& targets, bool or_iso,
                           const std::string& text_source, const TextSource& source,
                           Converter& converter) {
  for (const Column& column : source.columns) {
    const Column* target = FindColumn(targets, column.name);
    if (target == nullptr || column.type != "VARCHAR") continue;
    const std::optional<std::string> format = GivenFormat(input, target->type);
    if (!format) continue;
    TARN_TRY(std::optional<std::string> text,
             FirstUnformatted(column.name, *format, or_iso, text_source, converter));
    if (!text) continue;
    const CastFailure failure{.column = column.name,
                              .text = std::move(*text),
                              .type = fmt::format("{} in the format {} (--with {})", target->type,
                                                  *format, FormatOption(target->type))};
    return source.find_line(failure).value_or(InvalidArgument(failure.Message()));
  }
  return {};
}

}  // namespace tarn::ingest
