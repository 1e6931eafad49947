#pragma once

// An engine for the tests of the query core. Its runs replay events.

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "queryd/query/engine.h"

namespace tarn::queryd {

// The events of a run. After the last one, the run waits until the query is cancelled.
using Script = std::deque<EngineEvent>;

class FakeEngine : public Engine {
 public:
  // The scripts of the runs, in this order. Guarded by `mutex`, as all fields here.
  std::deque<Script> scripts;
  std::optional<Error> refusal;  // The error for every statement.
  std::string suspect;           // The SQL of a suspect.
  size_t suspects = 0;           // Runs of suspects.
  size_t places = 1000;
  std::map<std::string, uint64_t> versions;  // By the name of the dataset.
  std::vector<std::pair<std::string, Purpose>> runs;
  size_t waits = 0;  // Queries that waited for a place.
  size_t running = 0;
  size_t slow_readers = 0;
  mutable std::mutex mutex;

  Result<bool> Check(const Statement& statement, const auth::Identity& /*user*/) override {
    const std::lock_guard lock(mutex);
    if (refusal) return *refusal;
    return statement.sql == suspect;
  }
  Result<std::shared_ptr<EnginePlace>> TakePlace(const auth::Identity& /*user*/) override {
    const std::lock_guard lock(mutex);
    if (places == 0) return std::shared_ptr<EnginePlace>();
    return std::shared_ptr<EnginePlace>(std::make_shared<Place>(*this));
  }
  boost::asio::awaitable<Result<>> WaitForPlace(Query& query, Deadline deadline) override {
    {
      const std::lock_guard lock(mutex);
      ++waits;
    }
    co_await query.wakeup().Wait(deadline);
    if (query.cancel_reason()) co_return *query.cancel_reason();
    co_return Result<>();
  }
  std::optional<uint64_t> RevisionWith(const std::vector<DatasetRead>& reads) const override {
    const std::lock_guard lock(mutex);
    for (const DatasetRead& read : reads) {
      const auto found = versions.find(read.name);
      if (found == versions.end() || found->second != read.version) return std::nullopt;
    }
    return 9;
  }
  bool IsUnknownTable(const Error& error) const override { return error.message == "unknown"; }

  size_t RunsNow() const {
    const std::lock_guard lock(mutex);
    return running;
  }
  size_t Waits() const {
    const std::lock_guard lock(mutex);
    return waits;
  }

 private:
  class Run : public EngineRun {
   public:
    Run(FakeEngine& engine, std::shared_ptr<Query> query, Admission::Permit permit)
        : engine_(engine), query_(std::move(query)), permit_(std::move(permit)) {
      const std::lock_guard lock(engine_.mutex);
      ++engine_.running;
      if (engine_.scripts.empty()) return;
      events_ = std::move(engine_.scripts.front());
      engine_.scripts.pop_front();
    }
    ~Run() override {
      const std::lock_guard lock(engine_.mutex);
      --engine_.running;
    }
    boost::asio::awaitable<EngineEvent> Next() override {
      query_->SetRunning();
      while (events_.empty() && !query_->cancel_reason()) {
        co_await query_->wakeup().Wait(Deadline::Never());
      }
      if (query_->cancel_reason()) co_return *query_->cancel_reason();
      EngineEvent event = std::move(events_.front());
      events_.pop_front();
      co_return event;
    }
    void NoteSlowReader() override {
      const std::lock_guard lock(engine_.mutex);
      ++engine_.slow_readers;
    }

   private:
    FakeEngine& engine_;
    const std::shared_ptr<Query> query_;
    const Admission::Permit permit_;
    Script events_;
  };

  class Place : public EnginePlace {
   public:
    explicit Place(FakeEngine& engine) : engine_(engine) {}
    std::unique_ptr<EngineRun> Run(std::shared_ptr<Query> query, const Statement& statement,
                                   Purpose purpose, bool is_suspect,
                                   Admission::Permit permit) override {
      {
        const std::lock_guard lock(engine_.mutex);
        if (is_suspect) ++engine_.suspects;
        engine_.runs.emplace_back(statement.sql, purpose);
      }
      return std::make_unique<FakeEngine::Run>(engine_, std::move(query), std::move(permit));
    }

   private:
    FakeEngine& engine_;
  };
};

}  // namespace tarn::queryd
