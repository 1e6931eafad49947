#include "cli/commands/sql.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/text.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/output_file.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/prompt.h"
#include "cli/terminal/table.h"
#include "cli/terminal/text.h"
#include "protocol/format.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

// The default limit of a table, which is in memory as a whole because the widths of its columns
// depend on all rows.
constexpr uint64_t kTableRows = 10'000;

Result<std::string> ReadSql(const SqlOptions& options) {
  std::string sql = options.sql;
  if (sql.empty() || sql == "-") {
    if (isatty(STDIN_FILENO) != 0) {
      return InvalidArgument("no statement: use tarn sql \"SELECT 1\"");
    }
    sql.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (Trim(sql).empty()) return InvalidArgument("the statement is empty");
  return sql;
}

// Parses a number, true, false, null, or a JSON list or object. Other values are text. Numbers that
// would lose digits are text too: "007", "1.10", a number of 30 digits.
Json ToValue(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return text;
  return value.is_number() && value.dump() != text ? Json(text) : value;
}

Result<Json> ToParams(const std::vector<std::string>& given) {
  const auto is_named = [](const std::string& param) {
    const size_t equals = param.find('=');
    return equals != std::string::npos && equals > 0 &&
           param.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == equals;
  };
  Json list = Json::array();
  Json object = Json::object();
  for (const std::string& param : given) {
    if (is_named(param)) {
      const size_t equals = param.find('=');
      const std::string name = param.substr(0, equals);
      if (object.contains(name)) {
        return InvalidArgument(fmt::format("--param: {} is given twice", name));
      }
      object[name] = ToValue(param.substr(equals + 1));
    } else {
      list.push_back(ToValue(param));
    }
  }
  if (!list.empty() && !object.empty()) {
    return InvalidArgument("--param: cannot mix NAME=VALUE and VALUE");
  }
  return list.empty() ? object : list;
}

// Requests the progress of a query and shows it, if the query takes longer than half a second.
class QueryWatch {
 public:
  QueryWatch(const Remote& remote, const std::string& id)
      : thread_([&remote, id](const std::stop_token& stop) { Watch(remote, id, stop); }) {}

 private:
  static void Watch(const Remote& remote, const std::string& id, const std::stop_token& stop) {
    const auto pause = [&stop](std::chrono::milliseconds time) {
      const auto end = std::chrono::steady_clock::now() + time;
      while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    };
    pause(std::chrono::milliseconds(500));
    std::optional<Progress> progress;
    while (!stop.stop_requested()) {
      const auto query = remote.QueryJson({.path = "/queries/" + id});
      // The token may lack the right to read it.
      if (!query.ok()) return;
      if (!query->is_object()) return;
      const Json percent = query->value("progress_percent", Json());
      if (!progress) progress.emplace("running");
      if (percent.is_number()) {
        progress->SetShare(percent.get<double>() / 100);
      } else {
        progress->SetUnknown();
      }
      pause(std::chrono::milliseconds(200));
    }
  }

  std::jthread thread_;
};

}  // namespace

Result<Outcome> RunStatement(const Remote& remote, const Statement& statement,
                             const Output& output) {
  const bool is_table = statement.format == "table";
  Json body = {{"sql", statement.sql}};
  if (!statement.params.empty()) body["params"] = statement.params;
  const uint64_t row_limit = statement.row_limit > 0 ? statement.row_limit
                             : is_table              ? kTableRows
                                                     : 0;
  if (row_limit > 0) body["row_limit"] = row_limit;
  // Preserves all digits of big numbers.
  if (is_table) body["big_numbers"] = "string";

  const std::string id = "tarn-" + RandomId();
  http::ClientRequest request = {.method = "POST",
                                 .path = "/sql?format=" + (is_table ? "json" : statement.format),
                                 .body = body.dump(-1, ' ', false, Json::error_handler_t::replace),
                                 .accept = "*/*",
                                 .headers = {{"X-Query-Id", id}}};
  if (!is_table) request.on_body = output;
  const auto start = std::chrono::steady_clock::now();
  const Interrupt interrupt;
  std::optional<QueryWatch> watch;
  if (statement.shows_progress) watch.emplace(remote, id);
  Result<http::ClientResponse> answer = remote.Query(std::move(request), interrupt.token());
  watch.reset();
  if (!answer.ok()) return answer.error();
  Outcome outcome{.is_truncated = answer->Header("X-Truncated") == "true"};
  if (is_table) {
    TARN_TRY(const Table table, TableOf(answer->body));
    outcome.rows = table.size();
    const size_t width = TerminalWidth();
    TARN_CHECK_OK(output(table.Fits(width) ? table.Box(width, statement.colours)
                                           : table.Records(width, statement.colours)));
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

std::string Footer(const Outcome& outcome) {
  return fmt::format("({}{}, {})", Plural(outcome.rows, "row"),
                     outcome.is_truncated ? " and more" : "", FormatSeconds(outcome.seconds));
}

std::vector<std::string> SqlFormats() {
  std::vector<std::string> names = {"table"};
  for (const FormatDescription& format : Formats()) names.emplace_back(format.name);
  return names;
}

Result<> RunSql(const SqlOptions& options) {
  const bool has_text = !options.sql.empty();
  if (!has_text && isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 &&
      options.output.empty()) {
    TARN_TRY(const Remote remote, Remote::Open(options.remote));
    return RunPrompt(remote, options.format, options.row_limit);
  }
  TARN_TRY(const std::string sql, ReadSql(options));
  TARN_TRY(const Json params, ToParams(options.params));
  TARN_TRY(const Remote remote, Remote::Open(options.remote));
  const bool for_people = options.output.empty() && isatty(STDOUT_FILENO) != 0;
  const std::string format =
      !options.format.empty() ? options.format : std::string(for_people ? "table" : "csv");
  const std::optional<Format> encoded = FormatOfName(format);
  if (for_people && encoded && !Describe(*encoded).is_text) {
    return InvalidArgument("cannot print Arrow to a terminal: use --output FILE or a pipe");
  }
  TARN_TRY(OutputFile file, OutputFile::Open(options.output));
  TerminalFilter filter;
  const bool is_filtered = for_people && format != "table";
  const auto write = [&](std::string_view bytes) {
    return is_filtered ? file.Write(filter.Filter(bytes)) : file.Write(bytes);
  };
  TARN_TRY(const Outcome outcome,
           RunStatement(remote,
                        {.sql = sql,
                         .params = params,
                         .format = format,
                         .row_limit = options.row_limit,
                         // Otherwise the progress would mix with the rows.
                         .shows_progress = format == "table" || !for_people,
                         .colours = for_people ? Colours::For(stdout) : Colours()},
                        write));
  if (is_filtered) TARN_CHECK_OK(file.Write(filter.Flush()));
  TARN_CHECK_OK(file.Finish());
  if (format == "table" && for_people) {
    std::fprintf(stderr, "%s\n", Footer(outcome).c_str());
  } else if (outcome.is_truncated) {
    std::fprintf(stderr, "tarn: a limit cut the rows: use --limit for more\n");
  }
  return {};
}

}  // namespace tarn::cli
