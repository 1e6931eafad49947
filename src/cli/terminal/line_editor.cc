#include "cli/terminal/line_editor.h"

#include <histedit.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "cli/commands/statement_text.h"
#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

constexpr int kHistoryMax = 1000;
// Larger files are rewritten with the last kHistoryMax entries.
constexpr uintmax_t kHistoryBytesMax = 4'000'000;
// More waiting keys mean that the text is pasted and not typed.
constexpr int kTypedAheadMax = 3;
// The most candidates to show: about a screen.
constexpr size_t kShownMax = 100;

std::string CommonPrefix(const std::vector<std::string>& words) {
  std::string prefix = words.front();
  for (const std::string& word : words) {
    size_t same = 0;
    while (same < prefix.size() && same < word.size() && prefix[same] == word[same]) ++same;
    prefix.resize(same);
  }
  return prefix;
}

}  // namespace

struct LineEditor::State {
  EditLine* edit = nullptr;
  History* history = nullptr;
  std::string history_path;
  Complete complete;
  std::string prompt;
  std::string earlier;
  bool was_cancelled = false;

  static State& Of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<State*>(self);
  }

  static char* Prompt(EditLine* edit) { return Of(edit).prompt.data(); }

  static unsigned char OnCancel(EditLine* edit, int) {
    State& state = Of(edit);
    state.was_cancelled = true;
    std::fputs("^C\n", stdout);
    return CC_NEWLINE;
  }

  static unsigned char OnTab(EditLine* edit, int) {
    const State& state = Of(edit);
    const LineInfo* line = el_line(edit);
    const std::string before =
        state.earlier + std::string(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    // In pasted text, a tab becomes a blank.
    int waits = 0;
    ioctl(STDIN_FILENO, FIONREAD, &waits);
    const std::vector<std::string> words =
        waits > kTypedAheadMax ? std::vector<std::string>() : state.complete(before);
    if (words.empty()) {
      el_insertstr(edit, " ");
      return CC_REFRESH;
    }
    const Word word = WordBefore(before);
    const std::string common = CommonPrefix(words);
    const bool is_longer = common.size() > word.text.size();
    if (is_longer || words.size() == 1) {
      // Replaces the word, because its case can differ from the name.
      el_deletestr(edit, static_cast<int>(CountCharacters(word.text)));
      std::string text = common;
      if (words.size() == 1) text += word.is_quoted ? "\" " : " ";
      el_insertstr(edit, text.c_str());
      return words.size() == 1 ? CC_REFRESH : CC_REFRESH_BEEP;
    }
    state.Show(words);
    return CC_REDISPLAY;
  }

  static void Show(const std::vector<std::string>& words) {
    const size_t shown = std::min(words.size(), kShownMax);
    size_t widest = 0;
    for (size_t i = 0; i < shown; ++i)
      widest = std::max(widest, DisplayWidth(WithoutControls(words[i])));
    const size_t width = std::max<size_t>(TerminalWidth(), 20);
    const size_t across = std::max<size_t>(1, width / (widest + 2));
    std::string text = "\n";
    for (size_t i = 0; i < shown; ++i) {
      text += WithoutControls(words[i]);
      if ((i + 1) % across == 0 || i + 1 == shown) {
        text += '\n';
      } else {
        text += std::string(widest + 2 - DisplayWidth(WithoutControls(words[i])), ' ');
      }
    }
    if (words.size() > shown) text += "… and " + Plural(words.size() - shown, "more name") + "\n";
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  static size_t CountCharacters(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
  }
};

LineEditor::LineEditor(std::string history_path, Complete complete)
    : state_(std::make_unique<State>()) {
  // libedit splits text into characters by the locale.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  state_->history_path = std::move(history_path);
  state_->complete = std::move(complete);
  state_->history = history_init();
  HistEvent event;
  history(state_->history, &event, H_SETSIZE, kHistoryMax);
  history(state_->history, &event, H_SETUNIQUE, 1);
  if (!state_->history_path.empty()) {
    history(state_->history, &event, H_LOAD, state_->history_path.c_str());
    std::error_code ignored;
    if (std::filesystem::file_size(state_->history_path, ignored) > kHistoryBytesMax && !ignored) {
      history(state_->history, &event, H_SAVE, state_->history_path.c_str());
    }
  }
  state_->edit = el_init("tarn", stdin, stdout, stderr);
  EditLine* edit = state_->edit;
  el_set(edit, EL_CLIENTDATA, state_.get());
  el_set(edit, EL_EDITOR, "emacs");
  el_set(edit, EL_SIGNAL, 1);
  el_set(edit, EL_PROMPT, &State::Prompt);
  el_set(edit, EL_HIST, history, state_->history);
  el_set(edit, EL_ADDFN, "tarn-complete", "Complete a name", &State::OnTab);
  el_set(edit, EL_ADDFN, "tarn-cancel", "Leave the statement", &State::OnCancel);
  el_set(edit, EL_BIND, "^I", "tarn-complete", nullptr);
  el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // Makes Ctrl-C a key in place of a signal, so that it only clears the line.
  el_set(edit, EL_SETTY, "-d", "-isig", nullptr);
  el_set(edit, EL_BIND, "^C", "tarn-cancel", nullptr);
}

LineEditor::~LineEditor() {
  el_end(state_->edit);
  history_end(state_->history);
}

LineEditor::Line LineEditor::Read(const std::string& prompt, const std::string& earlier) {
  state_->prompt = prompt;
  state_->earlier = earlier;
  state_->was_cancelled = false;
  // Prepares the terminal before the prompt appears. Otherwise the terminal's own line editor could
  // take a Ctrl-D or Ctrl-C that comes at the same time.
  el_set(state_->edit, EL_PREP_TERM, 1);
  int count = 0;
  const char* text = el_gets(state_->edit, &count);
  if (state_->was_cancelled) return {.kind = Kind::kCancelled};
  if (text == nullptr || count <= 0) return {.kind = Kind::kEnd};
  std::string line(text, static_cast<size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  return {.kind = Kind::kLine, .text = line};
}

void LineEditor::Remember(const std::string& text) {
  HistEvent event;
  history(state_->history, &event, H_ENTER, text.c_str());
  if (state_->history_path.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(state_->history_path).parent_path(),
                                      ignored);
  // Only the user may read the file, because statements can contain private values.
  const mode_t former = umask(0077);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(state_->history_path.c_str(), "abe"),
                                                   &std::fclose);
  umask(former);
  if (file == nullptr) return;
  // Appends this entry only, because other prompts append theirs.
  flock(fileno(file.get()), LOCK_EX);
  std::fseek(file.get(), 0, SEEK_END);
  history(state_->history, &event, H_NSAVE_FP, size_t{1}, file.get());
}

}  // namespace tarn::cli
