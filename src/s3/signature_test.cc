#include "s3/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"

namespace tarn::s3 {
namespace {

// Examples from "Signature Calculations for the Authorization Header" in Amazon's documentation.
protocol::Credentials ExampleCredentials() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
          .session_token = ""};
}
constexpr UnixMicros kNow{std::chrono::seconds(1369353600)};  // 2013-05-24T00:00:00Z

UnsignedRequest Example() { return {.headers = {{"host", "examplebucket.s3.amazonaws.com"}}}; }

std::string SignatureOf(const UnsignedRequest& request) {
  const std::string value =
      Sign(request, ExampleCredentials(), "us-east-1", kNow).at("authorization");
  return value.substr(value.find("Signature=") + 10);
}

TEST(Sign, MatchesAmazonsExampleForARange) {
  UnsignedRequest request = Example();
  request.path = "/test.txt";
  request.headers["range"] = "bytes=0-9";
  const auto headers = Sign(request, ExampleCredentials(), "us-east-1", kNow);
  EXPECT_EQ(headers.at("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(headers.at("x-amz-date"), "20130524T000000Z");
  EXPECT_EQ(headers.at("x-amz-content-sha256"), kEmptySha256);
}

TEST(Sign, MatchesAmazonsExampleForAPut) {
  UnsignedRequest request = Example();
  request.method = "PUT";
  request.path = EncodePath("/test$file.text");
  request.headers["date"] = "Fri, 24 May 2013 00:00:00 GMT";
  request.headers["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  request.payload_sha256 = Sha256Hex("Welcome to Amazon S3.");
  EXPECT_EQ(SignatureOf(request),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(Sign, MatchesAmazonsExamplesForQueries) {
  UnsignedRequest lifecycle = Example();
  lifecycle.path = "/";
  lifecycle.query = {{"lifecycle", ""}};
  EXPECT_EQ(SignatureOf(lifecycle),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  UnsignedRequest list = Example();
  list.path = "/";
  list.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(SignatureOf(list), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(Sign, SignsTheSessionToken) {
  protocol::Credentials temporary = ExampleCredentials();
  temporary.session_token = "token";
  UnsignedRequest request = Example();
  request.path = "/";
  const auto headers = Sign(request, temporary, "us-east-1", kNow);
  EXPECT_EQ(headers.at("x-amz-security-token"), "token");
  EXPECT_THAT(headers.at("authorization"),
              testing::HasSubstr(";x-amz-date;x-amz-security-token, "));
}

TEST(Sign, SignsNothingWithoutAKey) {
  EXPECT_EQ(Sign(Example(), {}, "us-east-1", kNow), Example().headers);
}

TEST(EncodePath, KeepsSlashesAndUnreservedCharacters) {
  EXPECT_EQ(EncodePath("a/b-c_d.e~f"), "a/b-c_d.e~f");
  EXPECT_EQ(EncodePath("/a b/ü+?#%&=/"), "/a%20b/%C3%BC%2B%3F%23%25%26%3D/");
  EXPECT_EQ(EncodePath("a//b"), "a//b");
  EXPECT_EQ(EncodePath(""), "");
}

}  // namespace
}  // namespace tarn::s3
