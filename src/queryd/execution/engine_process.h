#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/strand.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "protocol/messages.h"

namespace tarn::queryd {

// The reason for the end of a process.
enum class EndCause : uint8_t {
  kNone,      // The process runs, or the reason of its end is not known yet.
  kReplaced,  // The front ended it, because another process replaces it.
  kMemory,    // It exceeded its memory limit, or an allocation failed in it.
  // The front ended it, because all processes together exceeded their limit.
  kSharedMemory,
  kKilled,   // SIGKILL by the operator, or by the kernel for lack of memory.
  kCrashed,  // Another signal, or an exit of its own.
  // DuckDB runs no further statement in the process, which still runs. Only the cause of a query's
  // end, never that of a process.
  kBroken,
  // Memory ran out in the process, which still runs. Only the cause of a query's end, never that of
  // a process.
  kExhausted,
};

// True if a query in the process may have caused its end.
constexpr bool MayBeFaultOfQuery(EndCause cause) {
  return cause == EndCause::kMemory || cause == EndCause::kCrashed || cause == EndCause::kBroken ||
         cause == EndCause::kExhausted || cause == EndCause::kNone;
}

// True when the process ended because of its memory, or that of all processes.
constexpr bool IsMemory(EndCause cause) {
  return cause == EndCause::kMemory || cause == EndCause::kSharedMemory;
}

// True if the front ended the process for a reason outside of it.
constexpr bool IsFaultOfFront(EndCause cause) {
  return cause == EndCause::kReplaced || cause == EndCause::kSharedMemory;
}

// A process of tarn-engine, from its start until it is reaped.
//
// The handlers are called on the strand of the process, on_end last. Thread-safe, except for the
// members that say otherwise.
class EngineProcess : public std::enable_shared_from_this<EngineProcess> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  struct Handlers {
    std::function<void(const protocol::Ready&)> on_ready;
    std::function<void(const protocol::Probed&)> on_probed;
    std::function<void(const protocol::ProbeProgress&)> on_probe_progress;
    std::function<void(const protocol::Decoding&)> on_decoding;
    std::function<void(const protocol::Hurry&)> on_hurry;
    std::function<void(const protocol::ViewsApplied&)> on_views_applied;
    std::function<void(const protocol::Progress&)> on_progress;
    std::function<void(const protocol::Unhealthy&)> on_unhealthy;
    std::function<void(const protocol::Cached&)> on_cached;
    // A query has returned its slot.
    std::function<void()> on_slot_free;
    // The process broke the protocol on the control socket, and is being ended.
    std::function<void(const std::string& error)> on_protocol_error;
    // The process was reaped: "killed by signal 9 (Killed)", "exit status 1".
    std::function<void(const std::string& how)> on_end;
  };

  // A socket of the process for queries. Used by one query at a time.
  struct Slot {
    Slot(uint64_t i, Socket s) : index(i), socket(std::move(s)) {}
    const uint64_t index;
    Socket socket;
    protocol::FrameReader reader{protocol::Channel::kSlotFromEngine};
    uint64_t query = 0;  // The number of the last query.
    std::string unsent;  // The part of that query's frame that is not sent yet.
  };

  // The use of a slot by a query. Release returns the slot after the last frame of the query. If
  // the lease is destroyed without it, the slot is never used again.
  class Lease {
   public:
    Lease(std::shared_ptr<EngineProcess> process, Slot* slot)
        : process_(std::move(process)), slot_(slot) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) noexcept = default;

    EngineProcess& process() const { return *process_; }
    Slot& slot() const { return *slot_; }
    void Release() { std::exchange(process_, nullptr)->Return(slot_); }

   private:
    std::shared_ptr<EngineProcess> process_;
    Slot* slot_;
  };

  // Starts the program and sends it the set-up with these views, without waiting for an answer.
  static Result<std::shared_ptr<EngineProcess>> Start(
      boost::asio::io_context& io, const std::string& program, size_t slots,
      const protocol::Setup& setup, const std::vector<protocol::ViewPointer>& views,
      Handlers handlers);
  ~EngineProcess();

  // Returns nullopt if all slots are taken or the process is being ended.
  std::optional<Lease> TakeSlot();
  size_t slots_taken() const;

  // Sends a frame on the control socket. The order of the calls is kept.
  void Send(std::string frame);
  // The same, but drops the frame if many other frames wait because the process does not read.
  void SendOrDrop(std::string frame);
  // Ends the process, which gives out no further slots. May be called for a process that has ended
  // by itself and is not reaped yet. The first cause counts. Without a cause, the way in which the
  // process ended decides.
  void Kill(EndCause cause = EndCause::kNone);
  // True after Kill.
  bool is_going() const;
  EndCause end_cause() const;
  // Waits until the cause of the end is known. Requires that a socket of the process has ended, so
  // that this takes milliseconds. Returns kNone if the cause stays unknown.
  boost::asio::awaitable<EndCause> WaitForEndCause();
  // Becomes true if the process ends for a reason of its own. Its results cannot be trusted then.
  std::shared_ptr<const std::atomic<bool>> has_crashed() const { return has_crashed_; }

  pid_t pid() const { return pid_; }
  // Returns the resident memory of the process in bytes; 0 if it cannot be read.
  uint64_t ResidentBytes() const;

 private:
  EngineProcess(boost::asio::io_context& io, pid_t pid, Socket control, protocol::Channel channel,
                Handlers handlers);
  boost::asio::awaitable<void> ReadControl();
  boost::asio::awaitable<std::string> Reap();
  Result<> Handle(const protocol::Frame& frame);
  void Enqueue(std::string frame);  // Only on the strand.
  void WriteNext();
  void Return(Slot* slot);
  void SetEndCause(EndCause cause) TARN_REQUIRES(mutex_);

  const boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  const pid_t pid_;
  Socket control_;  // Only on the strand.
  const protocol::Channel channel_;
  const Handlers handlers_;
  std::deque<std::string> outgoing_;  // Only on the strand.

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
  // The last used one is taken first, because it has the most useful plans cached.
  std::vector<Slot*> free_ TARN_GUARDED_BY(mutex_);
  bool going_ TARN_GUARDED_BY(mutex_) = false;   // Kill was called.
  bool reaped_ TARN_GUARDED_BY(mutex_) = false;  // The pid may belong to another process now.
  EndCause end_cause_ TARN_GUARDED_BY(mutex_) = EndCause::kNone;
  const std::shared_ptr<std::atomic<bool>> has_crashed_ =
      std::make_shared<std::atomic<bool>>(false);
};

}  // namespace tarn::queryd
