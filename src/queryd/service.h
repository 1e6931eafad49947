#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "config/lakehouse.h"
#include "http/router.h"
#include "http/server.h"
#include "net/fair_workers.h"
#include "queryd/datasets/catalog_source.h"
#include "queryd/datasets/refresh_loop.h"
#include "queryd/datasets/registrar.h"
#include "queryd/execution/duckdb_engine.h"
#include "queryd/execution/engine_pool.h"
#include "queryd/execution/temp_directory.h"
#include "queryd/query/datasets_in_use.h"
#include "queryd/query/query_service.h"

namespace tarn::queryd {

// Checks the settings that only queryd requires. The error names the key.
Result<> CheckSettings(const LakehouseSettings& settings);

// The object store of the engine, and its credentials.
struct Lake {
  protocol::ObjectStore store;
  std::function<Result<protocol::Credentials>()> credentials;
};

// queryd without its HTTP server: the engine, the registrar, the refresh loop and the queries. Used
// by the daemon and by `tarn up`.
class Service {
 public:
  // Returns when the engine is ready. The io_context must run until the service is destroyed.
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
  // Ends all running and waiting queries with an error.
  void CancelQueries();
  // Ends the refresh loop and the engine. Returns false if the refresh loop does not end before the
  // deadline. The service must not be destroyed then.
  bool Stop(Deadline deadline);
  // Waits for the first refresh, even if it fails. Returns false after the deadline.
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
  net::FairWorkers list_workers_{2, "list"};
};

// Stops in the reverse order of the start: refuses new requests, waits for running queries up to
// the time limit, cancels the rest, and stops the refresh loop and the engine. If a thread does not
// end, for example in a resolver that hangs, ends the process with status 0.
void ShutDown(http::Server& server, Service& service, Duration timeout);

}  // namespace tarn::queryd
