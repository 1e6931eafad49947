#include "cli/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace tarn::cli {
namespace {

using Json = nlohmann::json;

struct Cell {
  std::string text;
  bool number = false;
};

Cell ToCell(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>(), false};
  return {value.dump(), value.is_number()};
}

// Characters, not bytes: each UTF-8 sequence is taken for one column.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Padded(const Cell& cell, size_t width) {
  const std::string space(width - Width(cell.text), ' ');
  return cell.number ? space + cell.text : cell.text + space;
}

}  // namespace

Result<std::string> RenderTable(std::string_view envelope) {
  std::vector<std::vector<Cell>> rows(1);
  try {
    const Json answer = Json::parse(envelope);
    for (const Json& column : answer.at("columns")) {
      rows[0].push_back({column.at("name").get<std::string>(), false});
    }
    for (const Json& row : answer.at("rows")) {
      rows.emplace_back();
      for (const Json& value : row) rows.back().push_back(ToCell(value));
    }
  } catch (const Json::exception&) {
    return Internal("the answer is not that of POST /sql");
  }

  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i].text));
    }
  }
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < widths.size(); ++i) {
      Cell cell = rows[r][i];
      if (r == 0 && rows.size() > 1) cell.number = rows[1][i].number;
      if (i > 0) out += "  ";
      out += Padded(cell, widths[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
    if (r > 0) continue;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) out += "  ";
      out += std::string(widths[i], '-');
    }
    out += '\n';
  }
  return out;
}

}  // namespace tarn::cli
