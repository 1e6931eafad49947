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

// What words of a statement may become: names of datasets and columns, which it reads from queryd
// now and then beside what else is done, and keywords. Thread-safe; the remote outlives it.
class SqlWords {
 public:
  explicit SqlWords(const Remote& remote);

  // As they are written: names in quotes where they need some and there are none yet. Keywords only
  // where there is no name.
  std::vector<std::string> Completions(const Word& word);

 private:
  std::vector<std::string> NamesBeginningWith(std::string_view prefix);
  void Follow(const Remote& remote, const std::stop_token& stop);
  void Read(const Remote& remote, const std::stop_token& stop);

  const std::set<std::string, std::less<>> reserved_;
  Mutex mutex_;
  std::set<std::string> names_ TARN_GUARDED_BY(mutex_);
  std::jthread thread_;  // Last: it uses the others.
};

}  // namespace tarn::cli
