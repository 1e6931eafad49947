#include "base/log_characters.h"

#include <algorithm>
#include <array>

namespace tarn::log {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array kEscaped = std::to_array<Range>({
    {0x0000, 0x001F},     // C0 controls.
    {0x007F, 0x00A0},     // DEL, the C1 controls, the no-break space.
    {0x00AD, 0x00AD},     // Soft hyphen.
    {0x034F, 0x034F},     // Combining grapheme joiner.
    {0x0600, 0x0605},     // Arabic number signs.
    {0x061C, 0x061C},     // Arabic letter mark.
    {0x06DD, 0x06DD},     // Arabic end of ayah.
    {0x070F, 0x070F},     // Syriac abbreviation mark.
    {0x0890, 0x0891},     // Arabic currency marks.
    {0x08E2, 0x08E2},     // Arabic disputed end of ayah.
    {0x115F, 0x1160},     // Hangul fillers.
    {0x1680, 0x1680},     // Ogham space mark.
    {0x17B4, 0x17B5},     // Khmer inherent vowels.
    {0x180B, 0x180F},     // Mongolian variation selectors and vowel separator.
    {0x2000, 0x200F},     // Spaces, joiners, direction marks.
    {0x2028, 0x202F},     // Separators, embeddings, overrides, the narrow no-break space.
    {0x205F, 0x206F},     // Mathematical space, invisible operators, isolates.
    {0x2800, 0x2800},     // Blank Braille pattern.
    {0x3000, 0x3000},     // Ideographic space.
    {0x3164, 0x3164},     // Hangul filler.
    {0xE000, 0xF8FF},     // Private use.
    {0xFDD0, 0xFDEF},     // Noncharacters.
    {0xFE00, 0xFE0F},     // Variation selectors.
    {0xFEFF, 0xFEFF},     // Byte order mark.
    {0xFFA0, 0xFFA0},     // Halfwidth Hangul filler.
    {0xFFF0, 0xFFFB},     // Reserved; interlinear annotations.
    {0x110BD, 0x110BD},   // Kaithi number sign.
    {0x110CD, 0x110CD},   // Kaithi number sign above.
    {0x13430, 0x1343F},   // Egyptian hieroglyph format controls.
    {0x1BCA0, 0x1BCA3},   // Shorthand format controls.
    {0x1D173, 0x1D17A},   // Musical format controls.
    {0xE0000, 0xE0FFF},   // Tags, variation selectors.
    {0xF0000, 0x10FFFF},  // Private use.
});

// The last two code points of each plane are noncharacters.
constexpr bool IsPlaneEnd(char32_t code) { return (code & 0xFFFEU) == 0xFFFEU; }

}  // namespace

bool IsEscaped(char32_t code) {
  const auto* const range =
      std::lower_bound(kEscaped.begin(), kEscaped.end(), code,
                       [](const Range& each, char32_t wanted) { return each.last < wanted; });
  return (range != kEscaped.end() && code >= range->first) || IsPlaneEnd(code);
}

}  // namespace tarn::log
