#pragma once

// AWS Signature Version 4, as S3 wants it: the path is encoded once, and no part of it is folded.
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

// SHA-256 of nothing, in hexadecimal: the payload hash of a request without a body.
inline constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct UnsignedRequest {
  std::string method = "GET";
  std::string path;                            // Encoded: "/bucket/a%20b".
  std::map<std::string, std::string> query;    // Not encoded.
  std::map<std::string, std::string> headers;  // Names in lower case; "host" must be there.
  std::string payload_sha256{kEmptySha256};
};

// The headers that the request has to have, its own among them: Authorization, x-amz-date,
// x-amz-content-sha256 and, for temporary credentials, x-amz-security-token. Credentials without a
// key id sign nothing: a bucket that everybody may read.
std::map<std::string, std::string> Sign(const UnsignedRequest& request,
                                        const protocol::Credentials& credentials,
                                        std::string_view region, UnixMicros now);

// "a=1&b=%2F", sorted by name, as it is signed and sent.
std::string EncodeQuery(const std::map<std::string, std::string>& query);

// A key as a path: all but letters, digits, "-._~" and "/" as %XX.
std::string EncodePath(std::string_view key);

// In hexadecimal.
std::string Sha256Hex(std::string_view bytes);
// `on_read` hears of so many more bytes; its error ends it. Null: nobody asks.
Result<std::string> Sha256OfFile(const std::string& path,
                                 const std::function<Result<>(uint64_t bytes)>& on_read = {});

}  // namespace tarn::s3
