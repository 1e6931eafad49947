#include <algorithm>
#include <utility>

#include "queryd/http/routes.h"
#include "queryd/http/sql_request.h"

namespace tarn::queryd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

constexpr std::string_view kPage = "index.html";

// The page loads all its files from queryd, and shows user input as text only. 'self' is safe,
// because queryd serves no scripts or styles of other authors.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view TypeOfFile(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

Response Send(const ConsoleFile& file, const Request& request) {
  const bool gzip = !file.gzip.empty() && AcceptsGzip(request.Header("Accept-Encoding"));
  Response response;
  response.content_type = TypeOfFile(file.name);
  response.headers.emplace_back("Content-Security-Policy", kPolicy);
  // The name of a file changes with its content, except for the page.
  response.headers.emplace_back(
      "Cache-Control", file.name == kPage ? "no-cache" : "public, max-age=31536000, immutable");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = std::string(gzip ? file.gzip : file.bytes);
  return response;
}

Result<Response> SendNamed(std::span<const ConsoleFile> files, std::string_view name,
                           const Request& request) {
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const ConsoleFile& each) { return each.name == name; });
  if (file != files.end()) return Send(*file, request);
  return NotFound("no such file of the console");
}

}  // namespace

std::vector<http::Route> ConsoleRoutes(std::span<const ConsoleFile> files) {
  std::vector<http::Route> routes;
  if (files.empty()) return routes;
  routes.push_back(
      {.method = "GET",
       .path = "/",
       .handler = [files](const Request& request) -> asio::awaitable<Result<Response>> {
         co_return SendNamed(files, kPage, request);
       },
       .is_public = true});
  routes.push_back(
      {.method = "GET",
       .path = "/console/{file}",
       .handler = [files](const Request& request) -> asio::awaitable<Result<Response>> {
         co_return SendNamed(files, request.path_arguments.at(0), request);
       },
       .is_public = true});
  return routes;
}

}  // namespace tarn::queryd
