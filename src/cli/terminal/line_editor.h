#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::cli {

// Lines that somebody edits in a terminal, with a history that lasts. One at a time in a program:
// libedit is told where the terminal is by it.
class LineEditor {
 public:
  // What the word before the cursor may become; `before` is all that was typed until the cursor.
  using Complete = std::function<std::vector<std::string>(std::string_view before)>;

  // An empty path: the history does not last.
  LineEditor(std::string history_path, Complete complete);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Kind { kLine, kCancelled, kEnd };  // Enter, Ctrl-C, Ctrl-D on an empty line.
  struct Line {
    Kind kind = Kind::kEnd;
    std::string text;
  };
  // `earlier` are the lines of the statement that this one goes on.
  Line Read(const std::string& prompt, const std::string& earlier);

  // For the keys that go through the history, and for the next time.
  void Remember(const std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tarn::cli
