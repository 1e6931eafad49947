#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/terminal/colours.h"

namespace tarn::cli {

// A table for a terminal.
class Table {
 public:
  struct Column {
    std::string name;
    bool to_the_right = false;  // The alignment of numbers.
    std::string type = {};      // Shown below the name in a box.
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  struct Cell {
    std::string text;
    bool is_null = false;  // SQL's NULL, as opposed to the text "NULL".
  };

  // Adds a row with a cell for each column. Shows control characters as escapes.
  void Add(std::vector<std::string> cells);
  void AddCells(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  // Returns the names, a line and the rows. Cuts the widest columns if the table is wider than
  // `width`, unless that is 0.
  std::string Text(size_t width, const Colours& colours = {}) const;
  // The same for stdout.
  std::string Text() const;

  // The same in a box, with the types of the columns.
  std::string Box(size_t width, const Colours& colours = {}) const;
  // Returns true if all columns fit in a box, possibly with cut cells.
  bool Fits(size_t width) const;
  // Returns each row as a list, with a line for each column. For tables that do not fit.
  std::string Records(size_t width, const Colours& colours = {}) const;

 private:
  // The width of the lines and spaces in a box.
  size_t BoxLines() const { return 3 * columns_.size() + 1; }
  std::vector<size_t> Widths(size_t width, size_t between, bool with_types) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// Parses a JSON response of POST /sql.
Result<Table> TableOf(std::string_view envelope);

}  // namespace tarn::cli
