#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "queryd/execution/engine_supervisor.h"
#include "queryd/execution/view_target.h"

namespace tarn::queryd {

// The processes that read the footers of objects. They run no queries, so that a footer that ends
// one of them ends no query.
//
// One process reads all datasets. A dataset that was being decoded when that process ended is a
// suspect. Suspects are read one at a time in a second process, which runs only while there are
// some: if that ends too, its dataset is the cause.
//
// Thread-safe. Destroyed after Stop.
class ProbeProcesses {
 public:
  // `options` are those of an engine. The sizes are bytes, for each process.
  ProbeProcesses(boost::asio::io_context& io, const EngineOptions& options, uint64_t memory_limit,
                 uint64_t memory_hard_limit, Metrics& metrics);

  // Starts the first process without waiting for it. Otherwise the first probe starts it.
  void Start();
  // Ends the processes and waits until they are reaped. Blocks.
  void Stop();
  Result<> RefreshCredentials();
  // Ends the second process if it has not been used for a while. Blocks.
  void EndIdle();

  // See ViewTarget. Blocks until a process is ready.
  std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests, Deadline deadline);
  void Hurry(const std::string& dataset);

 private:
  using Clock = std::chrono::steady_clock;
  // The second process, which is started if there is none.
  std::shared_ptr<EngineSupervisor> Alone();

  boost::asio::io_context& io_;
  const EngineOptions options_;
  Metrics& metrics_;
  const std::shared_ptr<EngineSupervisor> shared_;

  Mutex mutex_;
  bool started_ TARN_GUARDED_BY(mutex_) = false;
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::shared_ptr<EngineSupervisor> alone_
      TARN_GUARDED_BY(mutex_);  // Null while there is no suspect.
  Clock::time_point alone_used_at_ TARN_GUARDED_BY(mutex_) = {};
};

}  // namespace tarn::queryd
