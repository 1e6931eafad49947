// queryd: SQL over the datasets of a catalogue.

#include <cstdlib>

#include "base/log.h"
#include "base/machine.h"
#include "base/version.h"
#include "config/daemon_options.h"
#include "http/daemon_routes.h"
#include "http/server.h"
#include "net/runtime.h"
#include "queryd/secrets.h"
#include "queryd/service.h"

namespace tarn::queryd {
namespace {

Result<> Serve(const LakehouseSettings& settings) {
  Metrics metrics;  // Outlives the I/O threads.
  net::Runtime runtime(
      net::IoThreads());  // Must precede all threads, because it blocks the signals.
  TARN_CHECK_OK(CheckSettings(settings));
  Result<http::Url> catalogd_url = http::ParseHttpUrl(settings.queryd.catalogd_url);
  if (!catalogd_url.ok()) return catalogd_url.error().Wrap("queryd.catalogd_url");
  TARN_TRY(http::WebSafety web_safety, http::WebSafety::FromSettings(settings.http));
  TARN_TRY(const net::ClientTls client_tls, net::ClientTls::FromSettings(settings.tls));
  if (!client_tls.verify) {
    log::Warn(
        "tls.verify is false: an attacker in the network can read and change all data between "
        "Tarn and catalogd or the store");
  }
  TARN_TRY(const protocol::ObjectStore store, protocol::ObjectStore::FromSettings(settings.s3));
  const FileSecretsProvider secrets(settings.queryd.secrets_path, settings.s3);
  TARN_CHECK_OK(secrets.Get(kPrimaryBucket));

  TARN_TRY(const std::unique_ptr<auth::TokenStore> tokens,
           auth::TokenStore::Open(settings.auth, metrics));
  TARN_TRY(const std::unique_ptr<net::ServerTls> tls, net::ServerTls::Load(settings.tls, metrics));
  const Lake lake{.store = store,
                  .credentials = [&secrets] { return secrets.Get(kPrimaryBucket); }};
  TARN_TRY(const std::unique_ptr<Service> service,
           Service::Open(runtime.io(), settings, lake,
                         std::make_unique<CatalogClient>(*catalogd_url, client_tls,
                                                         settings.queryd.catalogd_token_path),
                         metrics));
  http::Server server(runtime.io(), http::Router(service->Routes(metrics)), settings.http, metrics);
  server.Protect(tokens.get(), settings.auth.allow_anonymous);
  server.SetWebSafety(std::move(web_safety));
  server.SetTls(tls.get());
  if (const Result<> bound = server.Listen(settings.queryd.bind); !bound.ok()) {
    return bound.error().Wrap("queryd.bind");
  }
  log::Info("listening", {{"addr", server.address()},
                          {"tls", tls != nullptr},
                          {"version", Version()},
                          {"engine", service->EngineVersion()}});
  service->Start();

  log::Info("stopping", {{"signal", runtime.WaitForStop(http::TlsReloadTasks(tls.get()))}});
  ShutDown(server, *service, settings.queryd.shutdown_timeout);
  log::Info("stopped");
  return {};
}

int Main(int argc, const char* const* argv) {
  ReturnLargeBlocks();
  log::Configure("queryd", log::Format::kText, log::Level::kInfo);
  const DaemonOptions options =
      ParseDaemonOptions(argc, argv, "queryd", "Tarn's SQL daemon: POST /sql over Parquet in S3.");
  if (options.exit_now) return options.exit_code;
  const Result<LakehouseSettings> settings = LakehouseSettings::Load(options.config_path);
  if (!settings.ok()) {
    log::Error(settings.error().message);
    return EXIT_FAILURE;
  }
  log::Configure("queryd", settings->log.format, settings->log.level);
  log::LimitClientLines(static_cast<uint32_t>(settings->log.client_lines_per_second));
  if (const Result<> served = Serve(*settings); !served.ok()) {
    log::Error(served.error().message);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace tarn::queryd

int main(int argc, char** argv) {
  try {
    return tarn::queryd::Main(argc, argv);
  } catch (const std::exception& e) {
    tarn::log::Error("cannot go on", {{"error", e.what()}});
    return EXIT_FAILURE;
  }
}
