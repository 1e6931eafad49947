#include "http/daemon_routes.h"

namespace tarn::http {

namespace asio = boost::asio;

std::vector<Route> DaemonRoutes(const Metrics& metrics, ReadyCheck ready,
                                std::string_view open_api) {
  std::vector<Route> routes;
  routes.push_back({.method = "GET",
                    .path = "/healthz",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      co_return Response::Text(200, "ok\n");
                    },
                    .is_public = true,
                    .is_operational = true});
  routes.push_back({.method = "GET",
                    .path = "/readyz",
                    .handler = [ready = std::move(ready)](
                                   const Request& request) -> asio::awaitable<Result<Response>> {
                      const Result<> state = co_await ready();
                      if (!state.ok()) {
                        // The reason may contain names of datasets, so it is only for tokens that
                        // may see all of them.
                        const bool may_know =
                            !request.identity->roles.empty() && request.identity->datasets.is_all();
                        const std::string reason =
                            may_know ? state.error().message
                                     : "not ready; use a token for all datasets to see the reason";
                        co_return Unavailable(reason);
                      }
                      co_return Response::Text(200, "ok\n");
                    },
                    .is_public = true,
                    .is_operational = true});
  routes.push_back({.method = "GET",
                    .path = "/metrics",
                    .handler = [&metrics](const Request&) -> asio::awaitable<Result<Response>> {
                      Response response = Response::Text(200, metrics.Render());
                      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                      co_return response;
                    },
                    .roles = {auth::Role::kAdmin},
                    .is_operational = true});
  routes.push_back({.method = "GET",
                    .path = "/openapi.json",
                    .handler = [open_api](const Request&) -> asio::awaitable<Result<Response>> {
                      co_return Response::Json(200, std::string(open_api));
                    },
                    .is_public = true});
  return routes;
}

net::Runtime::BackgroundTasks TlsReloadTasks(net::ServerTls* tls) {
  if (tls == nullptr) return {.on_hangup = [] {}, .every_second = nullptr};
  return {.on_hangup = [tls] { tls->Reload(); }, .every_second = [tls] { tls->ReloadIfChanged(); }};
}

}  // namespace tarn::http
