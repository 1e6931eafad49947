#include "cli/commands/check_store.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <optional>

#include "cli/commands/bucket.h"
#include "cli/terminal/text.h"
#include "s3/client.h"

namespace tarn::cli {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(15);
// S3 refuses what is signed with a clock that is further off.
constexpr auto kClockOffMax = std::chrono::minutes(15);

// How far the server's clock is ahead of ours, by a date as in HTTP (RFC 9110, 5.6.7).
std::optional<std::chrono::seconds> ClockOff(const std::string& date) {
  std::tm time{};
  if (strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr) return std::nullopt;
  return std::chrono::seconds(timegm(&time) - std::time(nullptr));
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
                 fmt::format("there is no bucket \"{}\": make it, or name another", s3.bucket));
  } else if (said.status == 301 || said.status == 307 ||
             said.code == "AuthorizationHeaderMalformed" || said.code == "PermanentRedirect") {
    findings.Bad("region", found,
                 said.region.empty() ? "s3.region or s3.endpoint is not that of the bucket"
                                     : fmt::format("set s3.region = \"{}\"", said.region));
  } else if (said.status == 401 || said.status == 403) {
    findings.Bad("bucket", found,
                 "these credentials may not list the bucket: queryd needs s3:GetObject on its "
                 "objects, `tarn put` s3:PutObject, and `tarn up` s3:ListBucket, which also lets a "
                 "missing object be told from a forbidden one");
  } else {
    findings.Bad("bucket", found, "s3.endpoint, s3.bucket and s3.use_path_style have to fit");
  }
}

}  // namespace

std::string EndpointOf(const S3Settings& s3) {
  return s3.endpoint.empty() ? "Amazon's S3" : s3.endpoint;
}

void CheckStore(const LakehouseSettings& settings, const std::string& prefix, Findings& findings) {
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
  const auto bucket = OpenBucket(settings);
  if (!bucket.ok()) {
    findings.Bad("credentials", bucket.error().message,
                 "queryd.secrets_path or s3.access_key_id and s3.secret_access_key give them");
    return;
  }
  const bool has_keys = !bucket->credentials.access_key_id.empty();
  const auto said = s3::Client(*bucket).Ask(prefix, Deadline::After(kAnswerTime));
  if (!has_keys && said.ok() && (said->status == 401 || said->status == 403)) {
    findings.Bad("credentials",
                 fmt::format("none, and the store answers {} {}", said->status, said->code),
                 "queryd.secrets_path or s3.access_key_id and s3.secret_access_key give them");
    return;
  }
  findings.Good("credentials", has_keys ? "there are some" : "none: requests are not signed");
  if (said.ok()) {
    JudgeAnswer(s3, *said, findings);
  } else {
    JudgeNetwork(s3, store->use_path_style, said.error(), findings);
  }
}

Result<> RequireStore(const LakehouseSettings& settings, const std::string& prefix) {
  Findings findings;
  CheckStore(settings, prefix, findings);
  for (const Finding& finding : findings.all()) {
    if (finding.is_good) continue;
    std::string to_do = finding.to_do;
    if (finding.what == "credentials") {
      to_do += "; where neither does, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are taken";
    } else if (finding.what == "region") {
      to_do += " or, where no file does, AWS_REGION";
    }
    return InvalidArgument(fmt::format("{}: {}\n  -> {}", finding.what, finding.text, to_do));
  }
  return {};
}

}  // namespace tarn::cli
