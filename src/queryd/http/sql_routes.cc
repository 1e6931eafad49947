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

// RFC 9211: what the result cache did.
std::string CacheStatus(const Statement& sql, const QueryAnswer& answer) {
  if (answer.is_cached) return "tarn; hit";
  std::string status = sql.cache == CacheUse::kAnswer ? "tarn; fwd=uri-miss" : "tarn; fwd=request";
  if (answer.is_kept) status += "; stored";
  return status;
}

// What Run has read already, then what the query still gives.
class QueryBody : public http::BodyStream {
 public:
  QueryBody(QueryService& service, std::shared_ptr<Query> query, QueryAnswer answer, Format format,
            const std::shared_ptr<http::ClientWatch>& client)
      : service_(service), query_(std::move(query)), answer_(std::move(answer)), format_(format) {
    // Also where the client takes nothing: then nobody would ask for the next bytes.
    query_->OnCut([client] { client->Abort(); });
  }

  ~QueryBody() override {
    query_->OnCut(nullptr);
    service_.Finish(*query_, query_->cancel_reason().value_or(
                                 Error{ErrorKind::kCancelled, "the client has gone"}));
  }

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (!answer_.bytes.empty()) co_return std::exchange(answer_.bytes, {});
    Result<std::string> bytes = co_await service_.ReadOn(answer_, *query_);
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return std::optional<std::string>();
    co_return std::move(*bytes);
  }

  http::Headers Trailers() override {
    if (!answer_.summary.truncated) return {};
    return {{kTruncated, "true"}};
  }

  bool NeedsTrailers() override {
    return answer_.summary.truncated && !Describe(format_).marks_truncation;
  }

  void OnSlowReader() override { QueryService::NoteSlowReader(answer_, query_); }

 private:
  QueryService& service_;
  const std::shared_ptr<Query> query_;
  QueryAnswer answer_;
  const Format format_;
};

// Ends the record of a query whose handler throws; a second end is ignored.
class EndedAtLast {
 public:
  EndedAtLast(QueryService& service, std::shared_ptr<Query> query)
      : service_(service), query_(std::move(query)) {}
  ~EndedAtLast() {
    if (query_ != nullptr) service_.Finish(*query_, Internal("internal error"));
  }
  EndedAtLast(const EndedAtLast&) = delete;
  EndedAtLast& operator=(const EndedAtLast&) = delete;
  void Release() { query_ = nullptr; }

 private:
  QueryService& service_;
  std::shared_ptr<Query> query_;
};

Response ToResponse(QueryService& service, const Statement& sql, std::shared_ptr<Query> query,
                    QueryAnswer answer, const std::optional<http::EntityTags>& tags,
                    const Request& request) {
  Response response;
  response.content_type = Describe(sql.format).content_type;
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  response.headers.emplace_back("Cache-Status", CacheStatus(sql, answer));
  if (answer.revision > 0) {
    response.headers.emplace_back("X-Catalog-Revision", std::to_string(answer.revision));
  }
  if (!answer.tag.empty()) {
    response.headers.emplace_back("ETag", http::Quoted(answer.tag));
    // Whoever keeps it asks each time whether it is the same still.
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    if (tags && tags->Has(answer.tag)) {
      response.status = 304;
      response.content_type = "";
      return response;
    }
  }
  if (answer.compression != Compression::kNone) {
    response.headers.emplace_back("Content-Encoding", NameOf(answer.compression));
  }
  if (answer.rest == nullptr) {
    if (answer.summary.truncated) response.headers.emplace_back(kTruncated, "true");
    response.body = std::move(answer.bytes);
    return response;
  }
  response.trailer_names = {kTruncated};
  response.body = std::make_unique<QueryBody>(service, std::move(query), std::move(answer),
                                              sql.format, request.client);
  return response;
}

// Until the catalogue has been read once, a table that is missing may be a dataset. As in /readyz,
// a token that is limited to datasets is not told the reason.
Error Explained(const Error& error, const Registrar& registrar, const Request& request) {
  if (!error.message.starts_with("Catalog Error: Table with name")) return error;
  const Registrar::LastRead read = registrar.GetLastRead();
  if (read.at) return error;
  const bool is_told = request.identity->datasets.is_all() && !read.error.empty();
  return Unavailable("the catalogue is not known, try again: " +
                     (is_told ? read.error : "it has not been read yet"));
}

asio::awaitable<Response> PostSql(QueryService& service, const Registrar& registrar,
                                  const Request& request) {
  const Result<Statement> sql = ParseSqlRequest(request, service.limits());
  if (!sql.ok()) co_return http::RenderError(sql.error(), request);
  const auto tags = http::EntityTags::Of(request, "If-None-Match");
  if (!tags.ok()) co_return http::RenderError(tags.error(), request);
  Result<std::shared_ptr<Query>> opened = co_await service.Open(*sql, request.id, request.identity);
  if (!opened.ok()) co_return http::RenderError(opened.error(), request);
  const std::shared_ptr<Query> query = *opened;
  EndedAtLast ended_at_last(service, query);
  request.client->OnDisconnect([weak = std::weak_ptr<Query>(query)] {
    if (const auto gone = weak.lock()) gone->Cancel({ErrorKind::kCancelled, "the client has gone"});
  });
  Result<QueryAnswer> answer = co_await service.Run(*sql, query);
  if (!answer.ok()) {
    co_return http::RenderError(Explained(answer.error(), registrar, request).Wrap("query"),
                                request);
  }
  Response response = ToResponse(service, *sql, query, std::move(*answer), *tags, request);
  ended_at_last.Release();  // The body ends it.
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
