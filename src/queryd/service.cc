#include "queryd/service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "base/files.h"
#include "base/log.h"
#include "http/daemon_routes.h"
#include "queryd/routes.h"

namespace tarn::queryd {

Result<> CheckSettings(const LakehouseSettings& settings) {
  std::string missing;
  const auto require = [&missing](const std::string& value, std::string_view key) {
    if (!value.empty()) return;
    missing += fmt::format("{}{} is required", missing.empty() ? "" : "; ", key);
  };
  require(settings.queryd.catalogd_url, "queryd.catalogd_url");
  require(settings.s3.bucket, "s3.bucket");
  if (!missing.empty()) return InvalidArgument(missing);
  return {};
}

engine::EngineOptions MakeEngineOptions(const QuerydSettings& settings, engine::ObjectStore store,
                                        std::function<Result<engine::Credentials>()> credentials) {
  const std::string folder = settings.extension_dir.empty()
                                 ? (ProgramDirectory().parent_path() / "lib" / "tarn").string()
                                 : settings.extension_dir;
  const size_t automatic = std::max(4U, std::thread::hardware_concurrency());
  return {.store = std::move(store),
          .credentials = std::move(credentials),
          .httpfs_path = folder + "/httpfs.duckdb_extension",
          .workers = settings.max_concurrent_queries > 0
                         ? static_cast<size_t>(settings.max_concurrent_queries)
                         : automatic,
          .queue_limit = static_cast<size_t>(settings.queue_limit),
          .result_buffer_bytes = static_cast<size_t>(settings.result_buffer_bytes)};
}

Result<std::unique_ptr<Service>> Service::Open(const QuerydSettings& settings,
                                               const engine::EngineOptions& options,
                                               std::unique_ptr<CatalogSource> catalog,
                                               Metrics& metrics) {
  Result<std::unique_ptr<engine::Engine>> engine = engine::OpenEngine(options);
  if (!engine.ok()) return engine.error().Wrap("duckdb open");
  return std::unique_ptr<Service>(
      new Service(settings, std::move(*engine), std::move(catalog), metrics));
}

Service::Service(const QuerydSettings& settings, std::unique_ptr<engine::Engine> engine,
                 std::unique_ptr<CatalogSource> catalog, Metrics& metrics)
    : settings_(settings),
      engine_(std::move(engine)),
      catalog_(std::move(catalog)),
      registrar_(*engine_, *catalog_),
      refresh_loop_(registrar_, metrics, settings.refresh_every, settings.refresh_timeout),
      queries_(*engine_, metrics, static_cast<size_t>(settings.result_buffer_bytes)) {}

bool Service::Stop(Deadline deadline) {
  engine_->CancelAll();
  const bool refresh_ended = refresh_loop_.Stop(deadline);
  return engine_->WaitIdle(deadline) && refresh_ended;
}

std::vector<http::Route> Service::Routes(const Metrics& metrics) {
  std::vector<http::Route> routes = SqlRoutes(queries_, settings_.sql_body_bytes_max);
  for (http::Route& route : http::DaemonRoutes(
           metrics, [this]() -> boost::asio::awaitable<Result<>> { co_return Ready(); })) {
    routes.push_back(std::move(route));
  }
  return routes;
}

void ShutDown(http::Server& server, Service& service, Duration timeout) {
  constexpr auto kGrace = std::chrono::seconds(2);
  server.StopAccepting();
  bool idle = server.WaitIdle(Deadline::After(timeout));
  if (!idle) {
    log::Warn("queries did not end in time, interrupting them");
    service.CancelQueries();
    idle = server.WaitIdle(Deadline::After(kGrace));
    if (!idle) {
      server.CloseAll();
      idle = server.WaitIdle(Deadline::After(kGrace));
    }
  }
  if (service.Stop(Deadline::After(kGrace)) && idle) return;
  log::Warn("a query or a refresh takes no interrupt, leaving it");
  log::Info("stopped");
  _exit(EXIT_SUCCESS);
}

}  // namespace tarn::queryd
