#include "cli/commands/remote.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/duration.h"
#include "base/files.h"
#include "base/redact.h"
#include "base/text.h"
#include "cli/terminal/environment.h"
#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kConfig = "lakehouse.toml";
// For daemons that do not respond. Queries have their own deadlines.
constexpr auto kAnswerTimeout = std::chrono::hours(24);
// catalogd notifies queryd of changes, which normally takes milliseconds.
constexpr auto kVisibleTimeout = std::chrono::seconds(5);
constexpr auto kVisibleEvery = std::chrono::milliseconds(10);

std::string FirstOf(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

// Returns the URL at which this machine reaches a daemon that listens on `bind`.
std::string UrlOfBind(const std::string& bind, bool https) {
  std::string where = bind;
  for (const std::string_view any : {"0.0.0.0:", "[::]:"}) {
    if (where.starts_with(any)) where = "127.0.0.1:" + where.substr(any.size());
  }
  return (https ? "https://" : "http://") + where;
}

Result<std::string> ReadToken(const std::string& path) {
  if (path.empty()) {
    std::string token = Environment("TARN_TOKEN");
    if (!token.empty()) return token;
  }
  const std::string file = FirstOf({path, Environment("TARN_TOKEN_PATH")});
  if (file.empty()) return std::string();
  TARN_TRY(const std::string token, ReadSecretFile(file));
  return std::string(Trim(token));
}

ErrorKind KindOf(int status) {
  switch (status) {
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return ErrorKind::kConflict;
    case 412:
      return ErrorKind::kPrecondition;
    case 413:
      return ErrorKind::kTooLarge;
    case 429:
    case 503:
      return ErrorKind::kUnavailable;
    case 504:
      return ErrorKind::kTimeout;
    default:
      return status < 500 ? ErrorKind::kInvalidArgument : ErrorKind::kInternal;
  }
}

// Returns the error of a response: the detail of a problem (RFC 9457), or the text.
Error ErrorOf(const http::ClientResponse& response) {
  std::string message(Trim(response.body));
  const nlohmann::json problem =
      ParseBoundedJson(response.body, kAnswerLimits).value_or(nlohmann::json());
  if (problem.is_object() && problem.contains("detail") && problem["detail"].is_string()) {
    message = problem["detail"].get<std::string>();
  }
  if (message.empty()) message = fmt::format("status {}", response.status);
  if (response.status == 401 || response.status == 403) {
    message +=
        " (use a token: --token-path FILE, TARN_TOKEN or TARN_TOKEN_PATH; `tarn token create` "
        "creates one)";
  }
  return {KindOf(response.status), message};
}

Result<nlohmann::ordered_json> ParseJson(const Result<http::ClientResponse>& response) {
  if (!response.ok()) return response.error();
  Result<nlohmann::ordered_json> json = ParseBoundedOrderedJson(response->body, kAnswerLimits);
  if (json.ok()) return json;
  if (json.error().kind == ErrorKind::kTooLarge) return json.error().Wrap("the response");
  return Internal(
      fmt::format("cannot parse the response ({}): check that the address is that of a Tarn daemon",
                  json.error().message));
}

}  // namespace

Result<LakehouseSettings> LoadSettings(const std::string& path, LakehouseSettings defaults) {
  if (!path.empty()) return LakehouseSettings::Load(path, std::move(defaults));
  if (std::filesystem::exists(kConfig))
    return LakehouseSettings::Load(kConfig, std::move(defaults));
  return LakehouseSettings::FromEnvironment(std::move(defaults));
}

Result<Remote> Remote::Open(const RemoteOptions& options) {
  TARN_TRY(const LakehouseSettings settings, LoadSettings(options.config_path));
  const bool https = !settings.tls.cert_path.empty();
  Remote remote;
  TARN_TRY(remote.queryd_,
           http::ParseHttpUrl(FirstOf({options.queryd, Environment("TARN_QUERYD_URL"),
                                       UrlOfBind(settings.queryd.bind, https)})));
  const std::string named =
      FirstOf({options.catalogd, Environment("TARN_CATALOGD_URL"), settings.queryd.catalogd_url});
  remote.catalogd_is_named_ = !named.empty();
  TARN_TRY(remote.catalogd_,
           http::ParseHttpUrl(FirstOf({named, UrlOfBind(settings.catalogd.bind, https)})));
  TARN_TRY(remote.tls_, net::ClientTls::FromSettings(settings.tls));
  TARN_TRY(remote.token_, ReadToken(options.token_path));
  ProcessRedactor().Add(remote.token_);
  return remote;
}

Result<http::ClientResponse> Remote::Send(const http::Url& url, http::ClientRequest request,
                                          const std::stop_token& stop) const {
  request.bearer_token = token_;
  TARN_TRY(http::ClientResponse response,
           http::Send(url, request, Deadline::After(kAnswerTimeout), tls_, stop));
  if (response.status >= 200 && response.status < 300) return response;
  return ErrorOf(response);
}

Result<http::ClientResponse> Remote::Query(http::ClientRequest request,
                                           const std::stop_token& stop) const {
  return Send(queryd_, std::move(request), stop);
}

Result<http::ClientResponse> Remote::Catalog(const http::ClientRequest& request) {
  Result<http::ClientResponse> answer = Send(catalogd_, request, {});
  if (catalogd_is_named_ || answer.ok() || answer.error().kind != ErrorKind::kUnavailable) {
    return answer;
  }
  // `tarn up` has both at one address.
  Result<http::ClientResponse> at_queryd = Send(queryd_, request, {});
  if (!at_queryd.ok() && at_queryd.error().kind == ErrorKind::kUnavailable) return answer;
  catalogd_ = queryd_;
  catalogd_is_named_ = true;
  return at_queryd;
}

Result<nlohmann::ordered_json> Remote::QueryJson(http::ClientRequest request) const {
  return ParseJson(Query(std::move(request)));
}

Result<nlohmann::ordered_json> Remote::CatalogJson(const http::ClientRequest& request) {
  return ParseJson(Catalog(request));
}

Remote::Visibility Remote::WaitUntilVisible(const std::string& dataset) {
  const auto history = CatalogJson({.path = DatasetPath(dataset) + "/history?limit=1"});
  if (!history.ok()) return {.why = history.error().message};
  const Json changed = history->value(Json::json_pointer("/versions/0/revision"), Json());
  if (!changed.is_number_unsigned()) return {.why = "the catalogue has no revisions"};
  for (const Deadline deadline = Deadline::After(kVisibleTimeout);;) {
    const auto status = QueryJson({.path = "/catalog/status?dataset=" + PercentEncode(dataset)});
    if (!status.ok()) return {.why = status.error().message};
    const Json seen = status->value("revision", Json());
    // queryd has no revision of an empty catalogue.
    const bool is_read =
        seen.is_number_unsigned() && seen.get<uint64_t>() >= changed.get<uint64_t>();
    const Json reading = status->value("being_read", Json::array());
    const auto being_read = std::find_if(reading.begin(), reading.end(), [&](const Json& each) {
      return each.value("name", "") == dataset;
    });
    const bool is_being_read = being_read != reading.end();
    if ((is_read && !is_being_read) || deadline.Passed()) {
      for (const Json& failed : status->value("failed", Json::array())) {
        if (failed.value("name", "") != dataset) continue;
        return {.is_refused = true, .why = failed.value("error", "")};
      }
    }
    if (is_read && !is_being_read) return {};
    if (!status->value("follows_changes", false)) {
      return {.why = "queryd checks the catalogue only at intervals"};
    }
    if (deadline.Passed() && is_being_read) {
      return {.why = fmt::format("queryd is still reading its objects ({} of {} so far)",
                                 being_read->value("objects_read", uint64_t{0}),
                                 being_read->value("objects", uint64_t{0}))};
    }
    if (deadline.Passed()) {
      return {.why = fmt::format("queryd has not read the change within {}",
                                 FormatDuration(kVisibleTimeout))};
    }
    std::this_thread::sleep_for(kVisibleEvery);
  }
}

bool IsNotReached(std::string_view message) {
  // The message of http::Send begins with this text. Elsewhere in a message, the text is about a
  // connection of another daemon.
  return message.starts_with("connect to ");
}

Result<> RequireVisible(Remote& remote, const std::string& dataset) {
  const Remote::Visibility visibility = remote.WaitUntilVisible(dataset);
  if (visibility.is_refused) {
    return InvalidArgument(
        fmt::format("the catalogue has the change, but queries cannot see \"{}\": {}", dataset,
                    visibility.why));
  }
  if (!visibility.why.empty()) {
    std::fprintf(
        stderr,
        "tarn: the catalogue has the change, but it is unknown whether queries see it: %s\n",
        LinesWithoutControls(ProcessRedactor().Redact(visibility.why)).c_str());
  }
  return {};
}

std::string DatasetPath(const std::string& name) {
  return "/catalog/datasets/" + PercentEncode(name);
}

}  // namespace tarn::cli
