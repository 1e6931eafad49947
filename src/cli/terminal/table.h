#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/terminal/colours.h"

namespace tarn::cli {

// Rows for a terminal: a head, a line, the rows.
class Table {
 public:
  struct Column {
    std::string name;
    bool to_the_right = false;  // Numbers.
    std::string type = {};      // Below the name, in a box.
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  struct Cell {
    std::string text;
    bool is_null = false;  // SQL's NULL, which a text "NULL" is not.
  };

  // A cell for each column. Control characters are shown, and not sent to the terminal.
  void Add(std::vector<std::string> cells);
  void AddCells(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  // Where it is wider than `width`, the widest columns are cut; 0: as wide as it is.
  std::string Text(size_t width, const Colours& colours = {}) const;
  // For stdout.
  std::string Text() const;

  // The same with lines around it, and the types of the columns.
  std::string Box(size_t width, const Colours& colours = {}) const;
  // Whether all columns of a box have room, cut or not.
  bool Fits(size_t width) const;
  // For what does not: each row is a list, a line for each of its columns.
  std::string Records(size_t width, const Colours& colours = {}) const;

 private:
  // What a box has besides its cells: a line and a space on each side of them.
  size_t BoxLines() const { return 3 * columns_.size() + 1; }
  std::vector<size_t> Widths(size_t width, size_t between, bool with_types) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// The answer of POST /sql as a table. The error is a text that is not such an answer.
Result<Table> TableOf(std::string_view envelope);

}  // namespace tarn::cli
