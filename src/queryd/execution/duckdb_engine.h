#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/metrics.h"
#include "queryd/execution/engine_pool.h"
#include "queryd/execution/quarantine.h"
#include "queryd/query/engine.h"

namespace tarn::queryd {

// The engine that runs SQL with DuckDB, in the processes of an EnginePool.
//
// A query whose process ended runs again in a process of its own, so that it ends no other query.
// If that process ends too, the query is refused for a while: see Quarantine.
class DuckDbEngine : public Engine {
 public:
  DuckDbEngine(EnginePool& pool, const Quarantine::Limits& limits, Metrics& metrics);

  Result<bool> Check(const Statement& statement, const auth::Identity& user) override;
  Result<std::shared_ptr<EnginePlace>> TakePlace(const auth::Identity& user) override;
  boost::asio::awaitable<Result<>> WaitForPlace(Query& query, Deadline deadline) override;
  std::optional<uint64_t> RevisionWith(const std::vector<DatasetRead>& reads) const override;
  bool IsUnknownTable(const Error& error) const override;

 private:
  EnginePool& pool_;
  // Shared with the ends of cancelled queries, which come later.
  const std::shared_ptr<Quarantine> quarantine_;
};

}  // namespace tarn::queryd
