#include "cli/prompt.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

#include "base/redact.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/environment.h"
#include "cli/line_editor.h"
#include "cli/sql.h"
#include "cli/statement_text.h"
#include "cli/text.h"
#include "duck/quote.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPrompt = "tarn> ";
constexpr const char* kContinued = "  ..> ";
constexpr auto kNamesEvery = std::chrono::seconds(60);
constexpr uint64_t kNamesMax = 100'000;

constexpr const char* kKeywords[] = {
    "ALL",     "AND",     "ANTI",      "AS",     "ASC",     "BETWEEN",  "BY",        "CASE",
    "CAST",    "COUNT",   "CROSS",     "DATE",   "DESC",    "DESCRIBE", "DISTINCT",  "ELSE",
    "END",     "EXCEPT",  "EXCLUDE",   "EXISTS", "EXPLAIN", "FALSE",    "FILTER",    "FROM",
    "FULL",    "GROUP",   "HAVING",    "ILIKE",  "IN",      "INNER",    "INTERSECT", "INTERVAL",
    "IS",      "JOIN",    "LEFT",      "LIKE",   "LIMIT",   "NATURAL",  "NOT",       "NULL",
    "OFFSET",  "ON",      "OR",        "ORDER",  "OUTER",   "OVER",     "PARTITION", "PIVOT",
    "QUALIFY", "REPLACE", "RIGHT",     "SAMPLE", "SELECT",  "SEMI",     "SHOW",      "SUMMARIZE",
    "TABLES",  "THEN",    "TIMESTAMP", "TRUE",   "UNION",   "UNPIVOT",  "USING",     "VALUES",
    "WHEN",    "WHERE",   "WINDOW",    "WITH"};

// Whether a name is one in SQL only in quotes.
bool NeedsQuotes(const std::string& name) {
  const bool is_word = !name.empty() && (name[0] < '0' || name[0] > '9') &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
                       });
  return !is_word ||
         std::any_of(std::begin(kKeywords), std::end(kKeywords),
                     [&name](const char* each) { return EqualsIgnoreCase(each, name); });
}

struct DotCommand {
  const char* name;
  const char* help;
};
constexpr DotCommand kCommands[] = {
    {".format", ".format F       table, json, ndjson or csv"},
    {".help", ".help           this"},
    {".limit", ".limit N        the most rows; 0: as many as there are, of a table 10,000"},
    {".pager", ".pager on|off   show what is longer than the screen in a pager"},
    {".quit", ".quit           end; so does Ctrl-D"},
    {".schema", ".schema NAME    the columns of a dataset"},
    {".tables", ".tables         the datasets"},
    {".timing", ".timing on|off  say how many rows there are and how long it took"},
};

std::string HistoryPath() {
  if (const std::string state = Environment("XDG_STATE_HOME"); !state.empty())
    return state + "/tarn/history";
  if (const std::string home = Environment("HOME"); !home.empty()) {
    return home + "/.local/state/tarn/history";
  }
  return "";
}

// The names of datasets and columns, read now and then beside what else is done.
class Names {
 public:
  explicit Names(const Remote& remote)
      : thread_([this, &remote](const std::stop_token& stop) { Follow(remote, stop); }) {}

  std::vector<std::string> BeginningWith(std::string_view prefix) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const std::string& name : names_) {
      if (name.size() >= prefix.size() &&
          EqualsIgnoreCase(std::string_view(name).substr(0, prefix.size()), prefix)) {
        found.push_back(name);
      }
    }
    return found;
  }

 private:
  void Follow(const Remote& remote, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      Read(remote, stop);
      const auto again = std::chrono::steady_clock::now() + kNamesEvery;
      while (!stop.stop_requested() && std::chrono::steady_clock::now() < again) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
  }
  void Read(const Remote& remote, const std::stop_token& stop) {
    const Json body = {
        {"sql",
         "SELECT table_name, list(column_name) FROM information_schema.columns GROUP BY ALL"},
        {"row_limit", kNamesMax}};
    const auto answer = remote.Query({.method = "POST", .path = "/sql", .body = body.dump()}, stop);
    if (!answer.ok()) return;
    const Json result = Json::parse(answer->body, nullptr, false);
    if (!result.is_object()) return;
    std::set<std::string> names;
    try {
      for (const Json& row : result.value("rows", Json::array())) {
        names.insert(row.at(0).get<std::string>());
        for (const Json& column : row.at(1)) names.insert(column.get<std::string>());
      }
    } catch (const Json::exception&) {
      return;  // That is no Tarn.
    }
    const std::lock_guard lock(mutex_);
    names_ = std::move(names);
  }

  std::mutex mutex_;
  std::set<std::string> names_;  // guarded by mutex_
  std::jthread thread_;          // Last: it uses the others.
};

// A pipe to a pager, for what is longer than the screen.
bool Page(std::string_view text) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return false;
  if (std::count(text.begin(), text.end(), '\n') < size.ws_row) return false;
  const char* pager = std::getenv("PAGER");  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  // Colours go through less only if it is told, and are kept by whoever has told it something else.
  setenv("LESS", "SRFX", 0);  // NOLINT(concurrency-mt-unsafe)
  // The pager's own Ctrl-C is not ours. Without one to be found, all is printed.
  const auto former = std::signal(SIGPIPE, SIG_IGN);
  // NOLINTNEXTLINE(bugprone-command-processor): $PAGER is a command of its user.
  FILE* pipe = popen(pager == nullptr || *pager == '\0' ? "less -SRFX" : pager, "we");
  if (pipe == nullptr) return false;
  const size_t written = std::fwrite(text.data(), 1, text.size(), pipe);
  const int status = pclose(pipe);
  std::signal(SIGPIPE, former);
  constexpr int kNotFound = 127;
  // Somebody who leaves the pager early has seen enough.
  return written == text.size() ? !(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound) : true;
}

class Session {
 public:
  Session(const Remote& remote, const std::string& format, uint64_t row_limit)
      : remote_(remote),
        names_(remote),
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
    found = names_.BeginningWith(word.text);
    if (!word.is_quoted) {
      for (std::string& name : found) {
        if (NeedsQuotes(name)) name = duck::QuoteIdentifier(name);
      }
    }
    if (!word.is_quoted && found.empty()) {
      for (const char* keyword : kKeywords) {
        if (EqualsIgnoreCase(std::string_view(keyword).substr(0, word.text.size()), word.text)) {
          found.emplace_back(keyword);
        }
      }
    }
    return found;
  }

  // False: it failed, and what came behind it in the same line is not run.
  bool RunText(const std::string& sql) {
    if (sql == ";") return true;
    std::string held;
    const bool is_table = format_ == "table";
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
                                          Print(WithoutEscapes(bytes));
                                        }
                                        return {};
                                      });
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

  // False: it is over.
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
        Print(name + " on, or " + name + " off\n");
      }
    };
    if (name == ".quit" || name == ".exit") return false;
    if (name == ".tables") {
      RunText("SHOW TABLES");
    } else if (name == ".schema") {
      if (argument.empty()) {
        Print(".schema NAME: the name of a dataset\n");
      } else {
        RunText("DESCRIBE \"" + ReplaceAll(argument, "\"", "\"\"") + "\"");
      }
    } else if (name == ".format") {
      if (argument == "table" || argument == "json" || argument == "ndjson" || argument == "csv") {
        format_ = argument;
      } else {
        Print(".format table, json, ndjson or csv\n");
      }
    } else if (name == ".limit") {
      const bool is_number = !argument.empty() && argument.size() <= 18 &&
                             argument.find_first_not_of("0123456789") == std::string::npos;
      if (is_number) {
        row_limit_ = std::stoull(argument);
      } else {
        Print(".limit N: a number of rows\n");
      }
    } else if (name == ".pager") {
      on_or_off(pages_);
    } else if (name == ".timing") {
      on_or_off(says_timing_);
    } else {
      if (name != ".help") Print("there is no " + name + "; these are:\n");
      for (const DotCommand& command : kCommands) Print(fmt::format("{}\n", command.help));
    }
    return true;
  }

  const Remote& remote_;
  const Colours colours_ = Colours::For(stdout);
  Names names_;
  LineEditor editor_;
  std::string format_;
  uint64_t row_limit_;
  bool pages_ = true;
  bool says_timing_ = true;
};

}  // namespace

Result<> RunPrompt(const Remote& remote, const std::string& format, uint64_t row_limit) {
  if (format == "arrow") return InvalidArgument("Arrow is not for a terminal: give --output FILE");
  // Which says at once where nobody answers.
  TARN_CHECK_OK(remote.Query({.path = "/healthz", .accept = "*/*"}));
  // Threads that are begun from here on have it blocked too: only who waits for it gets it. While a
  // line is edited, Ctrl-C is a key.
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
