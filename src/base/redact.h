#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tarn {

// Removes known secret values from text that leaves the process: log lines, and every message
// that came from DuckDB. One per process, shared by all that emits text.
//
// Thread-safe. Values are added when credentials are loaded and never taken out again, so that
// a message about an old key is still safe after a rotation.
class Redactor {
 public:
  static constexpr std::string_view kMask = "[redacted]";

  // Also learns the forms in which a value shows up in other text: SQL-quoted, JSON-escaped,
  // percent-encoded. An empty value is ignored.
  void Add(std::string_view secret);

  std::string Redact(std::string text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> values_;  // guarded by mutex_; longest first
};

// The process's own, which the log uses.
Redactor& ProcessRedactor();

}  // namespace tarn
