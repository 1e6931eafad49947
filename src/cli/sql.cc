#include "cli/sql.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

// Nobody reads more in a terminal, and the widths of columns are those of all rows.
constexpr uint64_t kTableRows = 10'000;

Result<std::string> ReadSql(const SqlOptions& options) {
  std::string sql = options.sql;
  if (sql.empty() || sql == "-") {
    if (isatty(STDIN_FILENO) != 0) {
      return InvalidArgument("give a statement, as in  tarn sql \"SELECT 1\"");
    }
    sql.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (Trim(sql).empty()) return InvalidArgument("the statement is empty");
  return sql;
}

// A number, true, false, null or a JSON list or object is taken for it; all else is a text.
Json ToValue(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
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
      object[param.substr(0, equals)] = ToValue(param.substr(equals + 1));
    } else {
      list.push_back(ToValue(param));
    }
  }
  if (!list.empty() && !object.empty()) {
    return InvalidArgument("--param: give all of them a name, or none");
  }
  return list.empty() ? object : list;
}

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

Result<File> OpenOutput(const std::string& path) {
  if (path.empty()) return File(stdout, &std::fflush);
  File file(std::fopen(path.c_str(), "wbe"), &std::fclose);
  if (file == nullptr) {
    return InvalidArgument(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  return file;
}

Result<> Write(std::string_view bytes, FILE* file) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size()) return {};
  return Error{ErrorKind::kCancelled, fmt::format("cannot write: {}", std::strerror(errno))};
}

}  // namespace

Result<> RunSql(const SqlOptions& options) {
  TARN_TRY(const std::string sql, ReadSql(options));
  TARN_TRY(const Json params, ToParams(options.params));
  TARN_TRY(const Remote remote, Remote::Open(options.remote));
  const bool for_people = options.output.empty() && isatty(STDOUT_FILENO) != 0;
  const std::string format =
      !options.format.empty() ? options.format : std::string(for_people ? "table" : "csv");
  const bool is_table = format == "table";
  if (format == "arrow" && for_people) {
    return InvalidArgument("Arrow is not for a terminal: give --output FILE, or a pipe");
  }

  Json body = {{"sql", sql}};
  if (!params.empty()) body["params"] = params;
  const uint64_t row_limit = options.row_limit > 0 ? options.row_limit : is_table ? kTableRows : 0;
  if (row_limit > 0) body["row_limit"] = row_limit;
  // Their digits are shown as they are.
  if (is_table) body["big_numbers"] = "string";

  TARN_TRY(const File file, OpenOutput(options.output));
  const std::string id = "tarn-" + RandomId();
  http::ClientRequest request = {.method = "POST",
                                 .path = "/sql?format=" + (is_table ? "json" : format),
                                 .body = body.dump(),
                                 .accept = "*/*",
                                 .headers = {{"X-Query-Id", id}}};
  if (!is_table) {
    request.on_body = [&](std::string_view piece) { return Write(piece, file.get()); };
  }
  const Interrupt interrupt;
  TARN_TRY(const http::ClientResponse answer, remote.Query(std::move(request), interrupt.token()));
  const bool truncated = answer.Header("X-Truncated") == "true";
  if (is_table) {
    TARN_TRY(const Table table, TableOf(answer.body));
    TARN_CHECK_OK(Write(table.Text(), file.get()));
    if (for_people) {
      std::fprintf(stderr, "(%s%s)\n", Plural(table.size(), "row").c_str(),
                   truncated ? ", and more: --limit shows more" : "");
    }
  } else if (truncated) {
    std::fprintf(stderr, "tarn: a limit cut rows off\n");
  }
  return {};
}

}  // namespace tarn::cli
