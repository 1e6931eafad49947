#include "queryd/execution/engine_pool.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <utility>
#include <vector>

#include "base/log.h"

namespace tarn::queryd {
namespace {

// So long a change of the catalogue waits for engines of limited tokens to take it.
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
  const std::lock_guard lock(mutex_);
  on_hurry_ = std::move(handler);
}

void EnginePool::Hurry(const std::string& dataset) {
  probes_.Hurry(dataset);
  const std::lock_guard lock(mutex_);
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
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    // Those that queries hold stay where they are: they are destroyed after them.
    for (auto& [scope, scoped] : scoped_) engines.push_back(scoped.engine);
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
    const std::lock_guard lock(mutex_);
    for (auto& [scope, scoped] : scoped_) engines.push_back(scoped.engine);
  }
  TARN_CHECK_OK(first_->RefreshCredentials());
  TARN_CHECK_OK(probes_.RefreshCredentials());
  for (const auto& engine : engines) TARN_CHECK_OK(engine->RefreshCredentials());
  return {};
}

Result<EnginePool::Use> EnginePool::For(const auth::DatasetScope& scope) {
  if (scope.is_all()) return first_;
  const std::lock_guard lock(mutex_);
  if (stopping_) return Unavailable("the server is shutting down");
  const auto found = scoped_.find(scope);
  if (found != scoped_.end()) return UseOf(found);
  if (scoped_.size() >= limits_.scoped_max) {
    std::shared_ptr<EngineSupervisor> unused = TakeUnused(Clock::time_point::max());
    if (unused == nullptr) {
      return Unavailable(
          "all engines for limited tokens are in use (queryd.scoped_engines_max), try again later");
    }
    StopInBackground(std::move(unused));
  }
  const auto [added, is_new] = scoped_.emplace(scope, Scoped{.engine = StartScoped(scope)});
  scoped_gauge_.Set(static_cast<double>(scoped_.size()));
  return UseOf(added);
}

std::shared_ptr<EngineSupervisor> EnginePool::StartScoped(const auth::DatasetScope& scope) {
  EngineOptions options = options_;
  options.setup.memory_limit = limits_.scoped_memory;
  options.setup.memory_hard_limit = limits_.scoped_memory_hard;
  // The bucket holds the objects of all.
  options.setup.allow_direct_reads = false;
  // Each numbers the folders of its processes from 1.
  if (!options.setup.temp_directory.empty()) {
    options.setup.temp_directory += fmt::format("/scoped-{}", ++last_folder_);
    std::error_code ignored;  // Then spilling fails, and says where.
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
  const std::lock_guard lock(mutex_);
  const auto found = scoped_.find(scope);
  if (found == scoped_.end()) return;
  --found->second.uses;
  found->second.used_at = Clock::now();
}

std::shared_ptr<EngineSupervisor> EnginePool::TakeUnused(Clock::time_point used_before) {
  auto oldest = scoped_.end();
  for (auto it = scoped_.begin(); it != scoped_.end(); ++it) {
    if (it->second.uses > 0 || it->second.used_at >= used_before) continue;
    if (oldest == scoped_.end() || it->second.used_at < oldest->second.used_at) oldest = it;
  }
  if (oldest == scoped_.end()) return nullptr;
  std::shared_ptr<EngineSupervisor> engine = std::move(oldest->second.engine);
  scoped_.erase(oldest);
  scoped_gauge_.Set(static_cast<double>(scoped_.size()));
  return engine;
}

void EnginePool::StopInBackground(std::shared_ptr<EngineSupervisor> engine) {
  // Whoever waits for its place must not wait for its end.
  stoppers_.emplace_back([engine = std::move(engine)] { engine->Stop(); });
}

void EnginePool::EndIdle() {
  probes_.EndIdle();
  for (;;) {
    std::shared_ptr<EngineSupervisor> unused;
    std::vector<std::thread> stoppers;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      unused = TakeUnused(Clock::now() - limits_.idle_timeout);
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
  std::unique_lock lock(mutex_);
  known_.Take(change);
  for (auto& [scope, scoped] : scoped_) {
    const ViewChange seen =
        PartOf(change, [&scope = scope](const auto& name) { return scope.Allows(name); });
    if (auto answer = scoped.engine->Take(seen); answer.valid()) {
      taken.push_back(std::move(answer));
    }
  }
  lock.unlock();
  // So that a limited token finds what was there before it asked. What an engine that does not
  // answer has not taken, its replacement will.
  const auto until = std::chrono::steady_clock::now() + kTakenWithin;
  for (const auto& answer : taken) answer.wait_until(until);
  return {};
}

}  // namespace tarn::queryd
