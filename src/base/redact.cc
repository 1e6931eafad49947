#include "base/redact.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace tarn {
namespace {

std::string JsonEscaped(std::string_view text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

void Redactor::Add(std::string_view secret) {
  if (secret.empty()) return;
  const std::string plain(secret);
  const MutexLock lock(mutex_);
  for (std::string form : {plain, ReplaceAll(plain, "'", "''"), PercentEncode(plain),
                           ToLowerAscii(PercentEncode(plain)), JsonEscaped(plain)}) {
    if (std::find(values_.begin(), values_.end(), form) == values_.end()) {
      values_.push_back(std::move(form));
    }
  }
  // Longest first, so that a value is replaced before other values that it contains.
  std::stable_sort(values_.begin(), values_.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redactor::Redact(std::string text) const {
  const MutexLock lock(mutex_);
  for (const std::string& value : values_) {
    if (text.find(value) != std::string::npos) text = ReplaceAll(std::move(text), value, kMask);
  }
  return text;
}

Redactor& ProcessRedactor() {
  static Redactor redactor;
  return redactor;
}

}  // namespace tarn
