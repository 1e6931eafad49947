#include "cli/datasets.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/columns.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Result<> PrintJson(const Json& json) {
  Print(json.dump(2) + "\n");
  return {};
}

// Of all objects; none where one does not say.
std::optional<uint64_t> BytesOf(const Json& content) {
  uint64_t bytes = 0;
  for (const Json& object : content.at("objects")) {
    if (!object.contains("size")) return std::nullopt;
    bytes += object.at("size").get<uint64_t>();
  }
  return bytes;
}

std::string RowsOf(const Json& content) {
  const auto rows = content.find("row_count");
  return rows == content.end() || rows->is_null() ? "" : FormatCount(rows->get<uint64_t>());
}

std::string SizeOf(const Json& content) {
  const std::optional<uint64_t> bytes = BytesOf(content);
  return bytes ? FormatBytes(*bytes) : "";
}

// "2026-11-22 17:24:16" of RFC 3339.
std::string ShortTime(const Json& time) {
  std::string text = time.get<std::string>().substr(0, 19);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

Result<> WrongAnswer(const Json::exception& e) {
  return Internal(
      fmt::format("the answer of the catalogue is not what it should be: {}", e.what()));
}

}  // namespace

Result<> ListDatasets(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Json list, remote.CatalogJson({.path = "/catalog/list"}));
  if (options.json) return PrintJson(list);
  try {
    Table table({{"name"}, {"objects", true}, {"rows", true}, {"size", true}, {"changed (UTC)"}});
    for (const Json& manifest : list.at("manifests")) {
      table.Add({manifest.at("name").get<std::string>(), FormatCount(manifest.at("objects").size()),
                 RowsOf(manifest), SizeOf(manifest), ShortTime(manifest.at("updated_at"))});
    }
    if (table.empty()) {
      Print("There are no datasets yet.\n");
    } else {
      Print(table.Text());
    }
  } catch (const Json::exception& e) {
    return WrongAnswer(e);
  }
  return {};
}

Result<> ShowDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Json manifest, remote.CatalogJson({.path = DatasetPath(options.name)}));
  if (options.json) return PrintJson(manifest);
  try {
    Print(fmt::format("{}\n", manifest.at("name").get<std::string>()));
    const auto line = [](std::string_view name, const std::string& value) {
      if (!value.empty()) Print(fmt::format("  {:<10}{}\n", name, value));
    };
    line("rows", RowsOf(manifest));
    line("size", SizeOf(manifest));
    if (manifest.contains("version")) {
      line("version", FormatCount(manifest.at("version").get<uint64_t>()));
    }
    line("created", ShortTime(manifest.at("created_at")) + " UTC");
    line("changed", ShortTime(manifest.at("updated_at")) + " UTC");
    Table columns({{"column"}, {"type"}, {""}});
    for (const Json& column : manifest.value("schema", Json::array())) {
      const bool required = column.value("nullable", true) == false;
      columns.Add({column.at("name").get<std::string>(), column.at("type").get<std::string>(),
                   required ? "not null" : ""});
    }
    if (columns.empty()) {
      // It goes without them where queryd cannot be asked.
      for (const Column& column :
           AskColumns(remote, options.name).value_or(std::vector<Column>())) {
        columns.Add({column.name, column.type});
      }
    }
    if (!columns.empty()) Print("\n" + columns.Text());
    Table objects({{"object"}, {"size", true}, {"etag"}});
    for (const Json& object : manifest.at("objects")) {
      objects.Add({object.at("key").get<std::string>(),
                   object.contains("size") ? FormatBytes(object.at("size").get<uint64_t>()) : "",
                   object.value("etag", "")});
    }
    Print("\n" + objects.Text());
  } catch (const Json::exception& e) {
    return WrongAnswer(e);
  }
  return {};
}

Result<> RemoveDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  if (!options.yes && isatty(STDIN_FILENO) != 0) {
    std::fprintf(stderr, "Take \"%s\" out of the catalogue? Its objects stay in the bucket. [y/N] ",
                 options.name.c_str());
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") {
      return Error{ErrorKind::kCancelled, "nothing was changed"};
    }
  }
  TARN_TRY(const http::ClientResponse gone,
           remote.Catalog({.method = "DELETE", .path = DatasetPath(options.name)}));
  if (!options.json) {
    Print(
        fmt::format("\"{}\" is gone; `tarn restore` brings it back. Its objects are still in the "
                    "bucket.\n",
                    options.name));
  }
  return RequireVisible(remote, options.name);
}

Result<> ShowHistory(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Json history,
           remote.CatalogJson({.path = fmt::format("{}/history?limit={}", DatasetPath(options.name),
                                                   options.limit)}));
  if (options.json) return PrintJson(history);
  try {
    Table table({{"version", true},
                 {"changed (UTC)"},
                 {"what"},
                 {"objects", true},
                 {"rows", true},
                 {"size", true}});
    for (const Json& entry : history.at("versions")) {
      const std::string version = FormatCount(entry.at("version").get<uint64_t>());
      const std::string time = ShortTime(entry.at("updated_at"));
      if (entry.at("deleted").get<bool>()) {
        table.Add({version, time, "deleted", "", "", ""});
        continue;
      }
      const Json& content = entry.at("content");
      table.Add({version, time, "written", FormatCount(content.at("objects").size()),
                 RowsOf(content), SizeOf(content)});
    }
    Print(table.Text());
    if (history.contains("next_before")) Print("… and older ones: --limit shows more.\n");
  } catch (const Json::exception& e) {
    return WrongAnswer(e);
  }
  return {};
}

Result<> RestoreDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Json manifest,
           remote.CatalogJson({.method = "POST",
                               .path = DatasetPath(options.name) + "/restore",
                               .body = Json({{"version", options.version}}).dump()}));
  if (options.json) {
    TARN_CHECK_OK(PrintJson(manifest));
    return RequireVisible(remote, options.name);
  }
  try {
    Print(fmt::format("\"{}\" has the content of version {} again, as version {}.\n", options.name,
                      options.version, manifest.at("version").get<uint64_t>()));
  } catch (const Json::exception& e) {
    return WrongAnswer(e);
  }
  return RequireVisible(remote, options.name);
}

}  // namespace tarn::cli
