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
  std::string text;
  std::string to_do;  // Advice for a problem.
};

// The findings of a check, in order.
class Findings {
 public:
  void Good(std::string what, std::string text) {
    all_.push_back({.what = std::move(what), .text = std::move(text)});
  }
  // Redacts and escapes the text, which may come from a server.
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
