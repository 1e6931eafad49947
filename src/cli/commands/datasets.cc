#include "cli/commands/datasets.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "base/text.h"
#include "cli/columns.h"
#include "cli/terminal/table.h"
#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Result<> PrintJson(const Json& json) {
  Print(EscapeUnprintableJson(json.dump(2)) + "\n");
  return {};
}

// Returns the size of all objects, or nullopt if one is unknown.
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

// Returns "2026-11-22 17:24:16" for a time of RFC 3339.
std::string ShortTime(const Json& time) {
  std::string text = time.get<std::string>().substr(0, 19);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

// Reads the newest versions of all datasets that had the name.
Result<Json> ReadHistory(Remote& remote, const std::string& name, uint64_t limit) {
  return remote.CatalogJson({.path = fmt::format("{}/history?limit={}", DatasetPath(name), limit)});
}

// Returns the first digits of an id, which suffice to distinguish datasets.
std::string ShortId(const std::string& dataset_id) {
  constexpr size_t kShown = 8;
  return dataset_id.substr(0, kShown);
}

// Finds the dataset whose id begins with `prefix`, among all that had the name.
Result<std::string> FindDatasetId(Remote& remote, const std::string& name,
                                  const std::string& prefix) {
  constexpr uint64_t kVersionsMax = 1000;
  TARN_TRY(const Json history, ReadHistory(remote, name, kVersionsMax));
  std::set<std::string> found;
  for (const Json& entry : history.value("versions", Json::array())) {
    const std::string id = entry.value("dataset_id", "");
    if (id.starts_with(prefix)) found.insert(id);
  }
  if (found.size() == 1) return *found.begin();
  return InvalidArgument(fmt::format(
      "--dataset-id {}: {} \"{}\" has an id that begins with it: see `tarn history`", prefix,
      found.empty() ? "no dataset with the name" : "more than one dataset with the name", name));
}

// Returns the command that restores a dataset that was just removed.
std::string RestoreCommand(Remote& remote, const std::string& name) {
  const auto history = ReadHistory(remote, name, 2);
  const Json version =
      history.ok() ? history->value(Json::json_pointer("/versions/1/version"), Json()) : Json();
  return version.is_number_unsigned()
             ? fmt::format("tarn restore {} {}", ShellQuoted(name), version.get<uint64_t>())
             : "tarn restore";
}

Result<> InvalidResponseError(const Json::exception& e) {
  return Internal(fmt::format("the catalogue sent an invalid response: {}", e.what()));
}

// Returns an error if queryd reports that the dataset cannot be read. Succeeds without queryd.
Result<> RequireReadable(const Remote& remote, const std::string& name) {
  const auto status = remote.QueryJson({.path = "/catalog/status?dataset=" + PercentEncode(name)});
  if (!status.ok()) return {};
  for (const Json& failed : status->value("failed", Json::array())) {
    if (failed.value("name", "") != name) continue;
    return InvalidArgument(
        fmt::format("dataset \"{}\": it is registered, but it cannot be read since {}: {}", name,
                    failed.value("since", ""), failed.value("error", "")));
  }
  return {};
}

// Returns the columns that queries see, or else those of the manifest.
Table ColumnTable(const std::vector<Column>& seen, const Json& manifest) {
  std::set<std::string> required;
  std::vector<Column> registered;
  for (const Json& column : manifest.value("schema", Json::array())) {
    registered.push_back(
        {column.at("name").get<std::string>(), column.at("type").get<std::string>()});
    if (!column.value("nullable", true)) required.insert(registered.back().name);
  }
  Table columns({{"column"}, {"type"}, {""}});
  for (const Column& column : seen.empty() ? registered : seen) {
    columns.Add({column.name, column.type, required.contains(column.name) ? "not null" : ""});
  }
  return columns;
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
    return InvalidResponseError(e);
  }
  return {};
}

Result<> ShowDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Json manifest, remote.CatalogJson({.path = DatasetPath(options.name)}));
  if (options.json) return PrintJson(manifest);
  try {
    Print(WithoutControls(manifest.at("name").get<std::string>()) + "\n");
    const auto line = [](std::string_view name, const std::string& value) {
      if (!value.empty()) Print(fmt::format("  {:<10}{}\n", name, WithoutControls(value)));
    };
    line("rows", RowsOf(manifest));
    line("size", SizeOf(manifest));
    if (manifest.contains("version")) {
      line("version", FormatCount(manifest.at("version").get<uint64_t>()));
    }
    line("created", ShortTime(manifest.at("created_at")) + " UTC");
    line("changed", ShortTime(manifest.at("updated_at")) + " UTC");
    const Result<std::vector<Column>> seen = AskColumns(remote, options.name);
    const Table columns = ColumnTable(seen.ok() ? *seen : std::vector<Column>(), manifest);
    if (!columns.empty()) Print("\n" + columns.Text());
    Table objects({{"object"}, {"size", true}, {"etag"}});
    for (const Json& object : manifest.at("objects")) {
      objects.Add({object.at("key").get<std::string>(),
                   object.contains("size") ? FormatBytes(object.at("size").get<uint64_t>()) : "",
                   object.value("etag", "")});
    }
    Print("\n" + objects.Text());
    if (!seen.ok()) return RequireReadable(remote, options.name);
  } catch (const Json::exception& e) {
    return InvalidResponseError(e);
  }
  return {};
}

Result<> TouchDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(
      const Json manifest,
      remote.CatalogJson({.method = "PUT", .path = DatasetPath(options.name) + "?touch=true"}));
  if (options.json) {
    TARN_CHECK_OK(PrintJson(manifest));
  } else {
    Print(fmt::format("Reading the objects of \"{}\" again, as version {}.\n", options.name,
                      manifest.value("version", uint64_t{0})));
  }
  return RequireVisible(remote, options.name);
}

Result<> RemoveDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  if (!options.yes && isatty(STDIN_FILENO) == 0) {
    return InvalidArgument("stdin is not a terminal: use --yes to remove without confirmation");
  }
  if (!options.yes) {
    std::fprintf(stderr, "Remove \"%s\" from the catalogue? Its objects stay in the bucket. [y/N] ",
                 options.name.c_str());
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") {
      return Error{ErrorKind::kCancelled, "nothing was changed"};
    }
  }
  TARN_TRY(const http::ClientResponse gone,
           remote.Catalog({.method = "DELETE", .path = DatasetPath(options.name)}));
  if (options.json) {
    TARN_CHECK_OK(PrintJson({{"name", options.name}, {"deleted", true}}));
  } else {
    Print(fmt::format("Removed \"{}\". To restore it: `{}`. Its objects are still in the bucket.\n",
                      options.name, RestoreCommand(remote, options.name)));
  }
  return RequireVisible(remote, options.name);
}

Result<> ShowHistory(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Json history, ReadHistory(remote, options.name, options.limit));
  if (options.json) return PrintJson(history);
  try {
    // Several datasets can have had the name, one after another, each with versions from 1.
    std::set<std::string> datasets;
    for (const Json& entry : history.at("versions")) {
      datasets.insert(entry.at("dataset_id").get<std::string>());
    }
    std::vector<Table::Column> columns = {{"version", true}, {"changed (UTC)"}, {"what"},
                                          {"objects", true}, {"rows", true},    {"size", true}};
    const bool tells_ids = datasets.size() > 1;
    if (tells_ids) columns.push_back({"dataset-id"});
    Table table(std::move(columns));
    for (const Json& entry : history.at("versions")) {
      std::vector<std::string> row = {FormatCount(entry.at("version").get<uint64_t>()),
                                      ShortTime(entry.at("updated_at"))};
      if (entry.at("deleted").get<bool>()) {
        row.insert(row.end(), {"deleted", "", "", ""});
      } else {
        const Json& content = entry.at("content");
        row.insert(row.end(), {"written", FormatCount(content.at("objects").size()),
                               RowsOf(content), SizeOf(content)});
      }
      if (tells_ids) row.push_back(ShortId(entry.at("dataset_id").get<std::string>()));
      table.Add(std::move(row));
    }
    Print(table.Text());
    if (history.contains("next_before")) Print("There are older versions: use --limit.\n");
  } catch (const Json::exception& e) {
    return InvalidResponseError(e);
  }
  return {};
}

Result<> RestoreDataset(const DatasetOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  Json body = {{"version", options.version}};
  if (!options.dataset_id.empty()) {
    TARN_TRY(body["dataset_id"], FindDatasetId(remote, options.name, options.dataset_id));
  }
  TARN_TRY(const Json manifest, remote.CatalogJson({.method = "POST",
                                                    .path = DatasetPath(options.name) + "/restore",
                                                    .body = body.dump()}));
  if (options.json) {
    TARN_CHECK_OK(PrintJson(manifest));
    return RequireVisible(remote, options.name);
  }
  try {
    Print(fmt::format("Restored version {1} of \"{0}\" as version {2}.\n", options.name,
                      options.version, manifest.at("version").get<uint64_t>()));
  } catch (const Json::exception& e) {
    return InvalidResponseError(e);
  }
  return RequireVisible(remote, options.name);
}

}  // namespace tarn::cli
