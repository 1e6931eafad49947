#include "cli/commands/status.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/terminal/colours.h"
#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

// The series of /metrics by name and labels.
using Series = std::map<std::string, double, std::less<>>;

Series ParseMetrics(std::string_view text) {
  Series series;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    const std::string_view number = line.substr(space + 1);
    double value = 0;
    if (std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc()) {
      series.emplace(line.substr(0, space), value);
    }
  }
  return series;
}

uint64_t ValueOf(const Series& series, std::string_view name) {
  const auto found = series.find(name);
  return found == series.end() || found->second < 0 ? 0 : static_cast<uint64_t>(found->second);
}

std::string At(const http::Url& url) {
  return fmt::format("{}://{}:{}", url.https ? "https" : "http", url.host, url.port);
}

// The state of a daemon, and the first problem.
struct DaemonState {
  Json json = Json::object();
  std::vector<std::pair<std::string, std::string>> lines;
  std::string problem;

  void Say(std::string name, std::string text) {
    lines.emplace_back(std::move(name), std::move(text));
  }
  void Note(const Error& error) {
    if (problem.empty()) problem = error.message;
  }
};

void AskHealth(const auto& send, DaemonState& findings) {
  const auto ready = send("/readyz");
  findings.json["ready"] = ready.ok();
  if (!ready.ok()) {
    findings.Note(ready.error());
    findings.json["error"] = ready.error().message;
  }
  const Colours colours = Colours::For(stdout);
  findings.Say("state", ready.ok() ? colours(Style::kGood, "ready")
                                   : colours(Style::kBad, "NOT READY") + ": " +
                                         LinesWithoutControls(ready.error().message));
}

void AskRefresh(const Remote& remote, DaemonState& findings) {
  const auto status = remote.QueryJson({.path = "/catalog/status"});
  if (!status.ok()) return;
  findings.json["catalog"] = *status;
  const auto revision = status->value("revision", Json());
  findings.Say("revision", fmt::format("{}{}", revision.is_null() ? "unknown" : revision.dump(),
                                       status->value("follows_changes", false)
                                           ? ", follows the catalogue"
                                           : ", checks the catalogue at intervals"));
  if (const auto datasets = status->find("datasets"); datasets != status->end()) {
    findings.Say("datasets", datasets->dump());
  }
  for (const Json& failed : status->value("failed", Json::array())) {
    findings.Say(
        "failed",
        fmt::format("{}: {} (tried {} times since {})", WithoutControls(failed.value("name", "")),
                    LinesWithoutControls(failed.value("error", "")), failed.value("tries", 0),
                    WithoutControls(failed.value("since", ""))));
  }
  // queryd lists the first 1,000.
  const uint64_t listed = status->value("failed", Json::array()).size();
  const uint64_t count = status->value("failed_count", listed);
  if (count > listed) findings.Say("failed", fmt::format("and {} more", count - listed));
}

// Returns SQL on one line, cut to the width.
std::string Shortened(std::string_view sql) {
  constexpr size_t kWidth = 50;
  std::string line;
  for (const char c : sql) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_space) line += c;
    if (is_space && !line.empty() && line.back() != ' ') line += ' ';
  }
  return FitWidth(WithoutControls(line), kWidth);
}

// Adds a line for each of the last failed queries.
void AskFailedQueries(const Remote& remote, DaemonState& findings) {
  constexpr size_t kShown = 3;
  const auto list = remote.QueryJson({.path = "/queries"});
  if (!list.ok()) return;
  Json failed = Json::array();
  for (const Json& query : list->value("queries", Json::array())) {
    if (query.value("state", "") == "failed" && failed.size() < kShown) failed.push_back(query);
  }
  for (const Json& query : failed) {
    const std::string error = query.value("error", "");
    findings.Say("error", fmt::format("{} {}: {}", WithoutControls(query.value("submitted_at", "")),
                                      Shortened(query.value("sql", "")),
                                      WithoutControls(error.substr(0, error.find('\n')))));
  }
  findings.json["failed_queries"] = std::move(failed);
}

std::string EngineFailures(const Series& series) {
  const auto of = [&](std::string_view reason) {
    return ValueOf(series, fmt::format("tarn_engine_failures_total{{reason=\"{}\"}}", reason));
  };
  const uint64_t crashes = of("crash");
  const uint64_t killed = of("memory");
  if (crashes + killed == 0) return "";
  return fmt::format(" ({} crashed, {} ran out of memory)", crashes, killed);
}

void AskMetrics(const Remote& remote, DaemonState& findings) {
  const auto metrics = remote.Query({.path = "/metrics"});
  if (!metrics.ok()) return;  // Metrics need the role admin.
  const Series series = ParseMetrics(metrics->body);
  const auto value = [&](std::string_view name) { return ValueOf(series, name); };
  findings.Say("queries",
               fmt::format("{} running, {} queued; {} ok, {} failed, {} cancelled",
                           value("tarn_queries_running"), value("tarn_queries_queued"),
                           FormatCount(value("tarn_queries_total{result=\"ok\"}")),
                           FormatCount(value("tarn_queries_total{result=\"error\"}")),
                           FormatCount(value("tarn_queries_total{result=\"cancelled\"}"))));
  findings.Say("engine", fmt::format("{} in memory, with {} of cached objects; started {}{}",
                                     FormatBytes(value("tarn_engine_resident_bytes")),
                                     FormatBytes(value("tarn_engine_data_cache_bytes")),
                                     Plural(value("tarn_engine_starts_total"), "time"),
                                     EngineFailures(series)));
  const uint64_t hits = value("tarn_result_cache_hits_total");
  const uint64_t asked = hits + value("tarn_result_cache_misses_total");
  findings.Say(
      "cache",
      fmt::format("{} of results, {} % hits of {}", FormatBytes(value("tarn_result_cache_bytes")),
                  asked == 0 ? 0 : 100 * hits / asked,
                  asked == 1 ? std::string("1 query") : FormatCount(asked) + " queries"));
  findings.json["metrics"] = series;
}

DaemonState AskQueryd(const Remote& remote) {
  DaemonState findings;
  findings.json["url"] = At(remote.queryd());
  AskHealth([&](const std::string& path) { return remote.Query({.path = path}); }, findings);
  AskRefresh(remote, findings);
  AskFailedQueries(remote, findings);
  AskMetrics(remote, findings);
  return findings;
}

DaemonState AskCatalogd(Remote& remote) {
  DaemonState findings;
  AskHealth([&](const std::string& path) { return remote.Catalog({.path = path}); }, findings);
  findings.json["url"] = At(remote.catalogd());
  return findings;
}

void Print(const std::string& title, const DaemonState& findings) {
  fmt::print("{}  {}\n", Colours::For(stdout)(Style::kStrong, title),
             findings.json.at("url").get<std::string>());
  for (const auto& [name, text] : findings.lines) fmt::print("  {:<10}{}\n", name, text);
}

}  // namespace

Result<> ShowStatus(const StatusOptions& options) {
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  const DaemonState queryd = AskQueryd(remote);
  const DaemonState catalogd = AskCatalogd(remote);
  if (options.json) {
    const Json both = {{"queryd", queryd.json}, {"catalogd", catalogd.json}};
    fmt::print("{}\n", EscapeUnprintableJson(both.dump(2)));
  } else {
    Print("queryd", queryd);
    Print("catalogd", catalogd);
  }
  if (!queryd.problem.empty()) return Unavailable("queryd: " + queryd.problem);
  if (!catalogd.problem.empty()) return Unavailable("catalogd: " + catalogd.problem);
  return {};
}

}  // namespace tarn::cli
