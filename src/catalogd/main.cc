// catalogd: the catalogue daemon.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/log.h"
#include "base/machine.h"
#include "base/version.h"
#include "catalogd/http/routes.h"
#include "catalogd/iceberg/error_document.h"
#include "catalogd/iceberg/routes.h"
#include "catalogd/service/iceberg_catalog.h"
#include "config/daemon_options.h"
#include "config/lakehouse.h"
#include "http/daemon_routes.h"
#include "http/server.h"
#include "net/runtime.h"

namespace tarn::catalogd {
namespace {

Result<DatasetLimits> LimitsOf(const CatalogdSettings& settings) {
  DatasetLimits limits{.bytes_max = settings.datasets_bytes_max,
                       .bytes_max_per_token = settings.datasets_bytes_max_per_token,
                       .datasets_max_per_token = settings.datasets_max_per_token};
  if (limits.bytes_max_per_token == 0) limits.bytes_max_per_token = limits.bytes_max / 4;
  if (limits.bytes_max_per_token <= limits.bytes_max) return limits;
  return InvalidArgument(fmt::format(
      "catalogd.datasets_bytes_max_per_token: must be at most catalogd.datasets_bytes_max ({})",
      limits.bytes_max));
}

Store::Options OptionsOf(const LakehouseSettings& settings, const DatasetLimits& limits) {
  return {.history_versions_max = settings.catalogd.history_versions_max,
          .history_bytes_max_per_token = settings.catalogd.history_bytes_max_per_token,
          .deleted_keep = settings.catalogd.deleted_keep,
          .limits = limits,
          .iceberg_bytes_max = settings.iceberg.tables_bytes_max};
}

void WarnIfTooLarge(const Store::Counts& counts, const DatasetLimits& limits) {
  if (counts.bytes <= static_cast<uint64_t>(limits.bytes_max)) return;
  log::Warn(
      "the manifests exceed catalogd.datasets_bytes_max: only changes that make them smaller "
      "are accepted",
      {{"bytes", counts.bytes}, {"limit", limits.bytes_max}});
}

Result<> Serve(const LakehouseSettings& settings) {
  // Created before all threads, because it blocks the signals that it waits for.
  net::Runtime runtime(2);
  TARN_TRY(http::WebSafety web_safety, http::WebSafety::FromSettings(settings.http));
  TARN_TRY(const DatasetLimits limits, LimitsOf(settings.catalogd));
  TARN_TRY(const IcebergChoice iceberg, ChooseIceberg(settings));
  TARN_TRY(const std::unique_ptr<Store> store,
           Store::Open(settings.catalogd.data_dir, OptionsOf(settings, limits)));
  Metrics metrics;
  TARN_TRY(const std::unique_ptr<auth::TokenStore> tokens,
           auth::TokenStore::Open(settings.auth, metrics));
  TARN_TRY(const std::unique_ptr<net::ServerTls> tls, net::ServerTls::Load(settings.tls, metrics));
  Service service(*store, settings.catalogd, metrics);

  std::unique_ptr<IcebergCatalog> tables;
  if (iceberg.options) {
    tables = std::make_unique<IcebergCatalog>(service, *iceberg.options, metrics);
  }

  std::vector<http::Route> routes = CatalogRoutes(service);
  for (http::Route& route : IcebergRoutes(tables.get(), iceberg.off_reason))
    routes.push_back(std::move(route));
  const auto ready = [&service]() -> boost::asio::awaitable<Result<>> {
    const auto count = [&service] { return service.store.Count(); };
    const Result<Store::Counts> counts = co_await service.readers.Run("", count);
    co_return counts.ok() ? Result<>() : counts.error();
  };
  for (http::Route& route : http::DaemonRoutes(metrics, ready, OpenApi()))
    routes.push_back(std::move(route));
  http::Server server(runtime.io(), http::Router(std::move(routes)), settings.http, metrics);
  server.Protect(tokens.get(), settings.auth.allow_anonymous);
  server.SetWebSafety(std::move(web_safety));
  server.SetTls(tls.get());
  server.SetErrorDocument(kIcebergPath, SetIcebergErrorDocument);
  TARN_TRY(const Store::Counts counts, store->Count());
  WarnIfTooLarge(counts, limits);
  if (const Result<> bound = server.Listen(settings.catalogd.bind); !bound.ok()) {
    return bound.error().Wrap("catalogd.bind");
  }
  log::Info("listening", {{"addr", server.address()},
                          {"tls", tls != nullptr},
                          {"version", Version()},
                          {"revision", counts.revision},
                          {"datasets", counts.datasets},
                          {"iceberg", tables != nullptr}});
  if (tables) tables->Start();

  log::Info("stopping", {{"signal", runtime.WaitForStop(http::TlsReloadTasks(tls.get()))}});
  server.StopAccepting();
  service.EndWaits();
  if (tables) tables->EndRequests();
  if (!server.WaitIdle(Deadline::After(settings.catalogd.shutdown_timeout))) {
    log::Warn("requests did not end in time");
    server.CloseAll();
    if (!server.WaitIdle(Deadline::After(std::chrono::seconds(2)))) {
      // SQLite rolls back an uncommitted change at the next start.
      log::Info("stopped");
      log::Flush();
      _exit(EXIT_SUCCESS);
    }
  }
  if (tables) tables->Join();
  service.Join();
  log::Info("stopped");
  return {};
}

int Main(int argc, const char* const* argv) {
  ReturnLargeBlocks();
  log::Configure("catalogd", log::Format::kText, log::Level::kInfo);
  const DaemonOptions options = ParseDaemonOptions(
      argc, argv, "catalogd", "Tarn's catalogue of datasets and their Parquet objects.");
  if (options.exit_now) return options.exit_code;
  const Result<LakehouseSettings> settings = LakehouseSettings::Load(options.config_path);
  if (!settings.ok()) {
    log::Error(settings.error().message);
    return EXIT_FAILURE;
  }
  log::Configure("catalogd", settings->log.format, settings->log.level);
  log::LimitClientLines(static_cast<uint32_t>(settings->log.client_lines_per_second));
  if (const Result<> served = Serve(*settings); !served.ok()) {
    log::Error(served.error().message);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace tarn::catalogd

int main(int argc, char** argv) {
  try {
    return tarn::catalogd::Main(argc, argv);
  } catch (const std::exception& e) {
    tarn::log::Error("cannot go on", {{"error", e.what()}});
    return EXIT_FAILURE;
  }
}
