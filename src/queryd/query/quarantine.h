#pragma once

#include <prometheus/counter.h>
#include <sys/types.h>

#include <chrono>
#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/identity.h"
#include "base/duration.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"

namespace tarn::queryd {

// The queries that ended engine processes, and how many each token's queries have ended.
//
// A process runs several queries, so that its end makes all of them suspects. A suspect runs in a
// process of its own. If that process ends too, the query is refused from then on, for a while.
//
// Thread-safe.
class Quarantine {
 public:
  struct Limits {
    // How long a query is refused, stays a suspect, and counts against its token. Zero: queries are
    // neither suspects nor refused.
    Duration time = std::chrono::minutes(5);
    size_t entries_max = 1000;  // The oldest entry makes room for a new one.
    // Of each token, within `time`. Queries without a token are not refused for those of others.
    size_t crashes_max = 10;
  };
  Quarantine(const Limits& limits, Metrics& metrics);

  // Names a query: a hash of its text, its parameters and the rights of its user.
  static std::string KeyOf(std::string_view sql, std::string_view params,
                           const auth::DatasetScope& scope);

  // Whether the query must run in an engine of its own. Errors: kInvalidArgument if it ended two
  // processes, kUnavailable if the queries of its token ended too many. `user` is the token's name,
  // empty without tokens.
  Result<bool> Check(const std::string& key, const std::string& user);

  // The same without the token: for a query that waited to run alone.
  Result<> CheckKey(const std::string& key);

  // Its process ended while it ran, beside others or alone.
  void NoteSuspect(const std::string& key);
  // The process that it had for itself ended. Counts against its token. True if the query was not
  // refused before.
  bool NoteCulprit(const std::string& key, const std::string& user, pid_t process);
  // Its process ended after a part of its answer was sent, so that it cannot run again to be
  // judged. Or it was cancelled before that. Counts against its token, but once for each process:
  // the others that ran there are innocent. After crashes_max processes, all queries of the token
  // are suspects.
  void NoteCut(const std::string& key, const std::string& user, pid_t process);
  // It ended in a process of its own, which goes on.
  void NoteInnocent(const std::string& key);

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::string key;
    bool is_refused = false;  // Else a suspect.
    Clock::time_point until;
  };
  using Entries = std::list<Entry>;
  struct ProcessEnd {
    pid_t process = 0;
    Clock::time_point at;
  };
  // The latest ends, at most crashes_max of each.
  struct TokenRecord {
    std::deque<ProcessEnd> crashes;
    std::deque<ProcessEnd> cuts;
    Clock::time_point changed_at;
  };

  Entry& Put(const std::string& key) TARN_REQUIRES(mutex_);
  Entry* Find(const std::string& key) TARN_REQUIRES(mutex_);
  TokenRecord& RecordOf(const std::string& user) TARN_REQUIRES(mutex_);
  void Add(std::deque<ProcessEnd>& ends, pid_t process) const;
  bool IsFull(const std::deque<ProcessEnd>& ends) const;

  const Limits limits_;
  prometheus::Counter& refused_texts_;
  prometheus::Counter& refused_tokens_;

  Mutex mutex_;
  Entries entries_ TARN_GUARDED_BY(mutex_);  // The latest first.
  std::unordered_map<std::string_view, Entries::iterator> by_key_ TARN_GUARDED_BY(mutex_);
  std::unordered_map<std::string, TokenRecord> tokens_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
