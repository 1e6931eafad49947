#pragma once

// The state that the threads of a prober share: the datasets that are being read, and the turns
// between them.

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/owner_turns.h"
#include "base/text_hash.h"
#include "engine/views/prober.h"

namespace tarn::engine {

// The probe of a dataset. Guarded by State::mutex, except for the constants.
struct Prober::Job {
  const Request request;
  const std::string name;  // In lower case.

  std::vector<std::optional<FooterProbe::Object>> objects = {};  // In the order of the keys.
  size_t next = 0;                                               // The next key to read.
  size_t read = 0;
  std::set<std::shared_ptr<WatchedTask>> reading = {};
  size_t failed_at = SIZE_MAX;  // The first key that failed, with `error`.
  Error error = {};
  Deadline::Clock::time_point told_at = {};  // When the progress was last reported.
  bool is_first = false;                     // Read before the other datasets.
  size_t waiting_long = 0;                   // Its objects whose long footers wait.

  bool HasFailed() const { return failed_at != SIZE_MAX; }
  bool IsDone() { return reading.empty() && !HasNext() && (waiting_long == 0 || HasFailed()); }
  bool HasNext() {
    while (next < objects.size() && objects[next]) ++next;
    return !HasFailed() && next < objects.size();
  }
  void Fail(size_t index, Error why) {
    if (index >= failed_at) return;
    failed_at = index;
    error = std::move(why);
  }
};

// The read of one object.
struct Prober::Read {
  std::shared_ptr<Job> job;
  size_t index = 0;  // The index of its key.
  std::shared_ptr<WatchedTask> task = nullptr;
  uint64_t long_footer_bytes = 0;  // The size of a long footer, once it is known.
  ProbeMemory::Share memory = {};  // The memory for a long footer.
  bool is_put_back = false;        // The footer is too long for this thread.

  std::string key() const { return std::string(job->request.view.keys[index]); }
};

// The objects of a thread, created when it first needs them.
struct Prober::Tools {
  std::optional<FooterProbe> footers;
  std::optional<duck::Connection> connection;
  bool is_decoding = false;  // The last reported state.

  void Drop() {
    footers.reset();
    connection.reset();
  }
};

// The state that threads share. A thread that hangs may outlive the prober.
struct Prober::State {
  State(protocol::Setup probe_setup, std::shared_ptr<Watchdog> shared_watchdog);

  const protocol::Setup setup;
  const std::shared_ptr<Watchdog> watchdog;
  const size_t threads_max;

  Mutex opening;
  // Both are created at the first use.
  std::shared_ptr<ConnectionFactory> factory TARN_GUARDED_BY(opening);
  std::optional<duck::Database> planner TARN_GUARDED_BY(opening);
  const std::shared_ptr<ProbeMemory> memory;
  // The size of the footers that all other threads can decode at the same time with half of the
  // memory. Threads of their own read longer ones, as many as fit into the memory.
  const uint64_t short_footer_bytes;
  const std::shared_ptr<SchemaCache> schemas;

  // Jobs that have unread objects, in the order in which threads take an object of each.
  struct Jobs {
    OwnerTurns<std::shared_ptr<Job>> first;
    OwnerTurns<std::shared_ptr<Job>> others;

    bool empty() const { return first.empty() && others.empty(); }
    size_t size() const { return first.size() + others.size(); }
    void Push(const std::shared_ptr<Job>& job) {
      (job->is_first ? first : others).Push(job->request.owner, job);
    }
    // Returns null if `may_pop` returns false for all owners.
    std::shared_ptr<Job> Pop(const std::function<bool(const std::string& owner)>& may_pop) {
      if (auto job = first.PopIf(may_pop)) return *job;
      return others.PopIf(may_pop).value_or(nullptr);
    }
    void Remove(const std::shared_ptr<Job>& job) {
      first.Remove(job->request.owner, job);
      others.Remove(job->request.owner, job);
    }
  };
  Mutex mutex;
  std::condition_variable_any added;       // Wakes threads that wait for Next.
  std::condition_variable_any added_long;  // Wakes threads that wait for NextLong.
  std::condition_variable_any ended;       // A thread has ended.
  std::map<std::string, std::shared_ptr<Job>> jobs TARN_GUARDED_BY(mutex);
  Jobs waiting TARN_GUARDED_BY(mutex);
  Jobs waiting_retries TARN_GUARDED_BY(mutex);
  size_t retries TARN_GUARDED_BY(mutex) = 0;  // The number of running reads of retries.
  size_t reads TARN_GUARDED_BY(mutex) = 0;    // All running reads, except of long footers.
  std::map<std::string, size_t> reads_of_owners TARN_GUARDED_BY(mutex);  // Without zeros.
  size_t turns_taken TARN_GUARDED_BY(mutex) = 1;
  // Reads of long footers. The first one has left the turns and waits for memory, so that it is
  // next even if shorter footers would fit.
  OwnerTurns<std::shared_ptr<Read>> long_footers TARN_GUARDED_BY(mutex);
  std::shared_ptr<Read> first_long_footer TARN_GUARDED_BY(mutex);
  struct Kept {
    std::string etag;
    FooterProbe::Object object;
  };
  TextMap<Kept> kept TARN_GUARDED_BY(mutex);  // By key.
  size_t threads TARN_GUARDED_BY(mutex) = 0;
  size_t long_threads TARN_GUARDED_BY(mutex) = 0;  // The threads that read long footers.
  size_t idle TARN_GUARDED_BY(mutex) = 0;
  bool stopping TARN_GUARDED_BY(mutex) = false;

  Jobs& WaitingOf(const Job& job) TARN_REQUIRES(mutex) {
    return job.request.is_retry ? waiting_retries : waiting;
  }
  // Returns the queue to take the next object from, or null if both are empty. Every fourth object
  // is one of a retry.
  Jobs* Turn() TARN_REQUIRES(mutex) {
    const bool may_retry =
        !waiting_retries.empty() && retries < std::max<size_t>(threads_max / 2, 1);
    if (!waiting.empty() && (!may_retry || turns_taken % 4 != 0)) return &waiting;
    return may_retry ? &waiting_retries : nullptr;
  }
  bool IsCurrent(const std::shared_ptr<Job>& job) const TARN_REQUIRES(mutex) {
    const auto known = jobs.find(job->name);
    return !stopping && known != jobs.end() && known->second == job;
  }
  void CountRead(const Read& read, bool begins) TARN_REQUIRES(mutex);
  bool MayRead(const std::string& owner) const TARN_REQUIRES(mutex);
  // Return the next read of a long footer or of another one; null if the thread must wait.
  std::shared_ptr<Read> NextLong() TARN_REQUIRES(mutex);
  std::shared_ptr<Read> Next() TARN_REQUIRES(mutex);
  // Leaves the read to the threads for long footers.
  void PutBack(const std::shared_ptr<Read>& read) TARN_REQUIRES(mutex);
  // Adds the result to the job of the read.
  void Take(Read& read, Result<FooterProbe::Object> object) TARN_REQUIRES(mutex);
  void Keep(Job& job) TARN_REQUIRES(mutex);
  void FindKept(Job& job) TARN_REQUIRES(mutex);
  // Removes a job whose result was reported.
  void Forget(const std::shared_ptr<Job>& job) TARN_REQUIRES(mutex);
  // Reads an object without the mutex. After the last one, reports the result of its job.
  void Run(Tools& tools, const std::shared_ptr<Read>& read) TARN_REQUIRES(mutex);
};

}  // namespace tarn::engine
