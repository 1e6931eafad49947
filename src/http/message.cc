#include "http/message.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/redact.h"
#include "base/text.h"

namespace tarn::http {

namespace {

// The limit for an error message, which may quote a part of the request.
constexpr size_t kProblemBytesMax = 8192;

}  // namespace

void ClientWatch::OnDisconnect(std::function<void()> f) {
  on_disconnect_ = std::move(f);
  if (disconnected_) MarkDisconnected();
}

void ClientWatch::Abort() {
  if (on_abort_) on_abort_();
}

void ClientWatch::MarkDisconnected() {
  disconnected_ = true;
  // Moved out first, because the function may set another one.
  if (const auto f = std::exchange(on_disconnect_, nullptr)) f();
}

std::string_view Request::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

std::optional<std::string> Request::Parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = std::min(item.find('='), item.size());
    if (PercentDecode(item.substr(0, equals)) != name) continue;
    return PercentDecode(item.substr(std::min(equals + 1, item.size()))).value_or("");
  }
  return std::nullopt;
}

Result<bool> Request::Flag(std::string_view name) const {
  const std::optional<std::string> text = Parameter(name);
  if (text && *text != "true" && *text != "false") {
    return InvalidArgument(std::string(name) + ": must be true or false");
  }
  return text == "true";
}

Result<uint64_t> Request::Count(std::string_view name, uint64_t otherwise) const {
  const std::optional<std::string> text = Parameter(name);
  if (!text) return otherwise;
  uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, code] = std::from_chars(text->data(), end, number);
  if (code != std::errc() || stop != end || number == 0) {
    return InvalidArgument(std::string(name) + ": must be a whole number from 1");
  }
  return number;
}

bool Request::WantsProblemJson() const {
  const std::string accept = ToLowerAscii(Header("accept"));
  return accept.find("application/json") != std::string::npos ||
         accept.find("application/problem+json") != std::string::npos;
}

Response Response::Json(int status, std::string body) {
  return {.status = status, .content_type = "application/json", .body = std::move(body)};
}

Response Response::Text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

std::string_view ReasonPhrase(int status) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(status)));
  return {reason.data(), reason.size()};
}

int StatusOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return 400;
    case ErrorKind::kForbidden:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kPrecondition:
      return 412;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kCancelled:
    case ErrorKind::kOutOfMemory:
    case ErrorKind::kStale:
    case ErrorKind::kUnavailable:
      return 503;
    case ErrorKind::kTimeout:
      return 504;
    case ErrorKind::kInternal:
      return 500;
  }
  return 500;
}

Response RenderProblem(int status, std::string_view detail, bool problem_json) {
  // A message may quote arbitrary bytes of the request.
  std::string text =
      ToValidUtf8(detail.size() <= kProblemBytesMax
                      ? std::string(detail)
                      : Shortened(ProcessRedactor().Redact(std::string(detail)), kProblemBytesMax));
  if (!problem_json) {
    Response response = Response::Text(status, text + "\n");
    response.problem = std::move(text);
    return response;
  }
  const nlohmann::ordered_json problem = {{"type", "about:blank"},
                                          {"title", ReasonPhrase(status)},
                                          {"status", status},
                                          {"detail", text}};
  return {.status = status,
          .content_type = "application/problem+json",
          .body = problem.dump(),
          .problem = std::move(text)};
}

Response RenderError(const Error& error, const Request& request) {
  Response response =
      RenderProblem(StatusOf(error.kind), error.message, request.WantsProblemJson());
  response.headers.emplace_back("Vary", "Accept");
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace tarn::http
