#include "cli/check.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/redact.h"
#include "cli/text.h"
#include "queryd/secrets.h"
#include "s3/client.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kAnswerTime = std::chrono::seconds(15);
// S3 refuses what is signed with a clock that is further off.
constexpr auto kClockOffMax = std::chrono::minutes(15);

struct Finding {
  std::string what;  // "bucket"
  bool is_good = true;
  std::string text;   // What was found.
  std::string to_do;  // Where it is not good.
};

class Findings {
 public:
  void Good(std::string what, std::string text) {
    all_.push_back({.what = std::move(what), .text = std::move(text)});
  }
  void Bad(std::string what, std::string text, std::string to_do) {
    all_.push_back({.what = std::move(what),
                    .is_good = false,
                    .text = ProcessRedactor().Redact(std::move(text)),
                    .to_do = std::move(to_do)});
  }

  void PrintText() const {
    for (const Finding& finding : all_) {
      std::printf("%-5s %-14s %s\n", finding.is_good ? "ok" : "WRONG", finding.what.c_str(),
                  finding.text.c_str());
      if (!finding.to_do.empty()) std::printf("%20s -> %s\n", "", finding.to_do.c_str());
    }
  }
  void PrintJson() const {
    Json list = Json::array();
    for (const Finding& finding : all_) {
      Json json = {{"what", finding.what}, {"ok", finding.is_good}, {"found", finding.text}};
      if (!finding.to_do.empty()) json["to_do"] = finding.to_do;
      list.push_back(std::move(json));
    }
    std::printf("%s\n", list.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  }
  size_t CountBad() const {
    return static_cast<size_t>(
        std::count_if(all_.begin(), all_.end(), [](const Finding& each) { return !each.is_good; }));
  }

 private:
  std::vector<Finding> all_;
};

// How far the server's clock is ahead of ours, by a date as in HTTP (RFC 9110, 5.6.7).
std::optional<std::chrono::seconds> ClockOff(const std::string& date) {
  std::tm time{};
  if (strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr) return std::nullopt;
  return std::chrono::seconds(timegm(&time) - std::time(nullptr));
}

std::string EndpointOf(const S3Settings& s3) {
  return s3.endpoint.empty() ? "Amazon's S3" : s3.endpoint;
}

void JudgeNetwork(const S3Settings& s3, bool use_path_style, const Error& error,
                  Findings& findings) {
  std::string to_do = "is s3.endpoint right, and can this machine reach it?";
  const auto says = [&](const char* part) { return error.message.find(part) != std::string::npos; };
  if (says("resolve host") && !use_path_style) {
    to_do = fmt::format(
        "a name is looked up that begins with the bucket: s3.use_path_style = true puts it into "
        "the path, as most servers but Amazon's want it; else s3.endpoint is wrong");
  } else if (says("certificate") || says("CA ")) {
    to_do = "tls.ca_path names the file of the CAs that the server's certificate is signed with";
  } else if (says("SSL") || says("Empty reply") || says("HTTP/0.9")) {
    to_do = "does the server speak TLS? s3.endpoint begins with http:// or https:// to say so";
  }
  findings.Bad("store", fmt::format("{}: {}", EndpointOf(s3), error.message), to_do);
}

void JudgeAnswer(const S3Settings& s3, const s3::BucketAnswer& said, Findings& findings) {
  if (const auto off = ClockOff(said.date)) {
    const auto distance = std::chrono::abs(*off);
    const std::string text = fmt::format("this machine's is {} {} the store's",
                                         FormatSeconds(static_cast<double>(distance.count())),
                                         off->count() > 0 ? "behind" : "ahead of");
    if (distance > kClockOffMax || said.code == "RequestTimeTooSkewed") {
      findings.Bad("clock", text, "set the clock, by NTP: S3 takes requests within 15 minutes");
      return;
    }
    findings.Good("clock", distance.count() <= 2 ? "is right" : text);
  }
  findings.Good("store", EndpointOf(s3) + " answers");
  if (said.status == 200) {
    findings.Good("bucket", fmt::format("\"{}\" can be listed", s3.bucket));
    return;
  }
  const std::string found = fmt::format("{} {}{}{}", said.status, said.code,
                                        said.message.empty() ? "" : ": ", said.message);
  if (said.code == "InvalidAccessKeyId") {
    findings.Bad("credentials", found,
                 "the store does not know this s3.access_key_id (or that of the secrets file)");
  } else if (said.code == "SignatureDoesNotMatch") {
    findings.Bad("credentials", found,
                 "the secret_access_key does not belong to the access_key_id, or s3.region is not "
                 "the store's");
  } else if (said.code == "ExpiredToken" || said.code == "InvalidToken") {
    findings.Bad("credentials", found,
                 "the session_token is over: the secrets file needs new ones");
  } else if (said.code == "NoSuchBucket") {
    findings.Bad("bucket", found,
                 fmt::format("there is no bucket \"{}\": make it, or set s3.bucket", s3.bucket));
  } else if (said.status == 301 || said.status == 307 ||
             said.code == "AuthorizationHeaderMalformed" || said.code == "PermanentRedirect") {
    findings.Bad("region", found,
                 said.region.empty() ? "s3.region or s3.endpoint is not that of the bucket"
                                     : fmt::format("set s3.region = \"{}\"", said.region));
  } else if (said.status == 401 || said.status == 403) {
    findings.Bad("bucket", found,
                 "these credentials may not list the bucket: queryd needs s3:GetObject on its "
                 "objects, and `tarn put` s3:PutObject; s3:ListBucket lets a missing object be "
                 "told from a forbidden one");
  } else {
    findings.Bad("bucket", found, "s3.endpoint, s3.bucket and s3.use_path_style have to fit");
  }
}

void CheckStore(const LakehouseSettings& settings, Findings& findings) {
  const S3Settings& s3 = settings.s3;
  if (s3.bucket.empty()) {
    findings.Bad("bucket", "s3.bucket is not set", "name the bucket that has the Parquet objects");
    return;
  }
  const auto store = protocol::ObjectStore::FromSettings(s3);
  if (!store.ok()) {
    findings.Bad("store", store.error().message, "correct s3.endpoint");
    return;
  }
  if (store->is_folder) {
    std::error_code code;
    if (std::filesystem::is_directory(store->root, code)) {
      findings.Good("store", "the folder " + store->root + " is there");
    } else {
      findings.Bad("store", "there is no folder " + store->root, "make it, or set s3.endpoint");
    }
    return;
  }
  const queryd::FileSecretsProvider secrets(settings.queryd.secrets_path, s3);
  const auto credentials = secrets.Get(queryd::kPrimaryBucket);
  if (!credentials.ok()) {
    findings.Bad("credentials", credentials.error().message,
                 "queryd.secrets_path or s3.access_key_id and s3.secret_access_key give them");
    return;
  }
  if (credentials->access_key_id.empty()) {
    findings.Good("credentials", "none: requests are not signed");
  } else {
    findings.Good("credentials", "there are some");
  }
  s3::Client client({.store = *store,
                     .credentials = *credentials,
                     .tls_verify = settings.tls.verify,
                     .tls_ca_path = settings.tls.ca_path});
  const auto said = client.Ask("", Deadline::After(kAnswerTime));
  if (said.ok()) {
    JudgeAnswer(s3, *said, findings);
  } else {
    JudgeNetwork(s3, store->use_path_style, said.error(), findings);
  }
}

void CheckDaemon(const char* name, const http::Url& url, const Result<http::ClientResponse>& ready,
                 const Result<http::ClientResponse>& used, Findings& findings) {
  const std::string at =
      fmt::format("{}://{}:{}", url.https ? "https" : "http", url.host, url.port);
  if (!ready.ok()) {
    const bool is_there = ready.error().message.find("connect") == std::string::npos;
    findings.Bad(name, fmt::format("{}: {}", at, ready.error().message),
                 is_there ? fmt::format("its log says more, and `tarn status`")
                          : fmt::format("start {}, or say with --{} where it is", name, name));
  } else if (!used.ok()) {
    findings.Bad(name, fmt::format("{}: {}", at, used.error().message),
                 "a token with the role that this needs");
  } else {
    findings.Good(name, at + " is ready");
  }
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
    CheckStore(*settings, findings);
    const auto remote = Remote::Open(options.remote);
    if (remote.ok()) {
      CheckDaemon("catalogd", remote->catalogd(), remote->Catalog({.path = "/readyz"}),
                  remote->Catalog({.path = "/catalog/list?wait=0s"}), findings);
      CheckDaemon("queryd", remote->queryd(), remote->Query({.path = "/readyz"}),
                  remote->Query({.path = "/catalog/status"}), findings);
    } else {
      findings.Bad("daemons", remote.error().message, "correct the setting that it names");
    }
  } else {
    findings.Bad("configuration", settings.error().message,
                 "correct that; nothing else was looked at");
  }
  if (options.json) {
    findings.PrintJson();
  } else {
    findings.PrintText();
  }
  const size_t bad = findings.CountBad();
  if (bad == 0) return {};
  return InvalidArgument(Plural(bad, "thing") + (bad == 1 ? " is wrong" : " are wrong"));
}

}  // namespace tarn::cli
