#include "queryd/execution/duckdb_engine.h"

#include <utility>

#include "queryd/execution/duckdb_run.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

class DuckDbPlace : public EnginePlace {
 public:
  DuckDbPlace(EnginePool::Use engine, std::shared_ptr<Quarantine> quarantine)
      : engine_(std::move(engine)), quarantine_(std::move(quarantine)) {}

  std::unique_ptr<EngineRun> Run(std::shared_ptr<Query> query, const Statement& statement,
                                 Purpose purpose, bool is_suspect,
                                 Admission::Permit permit) override {
    return std::make_unique<DuckDbRun>(engine_, quarantine_, std::move(query), statement, purpose,
                                       is_suspect, std::move(permit));
  }

 private:
  const EnginePool::Use engine_;
  const std::shared_ptr<Quarantine> quarantine_;
};

}  // namespace

DuckDbEngine::DuckDbEngine(EnginePool& pool, const Quarantine::Limits& limits, Metrics& metrics)
    : pool_(pool), quarantine_(std::make_shared<Quarantine>(limits, metrics)) {}

Result<bool> DuckDbEngine::Check(const Statement& statement, const auth::Identity& user) {
  return quarantine_->Check(Quarantine::KeyOf(statement.sql, statement.params, user.datasets),
                            user.name);
}

Result<std::shared_ptr<EnginePlace>> DuckDbEngine::TakePlace(const auth::Identity& user) {
  TARN_TRY(EnginePool::Use engine, pool_.For(user.datasets, quarantine_->IsApart(user.name)));
  if (engine == nullptr) return std::shared_ptr<EnginePlace>();
  return std::shared_ptr<EnginePlace>(
      std::make_shared<DuckDbPlace>(std::move(engine), quarantine_));
}

asio::awaitable<Result<>> DuckDbEngine::WaitForPlace(Query& query, Deadline deadline) {
  Result<> waited = co_await pool_.WaitForPlace(query, deadline);
  co_return waited;
}

std::optional<uint64_t> DuckDbEngine::RevisionWith(const std::vector<DatasetRead>& reads) const {
  return pool_.first().RevisionWith(reads);
}

bool DuckDbEngine::IsUnknownTable(const Error& error) const {
  return error.message.starts_with("Catalog Error: Table with name");
}

}  // namespace tarn::queryd
