#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::cli {

// Reads lines from a terminal with libedit, with completion and a history in a file. Only one may
// exist.
class LineEditor {
 public:
  // Returns completions of the word before the cursor. `before` is the text before the cursor.
  using Complete = std::function<std::vector<std::string>(std::string_view before)>;

  // With an empty path, the history is not saved.
  LineEditor(std::string history_path, Complete complete);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Kind { kLine, kCancelled, kEnd };  // Enter, Ctrl-C, Ctrl-D on an empty line.
  struct Line {
    Kind kind = Kind::kEnd;
    std::string text;
  };
  // Reads a line. `earlier` has the lines before it in the same statement.
  Line Read(const std::string& prompt, const std::string& earlier);

  // Adds a text to the history and to its file.
  void Remember(const std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tarn::cli
