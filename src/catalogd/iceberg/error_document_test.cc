#include "catalogd/iceberg/error_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/redact.h"

namespace tarn::catalogd {
namespace {

nlohmann::json ErrorIn(const http::Response& response) {
  EXPECT_EQ(response.content_type, "application/json");
  return nlohmann::json::parse(std::get<std::string>(response.body)).at("error");
}

TEST(ErrorDocumentTest, NamesTheExceptionOfEachKind) {
  const auto type = [](ErrorKind kind, int status) {
    const http::Response response = RenderTableError({kind, "why"});
    EXPECT_EQ(response.status, status);
    const nlohmann::json error = ErrorIn(response);
    EXPECT_EQ(error.at("code"), status);
    EXPECT_EQ(error.at("message"), "why");
    return error.at("type").get<std::string>();
  };
  EXPECT_EQ(type(ErrorKind::kNotFound, 404), "NoSuchTableException");
  EXPECT_EQ(type(ErrorKind::kInvalidArgument, 400), "BadRequestException");
  EXPECT_EQ(type(ErrorKind::kTooLarge, 400), "BadRequestException");
  EXPECT_EQ(type(ErrorKind::kUnavailable, 503), "ServiceUnavailableException");
  EXPECT_EQ(type(ErrorKind::kTimeout, 503), "ServiceUnavailableException");
  EXPECT_EQ(type(ErrorKind::kInternal, 500), "InternalServerError");
}

TEST(ErrorDocumentTest, ReplacesTheErrorsOfTheServer) {
  http::Response response = http::RenderProblem(401, "a token is required", true);
  SetIcebergErrorDocument(response);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(ErrorIn(response).at("type"), "NotAuthorizedException");
  EXPECT_EQ(ErrorIn(response).at("message"), "a token is required");
  response = http::RenderProblem(405, "method not allowed", false);
  SetIcebergErrorDocument(response);
  EXPECT_EQ(ErrorIn(response).at("type"), "UnsupportedOperationException");
  EXPECT_THAT(ErrorIn(response).at("message").get<std::string>(), testing::HasSubstr("read-only"));
}

TEST(ErrorDocumentTest, HasNoSecretsAndOnlyUtf8) {
  ProcessRedactor().Add("secret-of-the-error-document");
  const auto error =
      ErrorIn(RenderTableError(Unavailable("key secret-of-the-error-document \xFF")));
  EXPECT_EQ(error.at("message"), "key [redacted] \xEF\xBF\xBD");
}

}  // namespace
}  // namespace tarn::catalogd
