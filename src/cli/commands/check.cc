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
        finding.is_good ? colours(Style::kGood, "ok   ") : colours(Style::kBad, "ERROR");
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

// Returns advice for the error of a request to a daemon.
std::string ToDo(const char* name, const std::string& message) {
  if (IsNotReached(message)) {
    return fmt::format("start {0}, or set its URL with --{0}", name);
  }
  if (message.find("certificate") != std::string::npos) {
    return fmt::format(
        "use the name of the certificate in --{} https://NAME:PORT; for a private CA, set "
        "tls.ca_path",
        name);
  }
  return "see its log and `tarn status`";
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
                 "use a token with the required role");
  } else {
    findings.Good(name, at + " is ready");
  }
}

// Reports datasets that queries cannot see, from the response of GET /catalog/status.
void CheckDatasets(const Result<http::ClientResponse>& status, Findings& findings) {
  if (!status.ok()) return;
  const Json json = ParseBoundedOrderedJson(status->body, kAnswerLimits).value_or(Json());
  if (!json.is_object()) return;
  const Json failed = json.value("failed", Json::array());
  for (const Json& each : failed) {
    const std::string name = each.value("name", "");
    findings.Bad("dataset", fmt::format("\"{}\": {}", name, each.value("error", "")),
                 fmt::format("repair its objects, or register others; for an earlier version, see "
                             "`tarn history {0}` and `tarn restore {0}`",
                             ShellQuoted(name)));
  }
  // queryd lists the first 1,000.
  const uint64_t count = json.value("failed_count", uint64_t{failed.size()});
  if (count > failed.size()) {
    findings.Bad("datasets", fmt::format("and {} more", count - failed.size()),
                 "see the log of queryd");
  }
  if (failed.empty()) findings.Good("datasets", "queries see all datasets of the catalogue");
}

}  // namespace

Result<> Check(const CheckOptions& options) {
  Findings findings;
  const std::string path =
      options.remote.config_path.empty() ? "./lakehouse.toml" : options.remote.config_path;
  if (options.remote.config_path.empty() && !std::filesystem::exists(path)) {
    return NotFound("./lakehouse.toml does not exist: use tarn check FILE");
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
      findings.Bad("daemons", remote.error().message, "correct this setting");
    }
  } else {
    findings.Bad("configuration", settings.error().message,
                 "correct this first; nothing else was checked");
  }
  if (options.json) {
    PrintJson(findings);
  } else {
    PrintText(findings);
  }
  const size_t bad = CountBad(findings);
  if (bad == 0) return {};
  return InvalidArgument("found " + Plural(bad, "problem"));
}

}  // namespace tarn::cli
