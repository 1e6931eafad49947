#include "queryd/datasets/warned_errors.h"

#include <functional>

namespace tarn::queryd {

bool WarnedErrors::Note(const std::vector<std::string>& errors, Clock::time_point now) {
  const bool is_due = now - warned_at_ >= again_after_;
  if (errors.empty() || is_due) warned_.clear();
  bool is_new = false;
  for (const std::string& error : errors) {
    if (warned_.insert(std::hash<std::string>()(error)).second) is_new = true;
  }
  if (is_new && is_due) warned_at_ = now;
  return is_new;
}

}  // namespace tarn::queryd
