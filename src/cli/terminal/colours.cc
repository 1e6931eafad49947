#include "cli/terminal/colours.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/terminal/environment.h"

namespace tarn::cli {
namespace {

std::string_view CodeOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kStrong:
      return "1";
    case Style::kFaint:
      return "2";
    case Style::kGood:
      return "32";
    case Style::kBad:
      return "1;31";
  }
  return "";
}

}  // namespace

Colours Colours::For(FILE* stream) {
  const bool wanted = Environment("NO_COLOR").empty() && Environment("TERM") != "dumb";
  return wanted && isatty(fileno(stream)) != 0 ? On() : Colours();
}

Colours Colours::On() {
  Colours colours;
  colours.is_on_ = true;
  return colours;
}

std::string Colours::operator()(Style style, std::string_view text) const {
  if (!is_on_ || style == Style::kPlain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", CodeOf(style), text);
}

}  // namespace tarn::cli
