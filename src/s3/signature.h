#pragma once

// AWS Signature Version 4 for S3: the path is encoded once and not normalised.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "protocol/object_store.h"

namespace tarn::s3 {

// SHA-256 of an empty body, in hexadecimal.
inline constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct UnsignedRequest {
  std::string method = "GET";
  std::string path;                            // Percent-encoded: "/bucket/a%20b".
  std::map<std::string, std::string> query;    // Not encoded.
  std::map<std::string, std::string> headers;  // Names in lower case; "host" is required.
  std::string payload_sha256{kEmptySha256};
};

// Returns the headers of the request with Authorization, x-amz-date, x-amz-content-sha256 and, for
// temporary credentials, x-amz-security-token. Without a key id the request is not signed (public
// buckets).
std::map<std::string, std::string> Sign(const UnsignedRequest& request,
                                        const protocol::Credentials& credentials,
                                        std::string_view region, UnixMicros now);

// "a=1&b=%2F", sorted by name, as signed and sent.
std::string EncodeQuery(const std::map<std::string, std::string>& query);

// Percent-encodes everything in a key except letters, digits, "-._~" and "/".
std::string EncodePath(std::string_view key);

// The SHA-256 hash of a file as hexadecimal digits. `on_read`, if not null, is called with the
// number of bytes read since the last call. An error from it ends the function.
Result<std::string> Sha256OfFile(const std::string& path,
                                 const std::function<Result<>(uint64_t bytes)>& on_read = {});

}  // namespace tarn::s3
