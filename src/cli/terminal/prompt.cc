#include "cli/terminal/prompt.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/redact.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/commands/sql.h"
#include "cli/commands/sql_words.h"
#include "cli/commands/statement_text.h"
#include "cli/terminal/environment.h"
#include "cli/terminal/line_editor.h"
#include "cli/terminal/text.h"
#include "protocol/format.h"

namespace tarn::cli {
namespace {

constexpr const char* kPrompt = "tarn> ";
constexpr const char* kContinued = "  ..> ";

struct DotCommand {
  const char* name;
  const char* help;
};
constexpr DotCommand kCommands[] = {
    {".format", ".format F       set the format: table, json, ndjson or csv"},
    {".help", ".help           list the commands"},
    {".limit", ".limit N        maximum number of rows (0: no limit; tables: 10,000)"},
    {".pager", ".pager on|off   show long results in a pager"},
    {".quit", ".quit           end the prompt, like Ctrl-D"},
    {".schema", ".schema NAME    list the columns of a dataset"},
    {".tables", ".tables         list the datasets"},
    {".timing", ".timing on|off  show the number of rows and the time"},
};

std::string HistoryPath() {
  if (const std::string state = Environment("XDG_STATE_HOME"); !state.empty())
    return state + "/tarn/history";
  if (const std::string home = Environment("HOME"); !home.empty()) {
    return home + "/.local/state/tarn/history";
  }
  return "";
}

// Shows a text in the pager if it is longer than the screen. Returns false if it was not shown.
bool Page(std::string_view text) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return false;
  if (std::count(text.begin(), text.end(), '\n') < size.ws_row) return false;
  const char* pager = std::getenv("PAGER");  // NOLINT(concurrency-mt-unsafe): never set.
  // Makes the pager less show colours, unless the user has set LESS.
  setenv("LESS", "SRFX", 0);  // NOLINT(concurrency-mt-unsafe)
  // The pager can end early, which is not an error.
  const auto former = std::signal(SIGPIPE, SIG_IGN);
  // NOLINTNEXTLINE(bugprone-command-processor): $PAGER is a command of its user.
  FILE* pipe = popen(pager == nullptr || *pager == '\0' ? "less -SRFX" : pager, "we");
  if (pipe == nullptr) return false;
  const size_t written = std::fwrite(text.data(), 1, text.size(), pipe);
  const int status = pclose(pipe);
  std::signal(SIGPIPE, former);
  constexpr int kNotFound = 127;
  // After a partial write, the pager was there and the user has closed it.
  return written == text.size() ? !(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound) : true;
}

class Session {
 public:
  Session(const Remote& remote, const std::string& format, uint64_t row_limit)
      : remote_(remote),
        words_(remote),
        editor_(HistoryPath(), [this](std::string_view before) { return Candidates(before); }),
        format_(format.empty() ? "table" : format),
        row_limit_(row_limit) {}

  Result<> Run() {
    Print(fmt::format("tarn {} at {}. Statements end with a semicolon; .help shows more.\n",
                      Version(), remote_.queryd().host + ":" + remote_.queryd().port));
    std::string text;
    for (;;) {
      const LineEditor::Line line = editor_.Read(text.empty() ? kPrompt : kContinued, text);
      if (line.kind == LineEditor::Kind::kCancelled) {
        text.clear();
        continue;
      }
      if (line.kind == LineEditor::Kind::kEnd) {
        Print("\n");
        return {};
      }
      if (text.empty() && Trim(line.text).empty()) continue;
      if (text.empty() && Trim(line.text).starts_with('.')) {
        editor_.Remember(line.text);
        if (!RunCommand(Trim(line.text))) return {};
        continue;
      }
      text += line.text + "\n";
      bool is_first = true;
      for (size_t end = EndOfStatement(text); end != std::string::npos;
           end = EndOfStatement(text)) {
        const std::string statement(Trim(std::string_view(text).substr(0, end)));
        if (is_first) editor_.Remember(std::string(Trim(text)));
        is_first = false;
        text.erase(0, end);
        if (!RunText(statement)) text.clear();
      }
      if (IsBlank(text)) text.clear();
    }
  }

 private:
  static void Print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  std::vector<std::string> Candidates(std::string_view before) {
    const Word word = WordBefore(before);
    if (word.is_in_literal) return {};
    std::vector<std::string> found;
    if (word.text.starts_with('.')) {
      for (const DotCommand& command : kCommands) {
        if (std::string_view(command.name).starts_with(word.text)) found.emplace_back(command.name);
      }
      return found;
    }
    if (word.text.empty() && !word.is_quoted) return {};
    return words_.Completions(word);
  }

  // Runs a statement. Returns false if it failed, so that the rest of the line does not run.
  bool RunText(const std::string& sql) {
    if (sql == ";") return true;
    std::string held;
    const bool is_table = format_ == "table";
    TerminalFilter filter;
    const auto outcome = RunStatement(remote_,
                                      {.sql = sql,
                                       .format = format_,
                                       .row_limit = row_limit_,
                                       .shows_progress = is_table,
                                       .colours = colours_},
                                      [&](std::string_view bytes) -> Result<> {
                                        if (is_table) {
                                          held += bytes;
                                        } else {
                                          Print(filter.Filter(bytes));
                                        }
                                        return {};
                                      });
    Print(filter.Flush());
    if (!outcome.ok()) {
      const bool stopped = outcome.error().kind == ErrorKind::kCancelled;
      Print(colours_(Style::kBad, stopped ? "Cancelled."
                                          : LinesWithoutControls(ProcessRedactor().Redact(
                                                outcome.error().message))) +
            "\n");
      return false;
    }
    if (is_table && !(pages_ && Page(held))) Print(held);
    if (says_timing_ && is_table) Print(colours_(Style::kFaint, Footer(*outcome)) + "\n");
    return true;
  }

  // Runs a command. Returns false at the end of the prompt.
  bool RunCommand(std::string_view line) {
    const size_t space = std::min(line.find(' '), line.size());
    std::string name = ToLowerAscii(line.substr(0, space));
    if (name.ends_with(';')) name.pop_back();
    std::string argument(Trim(line.substr(space)));
    if (argument.ends_with(';')) argument.pop_back();
    const auto on_or_off = [&](bool& setting) {
      if (argument == "on" || argument == "off") {
        setting = argument == "on";
      } else {
        Print("usage: " + name + " on|off\n");
      }
    };
    if (name == ".quit" || name == ".exit") return false;
    if (name == ".tables") {
      RunText("SHOW TABLES");
    } else if (name == ".schema") {
      if (argument.empty()) {
        Print("usage: .schema NAME\n");
      } else {
        RunText("DESCRIBE \"" + ReplaceAll(argument, "\"", "\"\"") + "\"");
      }
    } else if (name == ".format") {
      const std::optional<Format> format = FormatOfName(argument);
      if (argument == "table" || (format && Describe(*format).is_text)) {
        format_ = argument;
      } else {
        Print("usage: .format table|json|ndjson|csv\n");
      }
    } else if (name == ".limit") {
      const bool is_number = !argument.empty() && argument.size() <= 18 &&
                             argument.find_first_not_of("0123456789") == std::string::npos;
      if (is_number) {
        row_limit_ = std::stoull(argument);
      } else {
        Print("usage: .limit N\n");
      }
    } else if (name == ".pager") {
      on_or_off(pages_);
    } else if (name == ".timing") {
      on_or_off(says_timing_);
    } else {
      if (name != ".help") Print("unknown command " + name + "; the commands are:\n");
      for (const DotCommand& command : kCommands) Print(fmt::format("{}\n", command.help));
    }
    return true;
  }

  const Remote& remote_;
  const Colours colours_ = Colours::For(stdout);
  SqlWords words_;
  LineEditor editor_;
  std::string format_;
  uint64_t row_limit_;
  bool pages_ = true;
  bool says_timing_ = true;
};

}  // namespace

Result<> RunPrompt(const Remote& remote, const std::string& format, uint64_t row_limit) {
  if (format == "arrow") {
    return InvalidArgument("cannot print Arrow to a terminal: use --output FILE");
  }
  // Fails early if queryd does not respond.
  TARN_CHECK_OK(remote.Query({.path = "/healthz", .accept = "*/*"}));
  // Blocks SIGINT in this thread and in those that it starts, so that only Interrupt receives it.
  // In the line editor, Ctrl-C is a key.
  sigset_t interrupt;
  sigset_t former;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, &former);
  const Result<> done = Session(remote, format, row_limit).Run();
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  return done;
}

}  // namespace tarn::cli
