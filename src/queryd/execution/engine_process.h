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

// Why a process ended.
enum class EndCause : uint8_t {
  kNone,      // It runs, or ends just now for a reason that is not known yet.
  kReplaced,  // The front ended it, and not because of a query: another one replaces it.
  kMemory,    // The front ended it: it had more memory than it may.
  // The front ended it: all processes together had more memory than they may.
  kSharedMemory,
  kKilled,   // SIGKILL, and not for a reason above: the operator, or the kernel for its memory.
  kCrashed,  // Another signal, or its own exit.
  // It goes on, but DuckDB runs no further statement in it. Of one query, never of a process.
  kBroken,
};

// True when one of the queries that ran in the process may be the reason for its end.
constexpr bool MayBeFaultOfQuery(EndCause cause) {
  return cause == EndCause::kMemory || cause == EndCause::kCrashed || cause == EndCause::kBroken ||
         cause == EndCause::kNone;
}

// True when the front ended the process for a reason outside of it.
constexpr bool IsFaultOfFront(EndCause cause) {
  return cause == EndCause::kReplaced || cause == EndCause::kSharedMemory;
}

// A process that runs tarn-engine, from its start until it is gone.
//
// The handlers are called on the process's strand, the last one when the process is reaped.
// Thread-safe, but for what says otherwise.
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
    // Some query gave its slot back.
    std::function<void()> on_slot_free;
    // The process broke the protocol on the control socket, and is being ended.
    std::function<void(const std::string& error)> on_protocol_error;
    // "killed by signal 9 (Killed)", "exit status 1".
    std::function<void(const std::string& how)> on_end;
  };

  // One of the process's sockets for queries. Used by one query at a time.
  struct Slot {
    Slot(uint64_t i, Socket s) : index(i), socket(std::move(s)) {}
    const uint64_t index;
    Socket socket;
    protocol::FrameReader reader{protocol::Channel::kSlotFromEngine};
    uint64_t query = 0;  // The number of its latest query.
    std::string unsent;  // The rest of that query's frame, which the socket has not taken yet.
  };

  // A slot while a query has it. Given back by Release, when the engine has said its last word on
  // the query; one that is destroyed before is lost to the process.
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

  // Starts the program; the set-up, with these views, is on its way when this returns.
  static Result<std::shared_ptr<EngineProcess>> Start(
      boost::asio::io_context& io, const std::string& program, size_t slots,
      const protocol::Setup& setup, const std::vector<protocol::ViewPointer>& views,
      Handlers handlers);
  ~EngineProcess();

  // None when all slots are taken, or when the process is going.
  std::optional<Lease> TakeSlot();
  size_t slots_taken() const;

  // Sends a frame on the control socket, in the order of the calls.
  void Send(std::string frame);
  // The same, but drops the frame if the process has left so many unread that others wait.
  void SendOrDrop(std::string frame);
  // Ends it. Also for one that has ended by itself and is not reaped yet: no query gets a slot of
  // it from here on. The first cause counts; without one, it is known when the process is reaped.
  void Kill(EndCause cause = EndCause::kNone);
  // True from its Kill on.
  bool is_going() const;
  EndCause end_cause() const;
  // Waits until the cause of the end is known, which is a matter of milliseconds: for one whose
  // socket has ended. kNone if it does not become known.
  boost::asio::awaitable<EndCause> WaitForEndCause();
  // Becomes true when the process ends, and not because the front ended it for a reason outside of
  // it: its results cannot be trusted.
  std::shared_ptr<const std::atomic<bool>> has_crashed() const { return has_crashed_; }

  pid_t pid() const { return pid_; }
  // What the process has in memory now, in bytes; 0 when that cannot be read.
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
  std::vector<Slot*> free_ TARN_GUARDED_BY(mutex_);  // The latest first, its plans are the warmest.
  bool going_ TARN_GUARDED_BY(mutex_) = false;       // It was killed, or ends by itself.
  bool reaped_ TARN_GUARDED_BY(mutex_) = false;      // The pid may be another's now.
  EndCause end_cause_ TARN_GUARDED_BY(mutex_) = EndCause::kNone;
  const std::shared_ptr<std::atomic<bool>> has_crashed_ =
      std::make_shared<std::atomic<bool>>(false);
};

}  // namespace tarn::queryd
