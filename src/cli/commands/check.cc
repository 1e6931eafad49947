#include "cli/commands/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/commands/check_store.h"
#include "cli/commands/findings.h"
#include "cli/terminal/colours.h"
#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

void PrintText(const Findings& findings) {
  const Colours colours = Colours::For(stdout);
  for (const Finding& finding : findings.all()) {
    const std::string verdict =
        finding.is_good ? colours(Style::kGood, "ok   ") : colours(Style::kBad, "WRONG");
    std::printf("%s %-14s %s\n", verdict.c_str(), finding.what.c_str(), finding.text.c_str());
    if (!finding.to_do.empty())
      std::printf("%20s -> %s\n", "", LinesWithoutControls(finding.to_do).c_str());
  }
}

void PrintJson(const Findings& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings.all()) {
    Json json = {{"what", finding.what}, {"ok", finding.is_good}, {"found", finding.text}};
    if (!finding.to_do.empty()) json["to_do"] = finding.to_do;
    list.push_back(std::move(json));
  }
  const std::string text = list.dump(2, ' ', false, Json::error_handler_t::replace);
  std::printf("%s\n", EscapeUnprintableJson(text).c_str());
}

size_t CountBad(const Findings& findings) {
  return static_cast<size_t>(std::count_if(findings.all().begin(), findings.all().end(),
                                           [](const Finding& each) { return !each.is_good; }));
}

// What to do where a daemon gives no good answer, by what the client says of it.
std::string ToDo(const char* name, const std::string& message) {
  if (IsNotReached(message)) {
    return fmt::format("start {}, or say with --{} where it is", name, name);
  }
  if (message.find("certificate") != std::string::npos) {
    return fmt::format(
        "--{} https://NAME:PORT names it as its certificate does; tls.ca_path is the file of a CA "
        "of one's own",
        name);
  }
  return "its log says more, and `tarn status`";
}

void CheckDaemon(const char* name, const http::Url& url, const Result<http::ClientResponse>& ready,
                 const Result<http::ClientResponse>& used, Findings& findings) {
  const std::string at =
      fmt::format("{}://{}:{}", url.https ? "https" : "http", url.host, url.port);
  if (!ready.ok()) {
    findings.Bad(name, fmt::format("{}: {}", at, ready.error().message),
                 ToDo(name, ready.error().message));
  } else if (!used.ok()) {
    findings.Bad(name, fmt::format("{}: {}", at, used.error().message),
                 "a token with the role that this needs");
  } else {
    findings.Good(name, at + " is ready");
  }
}

// What the catalogue has and queries do not see, by the answer of GET /catalog/status.
void CheckDatasets(const Result<http::ClientResponse>& status, Findings& findings) {
  if (!status.ok()) return;
  const Json json = ParseBoundedOrderedJson(status->body, kAnswerLimits).value_or(Json());
  if (!json.is_object()) return;
  const Json failed = json.value("failed", Json::array());
  for (const Json& each : failed) {
    const std::string name = each.value("name", "");
    findings.Bad("dataset", fmt::format("\"{}\": {}", name, each.value("error", "")),
                 fmt::format("put its objects there, or give it others: `tarn history {0}` and "
                             "`tarn restore {0}` have its former ones",
                             ShellQuoted(name)));
  }
  // queryd lists the first 1,000.
  const uint64_t count = json.value("failed_count", uint64_t{failed.size()});
  if (count > failed.size()) {
    findings.Bad("datasets", fmt::format("and {} more", count - failed.size()),
                 "see the log of queryd");
  }
  if (failed.empty()) findings.Good("datasets", "queries see all that the catalogue has");
}

}  // namespace

Result<> Check(const CheckOptions& options) {
  Findings findings;
  const std::string path =
      options.remote.config_path.empty() ? "./lakehouse.toml" : options.remote.config_path;
  if (options.remote.config_path.empty() && !std::filesystem::exists(path)) {
    return NotFound("there is no ./lakehouse.toml: tarn check FILE");
  }
  const auto settings = LakehouseSettings::Load(path);
  if (settings.ok()) {
    findings.Good("configuration", path);
    CheckStore(*settings, "", findings);
    auto remote = Remote::Open(options.remote);
    if (remote.ok()) {
      CheckDaemon("catalogd", remote->catalogd(), remote->Catalog({.path = "/readyz"}),
                  remote->Catalog({.path = "/catalog/list?wait=0s"}), findings);
      const auto status = remote->Query({.path = "/catalog/status"});
      CheckDaemon("queryd", remote->queryd(), remote->Query({.path = "/readyz"}), status, findings);
      CheckDatasets(status, findings);
    } else {
      findings.Bad("daemons", remote.error().message, "correct the setting that it names");
    }
  } else {
    findings.Bad("configuration", settings.error().message,
                 "correct that; nothing else was looked at");
  }
  if (options.json) {
    PrintJson(findings);
  } else {
    PrintText(findings);
  }
  const size_t bad = CountBad(findings);
  if (bad == 0) return {};
  return InvalidArgument(Plural(bad, "thing") + (bad == 1 ? " is wrong" : " are wrong"));
}

}  // namespace tarn::cli
