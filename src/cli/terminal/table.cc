#include "cli/terminal/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/commands/remote.h"
#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBetween = "  ";
// The least width of a column that is cut.
constexpr size_t kColumnWidthMin = 6;

Table::Cell CellOf(const Json& value) {
  if (value.is_null()) return {"NULL", true};
  return {value.is_string() ? value.get<std::string>()
                            : value.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

// Pads a text to a width. Colours the text but not the blanks.
std::string Padded(const std::string& text, size_t width, bool to_the_right, Style style,
                   const Colours& colours) {
  const std::string fitted = FitWidth(text, width);
  const std::string blank(width - DisplayWidth(fitted), ' ');
  return to_the_right ? blank + colours(style, fitted) : colours(style, fitted) + blank;
}

Style StyleOf(const Table::Cell& cell) { return cell.is_null ? Style::kFaint : Style::kPlain; }

void AppendLine(std::string line, std::string& out) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line;
  out += '\n';
}

// Shrinks the widest columns until the table fits into `total`.
void Shrink(std::vector<size_t>& widths, size_t total, size_t between) {
  for (;;) {
    const size_t now = std::accumulate(widths.begin(), widths.end(), between);
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (now <= total || *widest <= kColumnWidthMin) return;
    --*widest;
  }
}

}  // namespace

void Table::Add(std::vector<std::string> cells) {
  std::vector<Cell> row;
  for (std::string& cell : cells) row.push_back({std::move(cell)});
  AddCells(std::move(row));
}

void Table::AddCells(std::vector<Cell> cells) {
  for (Cell& cell : cells) cell.text = CellWithoutControls(cell.text);
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::Text() const { return Text(TerminalWidth(), Colours::For(stdout)); }

std::vector<size_t> Table::Widths(size_t width, size_t between, bool with_types) const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) {
    widths.push_back(std::max(DisplayWidth(WithoutControls(column.name)),
                              with_types ? DisplayWidth(WithoutControls(column.type)) : 0));
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  if (width > 0) Shrink(widths, width, between);
  return widths;
}

std::string Table::Text(size_t width, const Colours& colours) const {
  if (columns_.empty()) return "";
  const std::vector<size_t> widths = Widths(width, kBetween.size() * (columns_.size() - 1), false);
  std::string out;
  const auto add_line = [&](const auto& text_of, const auto& style_of) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) line += kBetween;
      line += Padded(text_of(i), widths[i], columns_[i].to_the_right, style_of(i), colours);
    }
    AppendLine(line, out);
  };
  add_line([&](size_t i) { return WithoutControls(columns_[i].name); },
           [](size_t) { return Style::kStrong; });
  add_line([&](size_t i) { return std::string(widths[i], '-'); },
           [](size_t) { return Style::kFaint; });
  for (const auto& row : rows_) {
    add_line([&](size_t i) { return row[i].text; }, [&](size_t i) { return StyleOf(row[i]); });
  }
  return out;
}

std::string Table::Box(size_t width, const Colours& colours) const {
  if (columns_.empty()) return "";
  const std::vector<size_t> widths = Widths(width, BoxLines(), true);
  const std::string side = colours(Style::kFaint, "│");
  const auto rule = [&](const char* left, const char* middle, const char* right) {
    std::string line = left;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) line += middle;
      for (size_t j = 0; j < widths[i] + 2; ++j) line += "─";
    }
    return colours(Style::kFaint, line + right) + "\n";
  };
  const auto cells = [&](const auto& text_of, const auto& style_of) {
    std::string line = side;
    for (size_t i = 0; i < widths.size(); ++i) {
      line += ' ';
      line += Padded(text_of(i), widths[i], columns_[i].to_the_right, style_of(i), colours);
      line += " " + side;
    }
    return line + "\n";
  };
  std::string out = rule("┌", "┬", "┐");
  out += cells([&](size_t i) { return WithoutControls(columns_[i].name); },
               [](size_t) { return Style::kStrong; });
  out += cells([&](size_t i) { return WithoutControls(columns_[i].type); },
               [](size_t) { return Style::kFaint; });
  out += rule("├", "┼", "┤");
  for (const auto& row : rows_) {
    out += cells([&](size_t i) { return row[i].text; }, [&](size_t i) { return StyleOf(row[i]); });
  }
  return out + rule("└", "┴", "┘");
}

bool Table::Fits(size_t width) const {
  if (width == 0 || columns_.empty()) return true;
  const std::vector<size_t> widths = Widths(width, BoxLines(), true);
  return std::accumulate(widths.begin(), widths.end(), BoxLines()) <= width;
}

std::string Table::Records(size_t width, const Colours& colours) const {
  size_t widest = 0;
  for (const Column& column : columns_) {
    widest = std::max(widest, DisplayWidth(WithoutControls(column.name)));
  }
  const size_t rule_width = width == 0 ? widest + kBetween.size() : width;
  std::string out;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const std::string head = fmt::format("──[ row {} ]", i + 1);
    std::string rule = head;
    for (size_t j = DisplayWidth(head); j < rule_width; ++j) rule += "─";
    out += colours(Style::kFaint, rule) + "\n";
    for (size_t j = 0; j < columns_.size(); ++j) {
      out += Padded(WithoutControls(columns_[j].name), widest, false, Style::kStrong, colours);
      AppendLine(std::string(kBetween) + colours(StyleOf(rows_[i][j]), rows_[i][j].text), out);
    }
  }
  return out;
}

Result<Table> TableOf(std::string_view envelope) {
  const Result<Json> parsed = ParseBoundedOrderedJson(envelope, kAnswerLimits);
  if (!parsed.ok()) return parsed.error().Wrap("the response");
  try {
    const Json& answer = *parsed;
    const Json& rows = answer.at("rows");
    std::vector<Table::Column> columns;
    for (const Json& column : answer.at("columns")) {
      const size_t i = columns.size();
      const bool is_number = std::any_of(rows.begin(), rows.end(),
                                         [i](const Json& row) { return row.at(i).is_number(); });
      columns.push_back(
          {column.at("name").get<std::string>(), is_number, column.value("type", "")});
    }
    Table table(std::move(columns));
    for (const Json& row : rows) {
      std::vector<Table::Cell> cells;
      for (const Json& value : row) cells.push_back(CellOf(value));
      table.AddCells(std::move(cells));
    }
    return table;
  } catch (const Json::exception&) {
    return Internal("the answer is not that of POST /sql");
  }
}

}  // namespace tarn::cli
