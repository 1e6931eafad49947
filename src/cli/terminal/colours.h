#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace tarn::cli {

enum class Style { kPlain, kStrong, kFaint, kGood, kBad };

// Styles text for a terminal (ECMA-48, "select graphic rendition"). Off by default.
class Colours {
 public:
  Colours() = default;
  // Returns colours that are on for a terminal, unless NO_COLOR is set (no-color.org) or TERM is
  // "dumb".
  static Colours For(FILE* stream);
  static Colours On();

  std::string operator()(Style style, std::string_view text) const;

 private:
  bool is_on_ = false;
};

}  // namespace tarn::cli
