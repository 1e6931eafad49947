#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace tarn {

// Removes known secrets from text that leaves the process: log lines, and every message from
// DuckDB.
//
// Thread-safe. Values are never removed, so that a message about an old key is still safe after a
// rotation.
class Redactor {
 public:
  static constexpr std::string_view kMask = "[redacted]";

  // Adds a value in all its forms: plain, SQL-quoted, JSON-escaped and percent-encoded. An empty
  // value is ignored.
  void Add(std::string_view secret);

  std::string Redact(std::string text) const;

 private:
  mutable Mutex mutex_;
  std::vector<std::string> values_ TARN_GUARDED_BY(mutex_);  // Longest first.
};

// The process-wide redactor, also used by the log.
Redactor& ProcessRedactor();

}  // namespace tarn
