#include <memory>
#include <optional>

#include "http/entity_tags.h"
#include "queryd/http/routes.h"
#include "queryd/http/sql_request.h"

namespace tarn::queryd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

constexpr const char* kTruncated = "X-Truncated";

// Returns the value of Cache-Status (RFC 9211) for the result cache.
std::string CacheStatus(const Statement& statement, const ResultStream& result) {
  if (result.is_cached()) return "tarn; hit";
  std::string status =
      statement.cache == CacheUse::kAnswer ? "tarn; fwd=uri-miss" : "tarn; fwd=request";
  if (result.is_stored()) status += "; stored";
  return status;
}

class ResultBody : public http::BodyStream {
 public:
  ResultBody(ResultStream result, Format format) : result_(std::move(result)), format_(format) {}

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    Result<std::string> bytes = co_await result_.Next();
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return std::optional<std::string>();
    co_return std::move(*bytes);
  }

  http::Headers Trailers() override {
    if (!result_.summary().truncated) return {};
    return {{kTruncated, "true"}};
  }

  bool NeedsTrailers() override {
    return result_.summary().truncated && !Describe(format_).marks_truncation;
  }

  void OnSlowReader() override { result_.NoteSlowReader(); }

 private:
  ResultStream result_;
  const Format format_;
};

asio::awaitable<Response> ToResponse(const Statement& statement, ResultStream result,
                                     const std::optional<http::EntityTags>& tags) {
  Response response;
  response.content_type = Describe(statement.format).content_type;
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  response.headers.emplace_back("Cache-Status", CacheStatus(statement, result));
  if (result.revision() > 0) {
    response.headers.emplace_back("X-Catalog-Revision", std::to_string(result.revision()));
  }
  if (!result.tag().empty()) {
    response.headers.emplace_back("ETag", http::Quoted(result.tag()));
    // Caches must revalidate the response each time.
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    if (tags && tags->Has(result.tag())) {
      response.status = 304;
      response.content_type = "";
      co_return response;
    }
  }
  if (result.compression() != Compression::kNone) {
    response.headers.emplace_back("Content-Encoding", NameOf(result.compression()));
  }
  if (result.IsComplete()) {
    if (result.summary().truncated) response.headers.emplace_back(kTruncated, "true");
    Result<std::string> bytes = co_await result.Next();  // No error: it has all bytes.
    response.body = std::move(*bytes);
    co_return response;
  }
  response.trailer_names = {kTruncated};
  response.body = std::make_unique<ResultBody>(std::move(result), statement.format);
  co_return response;
}

// Explains an unknown table before the first read of the catalogue, because it may be a dataset. A
// token that is limited to datasets does not get the reason, as in /readyz.
Error Explained(const Error& error, const QueryService& service, const Registrar& registrar,
                const Request& request) {
  if (!service.IsUnknownTable(error)) return error;
  const Registrar::LastRead read = registrar.GetLastRead();
  if (read.at) return error;
  const bool is_told = request.identity->datasets.is_all() && !read.error.empty();
  return Unavailable("the catalogue is not known, try again: " +
                     (is_told ? read.error : "it has not been read yet"));
}

asio::awaitable<Result<Response>> PostSql(QueryService& service, const Registrar& registrar,
                                          const Request& request) {
  const Result<Statement> statement = ParseSqlRequest(request, service.limits());
  if (!statement.ok()) co_return statement.error();
  const auto tags = http::EntityTags::Of(request, "If-None-Match");
  if (!tags.ok()) co_return tags.error();
  QueryClient client{
      .on_disconnect = [watch = request.client](auto f) { watch->OnDisconnect(std::move(f)); },
      .abort = [watch = request.client] { watch->Abort(); }};
  Result<QueryHandle> handle =
      co_await service.Open(*statement, request.id, request.identity, std::move(client));
  if (!handle.ok()) co_return handle.error();
  Result<ResultStream> result = co_await service.Run(*statement, std::move(*handle));
  if (!result.ok()) {
    co_return Explained(result.error(), service, registrar, request).Wrap("query");
  }
  Response response = co_await ToResponse(*statement, std::move(*result), *tags);
  co_return response;
}

}  // namespace

std::vector<http::Route> SqlRoutes(QueryService& service, const Registrar& registrar,
                                   int64_t body_bytes_max) {
  std::vector<http::Route> routes;
  routes.push_back(
      {.method = "POST",
       .path = "/sql",
       .handler = [&service, &registrar](
                      const Request& request) { return PostSql(service, registrar, request); },
       .body_bytes_max = body_bytes_max,
       .too_large_message = "sql body too large",
       .roles = {auth::Role::kQuery}});
  return routes;
}

}  // namespace tarn::queryd
