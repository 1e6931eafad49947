#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/redact.h"
#include "cli/terminal/text.h"

namespace tarn::cli {

struct Finding {
  std::string what;  // "bucket"
  bool is_good = true;
  std::string text;   // What was found.
  std::string to_do;  // Where it is not good.
};

// What was looked at, in that order.
class Findings {
 public:
  void Good(std::string what, std::string text) {
    all_.push_back({.what = std::move(what), .text = std::move(text)});
  }
  // The text may be a server's.
  void Bad(std::string what, std::string text, std::string to_do) {
    all_.push_back({.what = std::move(what),
                    .is_good = false,
                    .text = LinesWithoutControls(ProcessRedactor().Redact(std::move(text))),
                    .to_do = std::move(to_do)});
  }
  const std::vector<Finding>& all() const { return all_; }

 private:
  std::vector<Finding> all_;
};

}  // namespace tarn::cli
