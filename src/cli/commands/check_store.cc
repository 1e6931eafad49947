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

constexpr auto kResponseTimeout = std::chrono::seconds(15);
// S3 refuses signatures from clocks with a larger difference.
constexpr auto kClockSkewMax = std::chrono::minutes(15);

// Returns how far the server's clock is ahead of ours, from an HTTP date (RFC 9110, 5.6.7).
std::optional<std::chrono::seconds> ClockSkew(const std::string& date) {
  std::tm time{};
  if (strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr) return std::nullopt;
  return std::chrono::seconds(timegm(&time) - std::time(nullptr));
}

void ReportNetworkError(const S3Settings& s3, bool use_path_style, const Error& error,
                        Findings& findings) {
  std::string to_do = "check s3.endpoint, and that this machine can reach it";
  const auto contains = [&](const char* part) {
    return error.message.find(part) != std::string::npos;
  };
  if (contains("resolve host") && !use_path_style) {
    to_do = fmt::format(
        "the host name begins with the bucket: for servers other than Amazon's, set "
        "s3.use_path_style = true; otherwise correct s3.endpoint");
  } else if (contains("certificate") || contains("CA ")) {
    to_do = "set tls.ca_path to the CA certificates for the server";
  } else if (contains("SSL") || contains("Empty reply") || contains("HTTP/0.9")) {
    to_do = "check that the server uses TLS, and begin s3.endpoint with http:// or https://";
  }
  findings.Bad("store", fmt::format("{}: {}", EndpointOf(s3), error.message), to_do);
}

void ReportResponse(const S3Settings& s3, const s3::BucketAnswer& response, Findings& findings) {
  if (const auto off = ClockSkew(response.date)) {
    const auto distance = std::chrono::abs(*off);
    const std::string text = fmt::format("the clock of this machine is {} {} that of the store",
                                         FormatSeconds(static_cast<double>(distance.count())),
                                         off->count() > 0 ? "behind" : "ahead of");
    if (distance > kClockSkewMax || response.code == "RequestTimeTooSkewed") {
      findings.Bad("clock", text,
                   "set the clock with NTP: S3 accepts a difference of at most 15 minutes");
      return;
    }
    findings.Good("clock", distance.count() <= 2 ? "is correct" : text);
  }
  findings.Good("store", EndpointOf(s3) + " responds");
  if (response.status == 200) {
    findings.Good("bucket", fmt::format("\"{}\" can be listed", s3.bucket));
    return;
  }
  const std::string found = fmt::format("{} {}{}{}", response.status, response.code,
                                        response.message.empty() ? "" : ": ", response.message);
  if (response.code == "InvalidAccessKeyId") {
    findings.Bad("credentials", found,
                 "correct s3.access_key_id or the secrets file: the store does not know this key");
  } else if (response.code == "SignatureDoesNotMatch") {
    findings.Bad("credentials", found,
                 "correct secret_access_key or s3.region: the secret key does not belong to the "
                 "access_key_id, or the store is in another region");
  } else if (response.code == "ExpiredToken" || response.code == "InvalidToken") {
    findings.Bad("credentials", found,
                 "the session_token has expired: put new credentials into the secrets file");
  } else if (response.code == "NoSuchBucket") {
    findings.Bad("bucket", found,
                 fmt::format("create the bucket \"{}\", or use another", s3.bucket));
  } else if (response.status == 301 || response.status == 307 ||
             response.code == "AuthorizationHeaderMalformed" ||
             response.code == "PermanentRedirect") {
    findings.Bad("region", found,
                 response.region.empty() ? "set s3.region and s3.endpoint to those of the bucket"
                                         : fmt::format("set s3.region = \"{}\"", response.region));
  } else if (response.status == 401 || response.status == 403) {
    findings.Bad(
        "bucket", found,
        "the credentials lack a permission: queryd needs s3:GetObject on the objects, "
        "`tarn put` s3:PutObject, and `tarn up` s3:ListBucket; without s3:ListBucket, missing "
        "objects are reported as forbidden");
  } else {
    findings.Bad("bucket", found, "check s3.endpoint, s3.bucket and s3.use_path_style");
  }
}

}  // namespace

std::string EndpointOf(const S3Settings& s3) {
  return s3.endpoint.empty() ? "Amazon's S3" : s3.endpoint;
}

void CheckStore(const LakehouseSettings& settings, const std::string& prefix, Findings& findings) {
  const S3Settings& s3 = settings.s3;
  if (s3.bucket.empty()) {
    findings.Bad("bucket", "s3.bucket is not set", "set it to the bucket of the Parquet objects");
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
      findings.Good("store", "the folder " + store->root + " exists");
    } else {
      findings.Bad("store", "the folder " + store->root + " does not exist",
                   "create it, or set s3.endpoint");
    }
    return;
  }
  const auto bucket = OpenBucket(settings);
  if (!bucket.ok()) {
    findings.Bad("credentials", bucket.error().message,
                 "set queryd.secrets_path, or s3.access_key_id and s3.secret_access_key");
    return;
  }
  const bool has_keys = !bucket->credentials.access_key_id.empty();
  const auto response = s3::Client(*bucket).Ask(prefix, Deadline::After(kResponseTimeout));
  if (!has_keys && response.ok() && (response->status == 401 || response->status == 403)) {
    findings.Bad(
        "credentials",
        fmt::format("none, and the store responds {} {}", response->status, response->code),
        "set queryd.secrets_path, or s3.access_key_id and s3.secret_access_key");
    return;
  }
  findings.Good("credentials", has_keys ? "are set" : "none: requests are not signed");
  if (response.ok()) {
    ReportResponse(s3, *response, findings);
  } else {
    ReportNetworkError(s3, store->use_path_style, response.error(), findings);
  }
}

Result<> RequireStore(const LakehouseSettings& settings, const std::string& prefix) {
  Findings findings;
  CheckStore(settings, prefix, findings);
  for (const Finding& finding : findings.all()) {
    if (finding.is_good) continue;
    std::string to_do = finding.to_do;
    if (finding.what == "credentials") {
      to_do += "; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead";
    } else if (finding.what == "region") {
      to_do += "; or set AWS_REGION if there is no configuration file";
    }
    return InvalidArgument(fmt::format("{}: {}\n  -> {}", finding.what, finding.text, to_do));
  }
  return {};
}

}  // namespace tarn::cli
