#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "cli/commands/remote.h"
#include "cli/commands/statement_text.h"

namespace tarn::cli {

// Completions for words of a statement: keywords, and names of datasets and columns, which a thread
// reads from queryd at intervals. Thread-safe. The remote must outlive it.
class SqlWords {
 public:
  explicit SqlWords(const Remote& remote);

  // Returns completions as they are written in SQL, with quotes if a name needs them. Returns
  // keywords only if no name matches.
  std::vector<std::string> Completions(const Word& word);

 private:
  std::vector<std::string> NamesBeginningWith(std::string_view prefix);
  void Follow(const Remote& remote, const std::stop_token& stop);
  void Read(const Remote& remote, const std::stop_token& stop);

  const std::set<std::string, std::less<>> reserved_;
  Mutex mutex_;
  std::set<std::string> names_ TARN_GUARDED_BY(mutex_);
  std::jthread thread_;  // The last member, because it uses the others.
};

}  // namespace tarn::cli
