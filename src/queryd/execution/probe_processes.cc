#include "queryd/execution/probe_processes.h"

#include <utility>

namespace tarn::queryd {
namespace {

// The time without suspects after which the second process is ended.
constexpr auto kAloneIdle = std::chrono::minutes(1);

EngineOptions ToProbeOptions(EngineOptions options, uint64_t memory_limit,
                             uint64_t memory_hard_limit) {
  options.setup.only_probes = true;
  options.setup.memory_limit = memory_limit;
  options.setup.memory_hard_limit = memory_hard_limit;
  options.setup.temp_directory.clear();
  options.setup.cache_objects = false;
  options.setup.allow_direct_reads = false;
  options.setup.views.clear();
  options.slots = 0;
  options.hurry = nullptr;
  return options;
}

}  // namespace

ProbeProcesses::ProbeProcesses(boost::asio::io_context& io, const EngineOptions& options,
                               uint64_t memory_limit, uint64_t memory_hard_limit, Metrics& metrics)
    : io_(io),
      options_(ToProbeOptions(options, memory_limit, memory_hard_limit)),
      metrics_(metrics),
      shared_(std::make_shared<EngineSupervisor>(io, options_, metrics)) {}

void ProbeProcesses::Start() {
  {
    const MutexLock lock(mutex_);
    if (stopping_ || std::exchange(started_, true)) return;
  }
  shared_->StartWith({});
}

void ProbeProcesses::Stop() {
  std::shared_ptr<EngineSupervisor> alone;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    alone = alone_;
  }
  shared_->Stop();
  if (alone != nullptr) alone->Stop();
}

Result<> ProbeProcesses::RefreshCredentials() {
  std::shared_ptr<EngineSupervisor> alone;
  {
    const MutexLock lock(mutex_);
    if (!started_) return {};
    alone = alone_;
  }
  TARN_CHECK_OK(shared_->RefreshCredentials());
  return alone == nullptr ? Result<>() : alone->RefreshCredentials();
}

void ProbeProcesses::EndIdle() {
  std::shared_ptr<EngineSupervisor> unused;
  {
    const MutexLock lock(mutex_);
    if (stopping_ || alone_ == nullptr || Clock::now() - alone_used_at_ < kAloneIdle) return;
    if (alone_->IsProbing()) return;
    unused = std::move(alone_);
  }
  unused->Stop();
}

std::shared_ptr<EngineSupervisor> ProbeProcesses::Alone() {
  const MutexLock lock(mutex_);
  alone_used_at_ = Clock::now();
  if (alone_ == nullptr) {
    alone_ = std::make_shared<EngineSupervisor>(io_, options_, metrics_);
    if (stopping_) {
      alone_->Stop();  // A stopped process refuses probes.
    } else {
      alone_->StartWith({});
    }
  }
  return alone_;
}

std::vector<PendingProbe> ProbeProcesses::Probe(const std::vector<ProbeRequest>& requests,
                                                Deadline deadline) {
  Start();
  std::vector<PendingProbe> pending(requests.size());
  std::vector<ProbeRequest> shared;
  std::vector<size_t> positions;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].is_alone) {
      shared.push_back(requests[i]);
      positions.push_back(i);
      continue;
    }
    pending[i] = std::move(Alone()->Probe({requests[i]}, deadline).front());
  }
  if (shared.empty()) return pending;
  std::vector<PendingProbe> started = shared_->Probe(shared, deadline);
  for (size_t i = 0; i < started.size(); ++i) pending[positions[i]] = std::move(started[i]);
  return pending;
}

void ProbeProcesses::Hurry(const std::string& dataset) { shared_->Hurry(dataset); }

}  // namespace tarn::queryd
