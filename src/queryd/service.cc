#include "queryd/service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/version.h"
#include "http/daemon_routes.h"
#include "queryd/http/routes.h"

namespace tarn::queryd {
namespace {

size_t OrCores(int64_t setting) {
  return setting > 0 ? static_cast<size_t>(setting) : MachineCores();
}

size_t Or(int64_t setting, size_t value) {
  return setting > 0 ? static_cast<size_t>(setting) : value;
}

Admission::Limits AdmissionLimits(const QuerydSettings& queryd) {
  const size_t running_max = OrCores(queryd.max_concurrent_queries);
  const size_t slow_readers_max = Or(queryd.slow_readers_max, std::max<size_t>(4, running_max));
  return {
      .running_max = running_max,
      .queue_max = static_cast<size_t>(queryd.queue_limit),
      .queue_timeout = queryd.queue_timeout,
      .slow_readers_max = slow_readers_max,
      .token_running_max =
          Or(queryd.max_concurrent_queries_per_token,
             std::max<size_t>(1, running_max - std::max<size_t>(1, running_max / 4))),
      .token_queue_max = Or(queryd.queue_limit_per_token, Admission::kUnlimited),
      .token_slow_readers_max = Or(queryd.slow_readers_max_per_token, (slow_readers_max + 1) / 2)};
}

// The slots of an engine process. Queries with slow readers, and queries that are cancelled and
// have not stopped yet, hold a slot of the process without being counted as running.
size_t EngineSlots(const Admission::Limits& limits) {
  return limits.running_max + 2 * limits.slow_readers_max;
}

std::string ProgramFolder(std::string_view setting) {
  return setting.empty() ? (ProgramDirectory().parent_path() / "lib" / "tarn").string()
                         : std::string(setting);
}

// By default 60 % of the memory. The rest is for the front, for the second engine of a replacement,
// and for the kernel's cache of files.
uint64_t MemoryLimit(const QuerydSettings& queryd) {
  return queryd.memory_limit > 0 ? static_cast<uint64_t>(queryd.memory_limit)
                                 : MachineMemory() / 100 * 60;
}

uint64_t HardLimit(uint64_t memory_limit) { return memory_limit + memory_limit / 4 + 256'000'000; }

// By default, one engine at its hard limit, and half of its memory limit for other engines: those
// of limited tokens, the isolated one, and a replaced one.
uint64_t EnginesLimit(const QuerydSettings& queryd, uint64_t memory_limit, uint64_t hard_limit) {
  if (queryd.engines_memory_limit > 0) return static_cast<uint64_t>(queryd.engines_memory_limit);
  return std::max(hard_limit, std::min(hard_limit + memory_limit / 2, MachineMemory() / 100 * 90));
}

uint64_t HardLimit(const QuerydSettings& queryd) {
  return queryd.memory_hard_limit > 0 ? static_cast<uint64_t>(queryd.memory_hard_limit)
                                      : HardLimit(MemoryLimit(queryd));
}

// An engine keeps the schemas of its datasets. DuckDB also keeps the columns of their views, which
// take up to four times as much memory. DuckDB's memory_limit counts neither of them.
uint64_t SchemasLimit(const QuerydSettings& queryd) {
  constexpr uint64_t kMax = 512'000'000;
  return queryd.schemas_bytes_max > 0 ? static_cast<uint64_t>(queryd.schemas_bytes_max)
                                      : std::min(kMax, HardLimit(queryd) / 10);
}

EnginePool::Limits MakePoolLimits(const QuerydSettings& queryd) {
  EnginePool::Limits limits;
  limits.scoped_max = static_cast<size_t>(queryd.scoped_engines_max);
  // All scoped engines together may have half of the memory of the first engine.
  limits.scoped_memory = queryd.scoped_memory_limit > 0
                             ? static_cast<uint64_t>(queryd.scoped_memory_limit)
                             : MemoryLimit(queryd) / (2 * limits.scoped_max);
  limits.scoped_memory_hard = HardLimit(limits.scoped_memory);
  limits.idle_timeout = queryd.scoped_idle_timeout;
  limits.probe_memory = queryd.probe_memory_limit > 0
                            ? static_cast<uint64_t>(queryd.probe_memory_limit)
                            : MemoryLimit(queryd) / 4;
  limits.probe_memory_hard = HardLimit(limits.probe_memory);
  return limits;
}

protocol::SandboxMode SandboxModeOf(SandboxUse setting) {
  if (setting == SandboxUse::kOff) return protocol::SandboxMode::kOff;
  return setting == SandboxUse::kRequire ? protocol::SandboxMode::kRequire
                                         : protocol::SandboxMode::kOn;
}

EngineOptions MakeEngineOptions(const LakehouseSettings& settings, const Lake& lake,
                                const TempDirectory& temp) {
  const QuerydSettings& queryd = settings.queryd;
  const std::string folder = ProgramFolder(queryd.extension_dir);
  const uint64_t memory_limit = MemoryLimit(queryd);
  const uint64_t hard_limit = HardLimit(queryd);
  EngineOptions options;
  options.program = (ProgramDirectory() / "tarn-engine").string();
  options.setup = {.store = lake.store,
                   .httpfs_path = folder + "/httpfs.duckdb_extension",
                   .threads = OrCores(queryd.threads),
                   .memory_limit = memory_limit,
                   .memory_hard_limit = hard_limit,
                   .temp_directory = temp.path().string(),
                   .temp_directory_limit = static_cast<uint64_t>(queryd.temp_directory_limit),
                   .plan_cache_entries = static_cast<uint64_t>(queryd.plan_cache_entries),
                   .cache_objects = queryd.cache_objects && !lake.store.is_folder,
                   .allow_direct_reads = queryd.allow_direct_reads,
                   .depths = {.nesting = static_cast<uint64_t>(queryd.nesting_max),
                              .subqueries = static_cast<uint64_t>(queryd.subquery_depth_max),
                              .expressions = static_cast<uint64_t>(queryd.expression_depth_max),
                              .json = static_cast<uint64_t>(queryd.json_depth_max)},
                   .probes_max = static_cast<uint64_t>(queryd.probes_max),
                   .footer_bytes_max = static_cast<uint64_t>(queryd.footer_bytes_max),
                   .schema_depth_max = static_cast<uint64_t>(queryd.schema_depth_max),
                   .sandbox = SandboxModeOf(queryd.sandbox),
                   .log_program = "engine",
                   .log_json = settings.log.format == log::Format::kJson,
                   .log_level = static_cast<int>(settings.log.level),
                   .tls_verify = settings.tls.verify,
                   .tls_ca_path = settings.tls.ca_path.empty()
                                      ? ""
                                      : std::filesystem::absolute(settings.tls.ca_path).string()};
  options.credentials = lake.credentials;
  options.slots = EngineSlots(AdmissionLimits(queryd));
  options.cancel_grace = queryd.cancel_grace;
  options.drain_timeout = queryd.drain_timeout;
  options.starts_burst = static_cast<size_t>(queryd.engine_starts_burst);
  options.start_interval = queryd.engine_start_interval;
  options.suspect_queue_max = static_cast<size_t>(queryd.suspect_queue_limit);
  options.suspect_queue_timeout = queryd.suspect_queue_timeout;
  options.memory = std::make_shared<EngineMemory>(EnginesLimit(queryd, memory_limit, hard_limit));
  return options;
}

QueryService::Options MakeQueryOptions(const QuerydSettings& settings) {
  return {.admission = AdmissionLimits(settings),
          .limits = {.timeout = settings.query_timeout,
                     .rows = static_cast<uint64_t>(settings.row_limit),
                     .bytes = static_cast<uint64_t>(settings.byte_limit)},
          .whole_bytes_max = static_cast<size_t>(settings.result_buffer_bytes),
          .history_max = static_cast<size_t>(settings.query_history),
          .cache_bytes_max = static_cast<size_t>(settings.result_cache_bytes)};
}

Quarantine::Limits MakeQuarantineLimits(const QuerydSettings& settings) {
  return {.time = settings.quarantine_time,
          .entries_max = static_cast<size_t>(settings.quarantine_entries_max),
          .crashes_max = static_cast<size_t>(settings.crashes_max)};
}

}  // namespace

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

Result<std::unique_ptr<Service>> Service::Open(boost::asio::io_context& io,
                                               const LakehouseSettings& settings, const Lake& lake,
                                               std::unique_ptr<CatalogSource> catalog,
                                               Metrics& metrics) {
  const bool spills = settings.queryd.temp_directory_limit > 0;
  Result<TempDirectory> temp =
      spills ? TempDirectory::Make(settings.queryd.temp_directory) : TempDirectory();
  if (!temp.ok()) return temp.error();
  std::unique_ptr<Service> service(
      new Service(io, settings, lake, std::move(*temp), std::move(catalog), metrics));
  if (const Result<> opened = service->engines_.Open(); !opened.ok()) {
    return opened.error().Wrap("duckdb open");
  }
  return service;
}

Service::Service(boost::asio::io_context& io, const LakehouseSettings& settings, const Lake& lake,
                 TempDirectory temp, std::unique_ptr<CatalogSource> catalog, Metrics& metrics)
    : settings_(settings),
      temp_(std::move(temp)),
      engines_(io, MakeEngineOptions(settings, lake, temp_), MakePoolLimits(settings.queryd),
               metrics),
      catalog_(std::move(catalog)),
      registrar_(
          engines_, *catalog_,
          {.longest = std::max<Duration>(settings.queryd.refresh_every, std::chrono::seconds(1))},
          static_cast<size_t>(settings.queryd.probed_datasets_max),
          CrashedProbes(CrashedProbesFile(settings.queryd.temp_directory,
                                          settings.queryd.catalogd_url + " " + lake.store.root),
                        // With another limit, footers that needed too much memory are read again.
                        fmt::format("{} {}", Version(), settings.queryd.probe_memory_limit)),
          {.dataset_bytes = static_cast<uint64_t>(settings.queryd.schema_bytes_max),
           .total_bytes = SchemasLimit(settings.queryd)}),
      refresh_loop_(registrar_, metrics,
                    {.every = settings.queryd.refresh_every,
                     .timeout = settings.queryd.refresh_timeout,
                     .warn_again_after = catalog_->WarnAgainAfter()},
                    [this] { BeforeRefresh(); }),
      engine_(engines_, MakeQuarantineLimits(settings.queryd), metrics),
      queries_(engine_, MakeQueryOptions(settings.queryd), metrics, &in_use_) {
  engines_.OnHurry([this](const std::string& dataset) { registrar_.Hurry(dataset); });
}

Service::~Service() {
  engines_.Stop();
  engines_.OnHurry(nullptr);
}

void Service::BeforeRefresh() {
  registrar_.CheckForOverwrites(in_use_.Take(),
                                static_cast<uint64_t>(settings_.queryd.overwrite_checks_max),
                                Deadline::After(settings_.queryd.refresh_timeout));
  engines_.EndIdle();
  if (const Result<> looked = engines_.RefreshCredentials(); !looked.ok()) {
    log::Warn("cannot read the credentials, keeping the former ones",
              {{"error", looked.error().message}});
  }
}

void Service::CancelQueries() {
  queries_.registry().CancelAll({ErrorKind::kCancelled, "the server is shutting down"});
}

bool Service::Stop(Deadline deadline) {
  CancelQueries();
  // The end of the engine ends a running change of views too.
  engines_.Stop();
  return refresh_loop_.Stop(deadline);
}

std::vector<http::Route> Service::Routes(const Metrics& metrics) {
  std::vector<http::Route> routes =
      SqlRoutes(queries_, registrar_, settings_.queryd.sql_body_bytes_max);
  for (http::Route& route : QueriesRoutes(queries_, list_workers_))
    routes.push_back(std::move(route));
  for (http::Route& route : CatalogStatusRoutes(registrar_, list_workers_))
    routes.push_back(std::move(route));
  for (http::Route& route : ConsoleRoutes(ConsoleFiles())) routes.push_back(std::move(route));
  for (http::Route& route : http::DaemonRoutes(
           metrics, [this]() -> boost::asio::awaitable<Result<>> { co_return Ready(); },
           OpenApi())) {
    routes.push_back(std::move(route));
  }
  return routes;
}

void ShutDown(http::Server& server, Service& service, Duration timeout) {
  constexpr auto kGrace = std::chrono::seconds(2);
  server.StopAccepting();
  bool idle = server.WaitIdle(Deadline::After(timeout));
  if (!idle) {
    log::Warn("queries did not end in time, cancelling them");
    service.CancelQueries();
    idle = server.WaitIdle(Deadline::After(kGrace));
    if (!idle) {
      server.CloseAll();
      idle = server.WaitIdle(Deadline::After(kGrace));
    }
  }
  if (service.Stop(Deadline::After(kGrace)) && idle) return;
  log::Warn("a request or a refresh does not end, leaving it");
  log::Info("stopped");
  log::Flush();
  _exit(EXIT_SUCCESS);
}

}  // namespace tarn::queryd
