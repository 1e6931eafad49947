#include "catalogd/iceberg/error_document.h"

#include <nlohmann/json.hpp>
#include <string>

#include "base/redact.h"
#include "base/text.h"

namespace tarn::catalogd {
namespace {

std::string ErrorDocument(int status, std::string_view type, std::string_view message) {
  const nlohmann::ordered_json error = {
      {"message", ToValidUtf8(ProcessRedactor().Redact(std::string(message)))},
      {"type", type},
      {"code", status}};
  return nlohmann::ordered_json{{"error", error}}.dump();
}

// The names of Java's exceptions, as clients know them.
std::string_view TypeOf(int status) {
  switch (status) {
    case 400:
      return "BadRequestException";
    case 401:
      return "NotAuthorizedException";
    case 403:
      return "ForbiddenException";
    case 404:
    case 405:
      return "UnsupportedOperationException";
    case 503:
    case 504:
      return "ServiceUnavailableException";
    default:
      return status < 500 ? "BadRequestException" : "InternalServerError";
  }
}

}  // namespace

http::Response RenderIcebergError(int status, std::string_view type, std::string_view message) {
  http::Response response = http::Response::Json(status, ErrorDocument(status, type, message));
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response RenderTableError(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return RenderIcebergError(404, "NoSuchTableException", error.message);
    case ErrorKind::kCancelled:
    case ErrorKind::kTimeout:
    case ErrorKind::kStale:
    case ErrorKind::kUnavailable:
    case ErrorKind::kOutOfMemory:
      return RenderIcebergError(503, TypeOf(503), error.message);
    case ErrorKind::kInternal:
      return RenderIcebergError(500, TypeOf(500), error.message);
    default:
      return RenderIcebergError(400, TypeOf(400), error.message);
  }
}

void SetIcebergErrorDocument(http::Response& response) {
  std::string message = response.problem;
  if (response.status == 404 || response.status == 405) {
    message += ": the catalog is read-only, and GET /iceberg/v1/config lists its endpoints";
  }
  response.content_type = "application/json";
  response.body = ErrorDocument(response.status, TypeOf(response.status), message);
}

}  // namespace tarn::catalogd
