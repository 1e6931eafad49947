#include "queryd/execution/engine_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

// The time that a change of the catalogue waits for the engines of limited tokens.
constexpr auto kTakenWithin = std::chrono::seconds(1);

}  // namespace

EnginePool::EnginePool(boost::asio::io_context& io, const EngineOptions& options,
                       const Limits& limits, Metrics& metrics)
    : io_(io),
      options_(Completed(options)),
      limits_(limits),
      metrics_(metrics),
      scoped_gauge_(metrics.Gauge("tarn_engine_scoped",
                                  "Engines that have only the datasets of some tokens")),
      probes_(io, options,
              limits.probe_memory > 0 ? limits.probe_memory : options.setup.memory_limit / 4,
              limits.probe_memory_hard, metrics),
      first_(std::make_shared<EngineSupervisor>(io, options_, metrics)) {}

EngineOptions EnginePool::Completed(EngineOptions options) {
  options.hurry = [this](const std::string& dataset) { Hurry(dataset); };
  options.starts = std::make_shared<EngineStarts>(options.starts_burst, options.start_interval);
  return options;
}

void EnginePool::OnHurry(HurryHandler handler) {
  const MutexLock lock(mutex_);
  on_hurry_ = std::move(handler);
}

void EnginePool::Hurry(const std::string& dataset) {
  probes_.Hurry(dataset);
  const MutexLock lock(mutex_);
  if (on_hurry_) on_hurry_(dataset);
}

Result<> EnginePool::Open() {
  TARN_CHECK_OK(first_->Open());
  probes_.Start();
  return {};
}

EnginePool::~EnginePool() { Stop(); }

void EnginePool::Stop() {
  std::vector<std::shared_ptr<EngineSupervisor>> engines;
  std::vector<std::thread> stoppers;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    // The map keeps its references, because queries may still use the engines.
    engines = Others();
    for (const Waiting& each : waiting_) {
      for (const auto& query : each.queries) query->wakeup().Wake();
    }
    stoppers = std::exchange(stoppers_, {});
  }
  first_->Stop();
  probes_.Stop();
  for (const auto& engine : engines) engine->Stop();
  for (std::thread& stopper : stoppers) stopper.join();
}

Result<> EnginePool::RefreshCredentials() {
  std::vector<std::shared_ptr<EngineSupervisor>> engines;
  {
    const MutexLock lock(mutex_);
    engines = Others();
  }
  TARN_CHECK_OK(first_->RefreshCredentials());
  TARN_CHECK_OK(probes_.RefreshCredentials());
  for (const auto& engine : engines) TARN_CHECK_OK(engine->RefreshCredentials());
  return {};
}

std::vector<std::shared_ptr<EngineSupervisor>> EnginePool::Others() {
  std::vector<std::shared_ptr<EngineSupervisor>> engines;
  for (const ScopedMap* of_kind : {&scoped_, &apart_}) {
    for (const auto& [scope, scoped] : *of_kind) engines.push_back(scoped.engine);
  }
  return engines;
}

class EnginePool::InLine {
 public:
  InLine(EnginePool& pool, std::shared_ptr<Query> query) : pool_(pool), query_(std::move(query)) {
    const MutexLock lock(pool_.mutex_);
    const auth::DatasetScope& scope = query_->user().datasets;
    const auto known = std::find_if(pool_.waiting_.begin(), pool_.waiting_.end(),
                                    [&](const Waiting& each) { return each.scope == scope; });
    if (known == pool_.waiting_.end()) {
      pool_.waiting_.push_back({.scope = scope, .queries = {query_}});
    } else {
      known->queries.insert(query_);
    }
    pool_.Settle();
  }
  ~InLine() {
    const MutexLock lock(pool_.mutex_);
    for (Waiting& each : pool_.waiting_) each.queries.erase(query_);
    pool_.waiting_.remove_if([](const Waiting& each) { return each.queries.empty(); });
  }
  InLine(const InLine&) = delete;
  InLine& operator=(const InLine&) = delete;

  // Returns true if the set of the query has a slot. Requires the mutex of the pool.
  bool HasEnded() const TARN_NO_THREAD_SAFETY_ANALYSIS {
    return std::none_of(pool_.waiting_.begin(), pool_.waiting_.end(),
                        [this](const Waiting& each) { return each.queries.contains(query_); });
  }

 private:
  EnginePool& pool_;
  const std::shared_ptr<Query> query_;
};

Result<EnginePool::Use> EnginePool::For(const auth::DatasetScope& scope, bool is_apart) {
  if (scope.is_all() && !is_apart) return first_;
  const MutexLock lock(mutex_);
  if (stopping_) return Unavailable("the server is shutting down");
  if (scope.is_all()) {
    if (apart_.empty()) apart_.emplace(scope, Scoped{.engine = StartScoped(scope)});
    return UseOf(apart_.begin());
  }
  const auto found = scoped_.find(scope);
  if (found != scoped_.end()) {
    Scoped& scoped = found->second;
    scoped.is_closed = scoped.is_closed || MustClose(scoped);
    return scoped.is_closed ? Use() : UseOf(found);
  }
  // Waiting sets come first.
  if (!waiting_.empty()) return Use();
  if (scoped_.size() >= limits_.scoped_max) {
    std::shared_ptr<EngineSupervisor> leaving = TakeLeaving();
    if (leaving == nullptr) return Use();
    StopInBackground(std::move(leaving));
  }
  return UseOf(Place(scope));
}

asio::awaitable<Result<>> EnginePool::WaitForPlace(Query& query, Deadline deadline) {
  const InLine in_line(*this, query.shared_from_this());
  for (;;) {
    Deadline wake = deadline;
    {
      const MutexLock lock(mutex_);
      if (query.cancel_reason()) co_return *query.cancel_reason();
      if (stopping_) co_return Unavailable("the server is shutting down");
      Settle();
      if (in_line.HasEnded()) co_return Result<>();
      if (deadline.Passed()) {
        co_return Unavailable(
            "all engines for limited tokens are in use (queryd.scoped_engines_max), try again "
            "later");
      }
      if (const Clock::time_point next = NextSettle(); next < deadline.At()) {
        wake = Deadline::After(std::chrono::duration_cast<Duration>(next - Clock::now()));
      }
    }
    co_await query.wakeup().Wait(wake);
  }
}

EnginePool::ScopedMap::iterator EnginePool::Place(const auth::DatasetScope& scope) {
  const auto added = scoped_.emplace(scope, Scoped{.engine = StartScoped(scope)}).first;
  scoped_gauge_.Set(static_cast<double>(scoped_.size()));
  return added;
}

EnginePool::Clock::time_point EnginePool::LeavesAt(const Scoped& scoped) const {
  if (scoped.is_closed) return Clock::time_point();
  const Clock::time_point end_of_turn = scoped.placed_at + limits_.turn;
  // The queries that waited for an engine start within its turn.
  return scoped.used_at ? std::min(end_of_turn, *scoped.used_at + limits_.rest) : end_of_turn;
}

bool EnginePool::MustClose(const Scoped& scoped) const {
  if (Clock::now() < scoped.placed_at + limits_.turn) return false;
  const auto closed = std::count_if(scoped_.begin(), scoped_.end(),
                                    [](const auto& each) { return each.second.is_closed; });
  const auto without_engine = std::count_if(
      waiting_.begin(), waiting_.end(),
      [this](const Waiting& each) TARN_REQUIRES(mutex_) { return !scoped_.contains(each.scope); });
  return closed < without_engine;
}

void EnginePool::Settle() {
  while (!waiting_.empty() && !stopping_) {
    const auto own = scoped_.find(waiting_.front().scope);
    if (own != scoped_.end()) {
      // Another engine gave up its slot first.
      own->second.is_closed = false;
      own->second.placed_at = Clock::now();
    } else {
      if (scoped_.size() >= limits_.scoped_max) {
        std::shared_ptr<EngineSupervisor> leaving = TakeLeaving();
        if (leaving == nullptr) return;
        StopInBackground(std::move(leaving));
      }
      Place(waiting_.front().scope);
    }
    for (const auto& query : waiting_.front().queries) query->wakeup().Wake();
    waiting_.pop_front();
  }
}

EnginePool::Clock::time_point EnginePool::NextSettle() const {
  Clock::time_point next = Clock::time_point::max();
  for (const auto& [scope, scoped] : scoped_) {
    if (scoped.uses == 0) next = std::min(next, LeavesAt(scoped));
  }
  return next;
}

std::shared_ptr<EngineSupervisor> EnginePool::StartScoped(const auth::DatasetScope& scope) {
  EngineOptions options = options_;
  if (scope.is_all()) {
    options.setup.memory_limit /= 2;
    options.setup.memory_hard_limit /= 2;
  } else {
    options.setup.memory_limit = limits_.scoped_memory;
    options.setup.memory_hard_limit = limits_.scoped_memory_hard;
    // The bucket contains the objects of all tokens.
    options.setup.allow_direct_reads = false;
  }
  // Each engine numbers the folders of its processes from 1, so it needs a folder of its own.
  if (!options.setup.temp_directory.empty()) {
    options.setup.temp_directory += fmt::format("/scoped-{}", ++last_folder_);
    std::error_code ignored;  // Without the folder, spilling fails with an error that names it.
    std::filesystem::create_directory(options.setup.temp_directory, ignored);
  }
  auto engine = std::make_shared<EngineSupervisor>(io_, std::move(options), metrics_);
  engine->StartWith(known_.All([&scope](const auto& name) { return scope.Allows(name); }));
  return engine;
}

EnginePool::Use EnginePool::UseOf(ScopedMap::iterator entry) {
  ++entry->second.uses;
  const std::shared_ptr<EngineSupervisor>& engine = entry->second.engine;
  return {engine.get(), [this, scope = entry->first, engine](EngineSupervisor*) { EndUse(scope); }};
}

void EnginePool::EndUse(const auth::DatasetScope& scope) {
  const MutexLock lock(mutex_);
  const auto found = MapOf(scope).find(scope);
  if (found == MapOf(scope).end()) return;
  TARN_ASSERT(found->second.uses > 0, "a use of an engine ended twice");
  --found->second.uses;
  found->second.used_at = Clock::now();
  Settle();
  // The waiting queries compute again when this engine may leave.
  if (!waiting_.empty()) {
    for (const auto& query : waiting_.front().queries) query->wakeup().Wake();
  }
}

std::shared_ptr<EngineSupervisor> EnginePool::TakeLeaving() {
  const Clock::time_point now = Clock::now();
  auto oldest = scoped_.end();
  for (auto it = scoped_.begin(); it != scoped_.end(); ++it) {
    if (it->second.uses > 0 || LeavesAt(it->second) > now) continue;
    if (oldest == scoped_.end() || it->second.used_at < oldest->second.used_at) oldest = it;
  }
  return oldest == scoped_.end() ? nullptr : Remove(oldest);
}

std::shared_ptr<EngineSupervisor> EnginePool::TakeIdle(ScopedMap& engines,
                                                       Clock::time_point used_before) {
  for (auto it = engines.begin(); it != engines.end(); ++it) {
    const Clock::time_point used_at = it->second.used_at.value_or(it->second.placed_at);
    if (it->second.uses > 0 || used_at >= used_before) continue;
    std::shared_ptr<EngineSupervisor> engine = std::move(it->second.engine);
    engines.erase(it);
    return engine;
  }
  return nullptr;
}

std::shared_ptr<EngineSupervisor> EnginePool::Remove(ScopedMap::iterator entry) {
  std::shared_ptr<EngineSupervisor> engine = std::move(entry->second.engine);
  scoped_.erase(entry);
  scoped_gauge_.Set(static_cast<double>(scoped_.size()));
  return engine;
}

void EnginePool::StopInBackground(std::shared_ptr<EngineSupervisor> engine) {
  // The next set takes the slot at once, before the engine has ended.
  stoppers_.emplace_back([engine = std::move(engine)] { engine->Stop(); });
}

void EnginePool::EndIdle() {
  probes_.EndIdle();
  for (;;) {
    std::shared_ptr<EngineSupervisor> unused;
    std::vector<std::thread> stoppers;
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      const Clock::time_point used_before = Clock::now() - limits_.idle_timeout;
      unused = TakeIdle(apart_, used_before);
      if (unused == nullptr) unused = TakeIdle(scoped_, used_before);
      scoped_gauge_.Set(static_cast<double>(scoped_.size()));
      if (unused != nullptr) Settle();
      stoppers = std::exchange(stoppers_, {});
    }
    for (std::thread& stopper : stoppers) stopper.join();
    if (unused == nullptr) return;
    unused->Stop();
  }
}

std::vector<PendingProbe> EnginePool::Probe(const std::vector<ProbeRequest>& requests,
                                            Deadline deadline) {
  return probes_.Probe(requests, deadline);
}

Result<> EnginePool::Apply(const ViewChange& change, Deadline deadline) {
  TARN_CHECK_OK(first_->Apply(change, deadline));
  std::vector<std::future<Result<Schema>>> taken;
  MutexLock lock(mutex_);
  known_.Take(change);
  for (const ScopedMap* engines : {&scoped_, &apart_}) {
    for (const auto& [scope, scoped] : *engines) {
      const ViewChange seen =
          PartOf(change, [&scope = scope](const auto& name) { return scope.Allows(name); });
      if (auto answer = scoped.engine->Take(seen); answer.valid()) {
        taken.push_back(std::move(answer));
      }
    }
  }
  lock.unlock();
  // A limited token must see a change that was announced before its query. If an engine does not
  // confirm the change in time, the process that replaces it has the change.
  const auto until = std::chrono::steady_clock::now() + kTakenWithin;
  for (const auto& answer : taken) answer.wait_until(until);
  return {};
}

}  // namespace tarn::queryd
