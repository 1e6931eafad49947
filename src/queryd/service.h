#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/lakehouse.h"
#include "base/metrics.h"
#include "engine/options.h"
#include "http/router.h"
#include "http/server.h"
#include "queryd/catalog_source.h"
#include "queryd/query_service.h"
#include "queryd/refresh_loop.h"
#include "queryd/registrar.h"

namespace tarn::queryd {

// Checks what only queryd needs of lakehouse.toml; the error names the key.
Result<> CheckSettings(const LakehouseSettings& settings);

// The engine's options: workers and paths with their defaults filled in.
engine::EngineOptions MakeEngineOptions(const QuerydSettings& settings, engine::ObjectStore store,
                                        std::function<Result<engine::Credentials>()> credentials);

// queryd without its HTTP server: engine, registrar, refresh loop and queries, put together. Used
// by the daemon and by `tarn up`.
class Service {
 public:
  static Result<std::unique_ptr<Service>> Open(const QuerydSettings& settings,
                                               const engine::EngineOptions& options,
                                               std::unique_ptr<CatalogSource> catalog,
                                               Metrics& metrics);

  // POST /sql, and the routes of every daemon.
  std::vector<http::Route> Routes(const Metrics& metrics);

  void Start() { refresh_loop_.Start(); }
  std::string EngineVersion() const { return engine_->Version(); }
  Result<> Ready() const { return refresh_loop_.Ready(); }
  // Ends queries that run or wait with an error.
  void CancelQueries() { engine_->CancelAll(); }
  // Ends queries and the refresh loop. False when something does not end in time: then the
  // service cannot be destroyed, only the process ended.
  bool Stop(Deadline deadline);
  // True when the first refresh is done, whatever came of it.
  bool WaitFirstRefresh(Deadline deadline) { return refresh_loop_.WaitFirst(deadline); }

 private:
  Service(const QuerydSettings& settings, std::unique_ptr<engine::Engine> engine,
          std::unique_ptr<CatalogSource> catalog, Metrics& metrics);

  const QuerydSettings settings_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<CatalogSource> catalog_;
  Registrar registrar_;
  RefreshLoop refresh_loop_;
  QueryService queries_;
};

// Stops in the reverse order of the start: no new requests, running queries to their end or to
// the time limit, the rest interrupted, then the refresh loop. Ends the process with status 0
// where a thread does not come back: a read that waits for the object store takes no interrupt.
void ShutDown(http::Server& server, Service& service, Duration timeout);

}  // namespace tarn::queryd
