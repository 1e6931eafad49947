#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "config/lakehouse.h"
#include "http/router.h"
#include "http/server.h"
#include "queryd/datasets/catalog_source.h"
#include "queryd/datasets/refresh_loop.h"
#include "queryd/datasets/registrar.h"
#include "queryd/execution/duckdb_engine.h"
#include "queryd/execution/engine_pool.h"
#include "queryd/execution/temp_directory.h"
#include "queryd/http/fair_workers.h"
#include "queryd/query/datasets_in_use.h"
#include "queryd/query/query_service.h"

namespace tarn::queryd {

// Checks what only queryd needs of lakehouse.toml; the error names the key.
Result<> CheckSettings(const LakehouseSettings& settings);

// Where the engine reads, and with what.
struct Lake {
  protocol::ObjectStore store;
  std::function<Result<protocol::Credentials>()> credentials;
};

// queryd without its HTTP server: engine, registrar, refresh loop and queries, put together. Used
// by the daemon and by `tarn up`.
class Service {
 public:
  // Returns when the engine is ready. The io_context runs until the service is destroyed.
  static Result<std::unique_ptr<Service>> Open(boost::asio::io_context& io,
                                               const LakehouseSettings& settings, const Lake& lake,
                                               std::unique_ptr<CatalogSource> catalog,
                                               Metrics& metrics);
  ~Service();

  // POST /sql, /queries, and the routes of every daemon.
  std::vector<http::Route> Routes(const Metrics& metrics);

  void Start() { refresh_loop_.Start(); }
  std::string EngineVersion() const { return engines_.Version(); }
  Result<> Ready() const { return refresh_loop_.Ready(); }
  // Ends queries that run or wait with an error.
  void CancelQueries();
  // Ends the refresh loop and the engine. False when something does not end in time: then the
  // service cannot be destroyed, only the process ended.
  bool Stop(Deadline deadline);
  // True when the first refresh is done, whatever came of it.
  bool WaitFirstRefresh(Deadline deadline) { return refresh_loop_.WaitFirst(deadline); }

 private:
  Service(boost::asio::io_context& io, const LakehouseSettings& settings, const Lake& lake,
          TempDirectory temp, std::unique_ptr<CatalogSource> catalog, Metrics& metrics);
  void BeforeRefresh();

  const LakehouseSettings settings_;
  const TempDirectory temp_;
  EnginePool engines_;
  std::unique_ptr<CatalogSource> catalog_;
  DatasetsInUse in_use_;
  Registrar registrar_;
  RefreshLoop refresh_loop_;
  DuckDbEngine engine_;
  QueryService queries_;
  FairWorkers list_workers_{2};
};

// Stops in the reverse order of the start: no new requests, running queries to their end or to
// the time limit, the rest cancelled, then the refresh loop and the engine. Ends the process with
// status 0 where a thread does not come back: a resolver that hangs takes no deadline.
void ShutDown(http::Server& server, Service& service, Duration timeout);

}  // namespace tarn::queryd
