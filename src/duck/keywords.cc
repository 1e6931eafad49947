#include "duck/keywords.h"

#include <algorithm>
#include <mutex>

#include "base/text.h"
#include "base/text_hash.h"
#include "duck/quote.h"

namespace tarn::duck {
namespace {

struct Keywords {
  std::once_flag once;
  TextSet words;  // Written once, under `once`; read-only afterwards.
};

Keywords& GlobalKeywords() {
  static Keywords keywords;
  return keywords;
}

}  // namespace

void SetKeywords(TextSet keywords) {
  Keywords& known = GlobalKeywords();
  std::call_once(known.once, [&] { known.words = std::move(keywords); });
}

std::string QuoteIfNeeded(std::string_view name) {
  bool plain = true;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                      (i > 0 && c >= '0' && c <= '9'));
  }
  if (plain && !GlobalKeywords().words.contains(ToLowerAscii(name))) return std::string(name);
  return QuoteIdentifier(name);
}

}  // namespace tarn::duck
