#include "engine/engine.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/redact.h"
#include "base/text.h"
#include "duck/json_depth.h"

namespace tarn::engine {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(500);
constexpr int kProgressesToCached = 4;
// The number of failed memory checks in a row after which the process is to be replaced. They take
// long enough for a query that ends to free its memory.
constexpr int kFailedMemoryChecks = 3;

// The limit counts the whole stack of each thread.
constexpr uint64_t kStackBytes = 8ULL * 1024 * 1024;
constexpr uint64_t kOtherThreads = 8;

// Makes allocations beyond the limit fail, which DuckDB reports as an error of the query. DuckDB's
// own limit does not count the memory of scalar functions.
Result<> LimitMemory(const protocol::Setup& setup, size_t slots) {
  if (setup.memory_hard_limit == 0) return {};
  // Queries and probes each have DuckDB's threads.
  const uint64_t stacks =
      (2 * setup.threads + slots + setup.probes_max + kOtherThreads) * kStackBytes;
  const rlimit limit = {setup.memory_hard_limit + stacks, setup.memory_hard_limit + stacks};
  if (setrlimit(RLIMIT_DATA, &limit) == 0) return {};
  return Internal(fmt::format("cannot limit the memory: {}", std::strerror(errno)));
}

// Makes the kernel end this process and not the front when the machine runs out of memory.
void OfferToOomKiller() {
  std::ofstream file("/proc/self/oom_score_adj");
  file << "800";
}

std::string ProbedFrame(uint64_t ticket, const Result<Prober::Schema>& outcome) {
  protocol::Probed probed{.ticket = ticket, .ok = outcome.ok()};
  if (outcome.ok()) {
    probed.schema = *outcome;
  } else {
    probed.error_kind = static_cast<int>(outcome.error().kind);
    probed.error = Shortened(outcome.error().message, protocol::kErrorBytesMax);
  }
  if (protocol::IsWithinLimits(probed.schema)) {
    std::string frame = protocol::ToFrame(probed);
    if (protocol::IsWithinLimits(frame)) return frame;
  }
  return ProbedFrame(ticket, Error{ErrorKind::kTooLarge,
                                   "the columns of its objects exceed the limit of a message: use "
                                   "fewer columns, or objects with the same columns"});
}

Result<uint64_t> DataCacheBytes(duck::Connection& connection) {
  TARN_TRY(duck::Statement statement,
           connection.Prepare("SELECT memory_usage_bytes::UBIGINT FROM duckdb_memory() WHERE tag = "
                              "'EXTERNAL_FILE_CACHE'"));
  TARN_TRY(duck::ResultStream rows, statement.Execute());
  TARN_TRY(const std::optional<duck::Chunk> chunk, rows.Next());
  if (!chunk || chunk->row_count() == 0) return Internal("DuckDB does not report its cache");
  return chunk->columns()[0].Data<uint64_t>()[0];
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(int control, const std::vector<int>& slots) {
  std::unique_ptr<Engine> engine(new Engine(control));
  const Result<> ready = engine->SetUp(slots);
  if (!ready.ok()) {
    engine->control_.Write(protocol::ToFrame(
        protocol::Ready{.error = Shortened(ready.error().message, protocol::kErrorBytesMax)}));
    return ready.error();
  }
  engine->control_.Write(
      protocol::ToFrame(protocol::Ready{.version = "DuckDB " + duck::Database::LibraryVersion(),
                                        .sandbox = engine->sandbox_.state(),
                                        .sandbox_missing = engine->sandbox_.missing()}));
  return engine;
}

Result<> Engine::SetUp(const std::vector<int>& slots) {
  TARN_TRY(const std::optional<protocol::Frame> frame, control_.Read());
  if (!frame || frame->type != protocol::FrameType::kSetup) return Internal("no set-up came");
  TARN_TRY(protocol::Setup setup, protocol::FromPayload<protocol::Setup>(frame->payload));
  protocol::ApplyViews known{.revision = setup.revision,
                             .put = std::exchange(setup.views, {}),
                             .pending = std::exchange(setup.pending, {})};
  log::Configure(setup.log_program, setup.log_json ? log::Format::kJson : log::Format::kText,
                 static_cast<log::Level>(setup.log_level));
  for (const std::string* secret :
       {&setup.credentials.access_key_id, &setup.credentials.secret_access_key,
        &setup.credentials.session_token}) {
    ProcessRedactor().Add(*secret);
  }
  TARN_CHECK_OK(duck::LimitJsonDepth(setup.depths.json));
  OfferToOomKiller();
  TARN_CHECK_OK(LimitMemory(setup, slots.size()));
  TARN_CHECK_OK(ConnectionFactory::InstallWhatIsMissing(setup));
  TARN_TRY(sandbox_, Sandbox::Enter(setup));
  watchdog_ = std::make_shared<Watchdog>();
  prober_ = std::make_unique<Prober>(setup, watchdog_);
  if (setup.only_probes) return {};
  TARN_TRY(factory_, ConnectionFactory::Open(setup, slots.size()));
  TARN_TRY(duck::Connection own, factory_->Connect());
  own_connection_.emplace(std::move(own));
  views_ = std::make_unique<Views>(setup.store, std::move(known));
  context_ = std::make_unique<WorkerContext>(*views_, *watchdog_, setup);
  context_->hurry = [this](const std::string& dataset) {
    control_.Write(protocol::ToFrame(protocol::Hurry{.dataset = dataset}));
  };
  context_->report_unhealthy = [this](const protocol::Unhealthy& unhealthy) {
    ReportUnhealthy(unhealthy);
  };
  std::vector<duck::Connection> connections = factory_->TakeConnections();
  for (size_t i = 0; i < slots.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(i, slots[i], std::move(connections[i]), *context_));
  }
  return {};
}

Engine::~Engine() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
  }
  control_.Shutdown();
  if (progress_thread_.joinable()) progress_thread_.join();
}

void Engine::Serve() {
  progress_thread_ = std::thread([this] { ReportProgress(); });
  for (;;) {
    const Result<std::optional<protocol::Frame>> frame = control_.Read();
    if (!frame.ok()) log::Error("the control socket failed", {{"error", frame.error().message}});
    if (!frame.ok() || !*frame) return;
    Handle(**frame);
  }
}

void Engine::Handle(const protocol::Frame& frame) {
  using protocol::FrameType;
  if (frame.type == FrameType::kCancel) {
    const auto cancel = protocol::FromPayload<protocol::Cancel>(frame.payload);
    if (cancel.ok() && cancel->slot < workers_.size())
      workers_[cancel->slot]->Cancel(cancel->query);
  } else if (frame.type == FrameType::kProbe) {
    const auto probe = protocol::FromPayload<protocol::Probe>(frame.payload);
    if (!probe.ok()) return log::Error("a message failed", {{"error", probe.error().message}});
    prober_->Probe({.view = probe->view,
                    .owner = probe->owner,
                    .object_timeout = std::chrono::milliseconds(probe->object_timeout_ms),
                    .is_retry = probe->is_retry,
                    .is_first = probe->is_first,
                    .only_etags = probe->only_etags,
                    .on_progress =
                        [this, ticket = probe->ticket](uint64_t objects_read) {
                          control_.Write(protocol::ToFrame(protocol::ProbeProgress{
                              .ticket = ticket, .objects_read = objects_read}));
                        },
                    .on_decoding =
                        [this, ticket = probe->ticket](uint64_t object, bool has_ended) {
                          control_.Write(protocol::ToFrame(protocol::Decoding{
                              .ticket = ticket, .object = object, .has_ended = has_ended}));
                        },
                    .on_done =
                        [this, ticket = probe->ticket](const Result<Prober::Schema>& outcome) {
                          control_.Write(ProbedFrame(ticket, outcome));
                        }});
  } else if (frame.type == FrameType::kHurry) {
    const auto hurry = protocol::FromPayload<protocol::Hurry>(frame.payload);
    if (hurry.ok()) prober_->Hurry(hurry->dataset);
  } else if (frame.type == FrameType::kApplyViews && views_ != nullptr) {
    auto change = protocol::FromPayload<protocol::ApplyViews>(frame.payload);
    if (!change.ok()) return log::Error("a message failed", {{"error", change.error().message}});
    const uint64_t ticket = change->ticket;
    views_->Apply(std::move(*change));
    control_.Write(protocol::ToFrame(protocol::ViewsApplied{.ticket = ticket}));
  }
}

void Engine::ReportProgress() {
  pthread_setname_np(pthread_self(), "progress");
  for (int round = 0;; ++round) {
    {
      MutexLock lock(mutex_);
      if (stopped_.wait_for(lock, kProgressEvery,
                            [this]() TARN_REQUIRES(mutex_) { return stopping_; }))
        return;
    }
    for (const auto& worker : workers_) {
      if (const auto progress = worker->Progress()) control_.Write(protocol::ToFrame(*progress));
    }
    ReportReplacedFiles();
    if (own_connection_) CheckMemory();
    if (round % kProgressesToCached == 0 && own_connection_) ReportCached();
  }
}

void Engine::CheckMemory() {
  if (!context_->has_run_out_of_memory) return;
  const Result<> checked = own_connection_->Execute(context_->memory_check);
  if (checked.ok() || checked.error().kind != ErrorKind::kOutOfMemory) {
    context_->has_run_out_of_memory = false;
    failed_memory_checks_ = 0;
    return;
  }
  // Repeated until another process takes over.
  if (++failed_memory_checks_ >= kFailedMemoryChecks) {
    ReportUnhealthy({.reason = "memory is exhausted", .broken = true});
  }
}

void Engine::ReportCached() {
  const Result<uint64_t> bytes = DataCacheBytes(*own_connection_);
  if (bytes.ok()) control_.Write(protocol::ToFrame(protocol::Cached{.data_bytes = *bytes}));
}

void Engine::ReportReplacedFiles() {
  if (!sandbox_.FilesReplaced()) return;
  // Repeated until the front replaces the process. It does not replace a process that has just
  // started.
  ReportUnhealthy({.reason = "files of the sandbox were replaced"});
}

void Engine::ReportUnhealthy(const protocol::Unhealthy& unhealthy) {
  control_.Write(protocol::ToFrame(unhealthy));
}

}  // namespace tarn::engine
