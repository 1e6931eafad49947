#include "queryd/execution/engine_process.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <cstring>
#include <fstream>

#include "base/check.h"
#include "base/deadline.h"
#include "base/log.h"
#include "net/awaitable.h"
#include "protocol/descriptors.h"
#include "queryd/execution/spawn.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

constexpr size_t kControlReadBytes = 4096;
// SendOrDrop drops a frame if this many frames wait.
constexpr size_t kWaitingFramesMax = 16;
constexpr auto kReapEvery = std::chrono::milliseconds(5);
constexpr auto kEndKnownWithin = std::chrono::seconds(5);

// The cause of an end that the front did not cause.
EndCause CauseOf(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return EndCause::kKilled;
  const bool is_memory = WIFEXITED(status) && WEXITSTATUS(status) == protocol::kOutOfMemoryStatus;
  return is_memory ? EndCause::kMemory : EndCause::kCrashed;
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

}  // namespace

Result<std::shared_ptr<EngineProcess>> EngineProcess::Start(
    asio::io_context& io, const std::string& program, size_t slots, const protocol::Setup& setup,
    const std::vector<protocol::ViewPointer>& views, Handlers handlers) {
  TARN_TRY(const Spawned spawned, SpawnEngine(program, slots));
  Socket control(io, boost::asio::local::stream_protocol(), spawned.control);
  std::shared_ptr<EngineProcess> process(
      new EngineProcess(io, spawned.pid, std::move(control),
                        setup.only_probes ? protocol::Channel::kControlFromProbes
                                          : protocol::Channel::kControlFromEngine,
                        std::move(handlers)));
  for (size_t i = 0; i < spawned.slots.size(); ++i) {
    const MutexLock lock(process->mutex_);
    process->slots_.push_back(std::make_unique<Slot>(
        i, Socket(io, boost::asio::local::stream_protocol(), spawned.slots[i])));
    process->slots_.back()->socket.non_blocking(true);
    process->free_.push_back(process->slots_.back().get());
  }
  process->Send(protocol::ToFrame(setup, views));
  asio::co_spawn(process->strand_, process->ReadControl(),
                 [process](const std::exception_ptr& error) {
                   if (error) log::Error("the reader of the engine's control socket failed");
                 });
  return process;
}

EngineProcess::EngineProcess(asio::io_context& io, pid_t pid, Socket control,
                             protocol::Channel channel, Handlers handlers)
    : strand_(asio::make_strand(io)),
      pid_(pid),
      control_(std::move(control)),
      channel_(channel),
      handlers_(std::move(handlers)) {}

EngineProcess::~EngineProcess() { Kill(); }

void EngineProcess::Kill(EndCause cause) {
  const MutexLock lock(mutex_);
  going_ = true;
  if (cause != EndCause::kNone) SetEndCause(cause);
  if (!reaped_) kill(pid_, SIGKILL);
}

void EngineProcess::SetEndCause(EndCause cause) {
  if (end_cause_ != EndCause::kNone) return;
  end_cause_ = cause;
  *has_crashed_ = !IsFaultOfFront(cause);
}

bool EngineProcess::is_going() const {
  const MutexLock lock(mutex_);
  return going_;
}

EndCause EngineProcess::end_cause() const {
  const MutexLock lock(mutex_);
  return end_cause_;
}

asio::awaitable<EndCause> EngineProcess::WaitForEndCause() {
  const Deadline deadline = Deadline::After(kEndKnownWithin);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (end_cause() == EndCause::kNone && !deadline.Passed()) {
    timer.expires_after(kReapEvery);
    co_await timer.async_wait(net::kAsTuple);
  }
  co_return end_cause();
}

void EngineProcess::Send(std::string frame) {
  asio::post(strand_, [self = shared_from_this(), frame = std::move(frame)]() mutable {
    self->Enqueue(std::move(frame));
  });
}

void EngineProcess::SendOrDrop(std::string frame) {
  asio::post(strand_, [self = shared_from_this(), frame = std::move(frame)]() mutable {
    if (self->outgoing_.size() < kWaitingFramesMax) self->Enqueue(std::move(frame));
  });
}

void EngineProcess::Enqueue(std::string frame) {
  outgoing_.push_back(std::move(frame));
  if (outgoing_.size() == 1) WriteNext();
}

void EngineProcess::WriteNext() {
  asio::async_write(control_, asio::buffer(outgoing_.front()),
                    asio::bind_executor(strand_, [self = shared_from_this()](
                                                     boost::system::error_code code, size_t) {
                      if (code) return;  // ReadControl detects the end too.
                      self->outgoing_.pop_front();
                      if (!self->outgoing_.empty()) self->WriteNext();
                    }));
}

asio::awaitable<void> EngineProcess::ReadControl() {
  const auto self = shared_from_this();
  protocol::FrameReader reader(channel_);
  Result<> handled;
  while (handled.ok()) {
    const auto [code, got] = co_await control_.async_read_some(
        asio::buffer(reader.Prepare(kControlReadBytes), kControlReadBytes), net::kAsTuple);
    if (code) break;
    reader.Commit(got);
    Result<std::optional<protocol::Frame>> frame = reader.Next();
    while (handled.ok() && frame.ok() && *frame) {
      handled = Handle(**frame);
      frame = reader.Next();
    }
    if (handled.ok() && !frame.ok()) handled = frame.error();
  }
  if (!handled.ok()) handlers_.on_protocol_error(handled.error().message);
  // The process is of no use without a control socket.
  Kill();
  const std::string how = co_await Reap();
  // Wakes the readers of all slots, even if they began to wait after the process had ended.
  for (const auto& slot : slots_) shutdown(slot->socket.native_handle(), SHUT_RDWR);
  handlers_.on_end(how);
}

asio::awaitable<std::string> EngineProcess::Reap() {
  asio::steady_timer timer(strand_);
  for (;;) {
    int status = 0;
    {
      const MutexLock lock(mutex_);
      const pid_t reaped = waitpid(pid_, &status, WNOHANG);
      if (reaped != 0) {
        reaped_ = true;
        SetEndCause(CauseOf(status));
        co_return reaped == pid_ ? HowItEnded(status) : std::string("gone");
      }
    }
    timer.expires_after(kReapEvery);
    co_await timer.async_wait(net::kAsTuple);
  }
}

Result<> EngineProcess::Handle(const protocol::Frame& frame) {
  using protocol::FrameType;
  const auto pass_on =
      [&]<class Message>(const std::function<void(const Message&)>& handler) -> Result<> {
    TARN_TRY(const Message message, protocol::FromPayload<Message>(frame.payload));
    handler(message);
    return {};
  };
  switch (frame.type) {
    case FrameType::kReady:
      return pass_on(handlers_.on_ready);
    case FrameType::kProbed:
      return pass_on(handlers_.on_probed);
    case FrameType::kProbeProgress:
      return pass_on(handlers_.on_probe_progress);
    case FrameType::kDecoding:
      return pass_on(handlers_.on_decoding);
    case FrameType::kHurry:
      return pass_on(handlers_.on_hurry);
    case FrameType::kViewsApplied:
      return pass_on(handlers_.on_views_applied);
    case FrameType::kProgress:
      return pass_on(handlers_.on_progress);
    case FrameType::kUnhealthy:
      return pass_on(handlers_.on_unhealthy);
    case FrameType::kCached:
      return pass_on(handlers_.on_cached);
    default:
      return Internal(
          fmt::format("a frame of type {} is no message", static_cast<int>(frame.type)));
  }
}

std::optional<EngineProcess::Lease> EngineProcess::TakeSlot() {
  const MutexLock lock(mutex_);
  if (going_ || free_.empty()) return std::nullopt;
  Slot* slot = free_.back();
  free_.pop_back();
  return Lease(shared_from_this(), slot);
}

void EngineProcess::Return(Slot* slot) {
  {
    const MutexLock lock(mutex_);
    TARN_ASSERT(slot->index < slots_.size() && slots_[slot->index].get() == slot,
                "a slot was given back to another process");
    TARN_ASSERT(std::find(free_.begin(), free_.end(), slot) == free_.end(),
                "a slot was given back twice");
    free_.push_back(slot);
  }
  handlers_.on_slot_free();
}

size_t EngineProcess::slots_taken() const {
  const MutexLock lock(mutex_);
  return slots_.size() - free_.size();
}

uint64_t EngineProcess::ResidentBytes() const {
  // The second number of statm is the resident pages: proc(5).
  std::ifstream statm(fmt::format("/proc/{}/statm", pid_));
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace tarn::queryd
