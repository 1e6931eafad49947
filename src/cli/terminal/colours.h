#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace tarn::cli {

enum class Style { kPlain, kStrong, kFaint, kGood, kBad };

// What makes text stand out on a terminal (ECMA-48, "select graphic rendition"). By default it does
// nothing.
class Colours {
 public:
  Colours() = default;
  // On for a terminal, unless NO_COLOR is set (no-color.org) or TERM is "dumb".
  static Colours For(FILE* stream);
  static Colours On();

  std::string operator()(Style style, std::string_view text) const;

 private:
  bool is_on_ = false;
};

}  // namespace tarn::cli
