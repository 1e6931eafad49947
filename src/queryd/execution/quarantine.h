#pragma once

#include <prometheus/counter.h>
#include <sys/types.h>

#include <chrono>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "auth/identity.h"
#include "base/duration.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/text_hash.h"

namespace tarn::queryd {

// The queries that ended engine processes, and the number of processes that the queries of each
// token have ended.
//
// A process runs several queries, so its end makes all of them suspects. A suspect runs in an
// isolated process. If that process ends too, the query is refused for a while.
//
// Thread-safe.
class Quarantine {
 public:
  struct Limits {
    // The time for which a query is refused, is a suspect, and counts against its token. Zero:
    // queries are neither suspects nor refused.
    Duration time = std::chrono::minutes(5);
    size_t entries_max = 1000;  // The oldest entry makes room for a new one.
    // The limit for each token within `time`. Does not apply to queries without a token.
    size_t crashes_max = 10;
  };
  Quarantine(const Limits& limits, Metrics& metrics);

  // Returns the key of a query: a hash of its text, its parameters and the rights of its user.
  static std::string KeyOf(std::string_view sql, std::string_view params,
                           const auth::DatasetScope& scope);

  // Returns true if the query must run in an isolated process. Errors: kInvalidArgument if it ended
  // two processes, kUnavailable if the queries of its token ended too many. `user` is the name of
  // the token, empty without tokens.
  Result<bool> Check(const std::string& key, const std::string& user);

  // Checks only the query and not its token, after a wait for the isolated process.
  Result<> CheckKey(const std::string& key);

  // The process of the query ended while it ran, beside others or alone.
  void NoteSuspect(const std::string& key);
  // The isolated process of the query ended. Counts against its token. Returns true if the query
  // was not refused before.
  bool NoteCulprit(const std::string& key, const std::string& user, pid_t process);
  // The process of the query ended after a part of the result was sent or the query was cancelled,
  // so the query cannot run again in an isolated process. Counts against its token, once for each
  // process. After crashes_max processes, all queries of the token are suspects.
  void NoteCut(const std::string& key, const std::string& user, pid_t process);
  // The query exhausted the memory of its isolated process. Until the end of `time`, the queries of
  // its token run apart from those of other tokens. Does nothing without a token.
  void NoteExhausted(const std::string& user);
  bool IsApart(const std::string& user);
  // The query ended, and its isolated process did not.
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
  // The last ends, at most crashes_max of each kind.
  struct TokenRecord {
    std::deque<ProcessEnd> crashes;
    std::deque<ProcessEnd> cuts;
    std::optional<Clock::time_point> exhausted_at = std::nullopt;
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
  Entries entries_ TARN_GUARDED_BY(mutex_);  // The most recent first.
  TextViewMap<Entries::iterator> by_key_ TARN_GUARDED_BY(mutex_);
  TextMap<TokenRecord> tokens_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
