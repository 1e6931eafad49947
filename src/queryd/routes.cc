#include "queryd/routes.h"

#include <memory>
#include <optional>

namespace tarn::queryd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

// What Run has read already, then what the query still gives.
class QueryBody : public http::BodyStream {
 public:
  QueryBody(QueryService& service, QueryAnswer answer, std::string id)
      : service_(service), answer_(std::move(answer)), id_(std::move(id)) {}

  ~QueryBody() override {
    if (!ended_) service_.CountAbandoned();
  }

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (!answer_.bytes.empty()) co_return std::exchange(answer_.bytes, {});
    Result<std::string> bytes = co_await service_.ReadOn(*answer_.rest, id_);
    ended_ = !bytes.ok() || bytes->empty();
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return std::optional<std::string>();
    co_return std::move(*bytes);
  }

 private:
  QueryService& service_;
  QueryAnswer answer_;
  const std::string id_;
  bool ended_ = false;  // ReadOn has counted the query.
};

asio::awaitable<Response> PostSql(QueryService& service, const Request& request) {
  Result<SqlRequest> sql = ParseSqlRequest(request.body);
  if (!sql.ok()) co_return http::RenderError(sql.error(), request);
  Result<QueryAnswer> answer = co_await service.Run(std::move(*sql), request.id);
  if (!answer.ok()) co_return http::RenderError(answer.error(), request);
  if (answer->rest == nullptr) co_return Response::Json(200, std::move(answer->bytes));
  co_return Response{.status = 200,
                     .body = std::make_unique<QueryBody>(service, std::move(*answer), request.id)};
}

}  // namespace

std::vector<http::Route> SqlRoutes(QueryService& service, int64_t body_bytes_max) {
  std::vector<http::Route> routes;
  routes.push_back(
      {.method = "POST",
       .path = "/sql",
       .handler = [&service](const Request& request) { return PostSql(service, request); },
       .body_bytes_max = body_bytes_max,
       .too_large_message = "sql body too large"});
  return routes;
}

}  // namespace tarn::queryd
