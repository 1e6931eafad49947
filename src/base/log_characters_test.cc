#include "base/log_characters.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace tarn::log {
namespace {

TEST(IsEscaped, IsTrueForUnprintableCharacters) {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    EXPECT_TRUE(!IsUnprintable(code) || IsEscaped(code)) << std::hex << uint32_t{code};
  }
}

TEST(IsEscaped, IsTrueForTheEndsOfEachKind) {
  for (const char32_t code :
       {U'\u00A0',     U'\u0600',     U'\u06DD',     U'\u070F',     U'\u08E2',     U'\u180B',
        U'\u180E',     U'\u180F',     U'\u2000',     U'\u200B',     U'\u200C',     U'\u200D',
        U'\u200F',     U'\u202F',     U'\u2064',     U'\u2065',     U'\u206F',     U'\u2800',
        U'\u3000',     U'\uE000',     U'\uF8FF',     U'\uFE00',     U'\uFE0F',     U'\uFEFF',
        U'\uFFF9',     U'\uFFFB',     U'\uFFFE',     U'\U00013430', U'\U0001343F', U'\U0001D17A',
        U'\U000E0001', U'\U000E007F', U'\U000E0100', U'\U000E01EF', U'\U0001FFFF', U'\U000F0000',
        U'\U0010FFFF'}) {
    EXPECT_TRUE(IsEscaped(code)) << std::hex << uint32_t{code};
  }
}

TEST(IsEscaped, IsFalseForVisibleCharacters) {
  for (const char32_t code :
       {U' ', U'a', U'~', U'\u00A1', U'\u00E9', U'\u0301', U'\u05D0', U'\u2010', U'\u2027',
        U'\u2030', U'\u2801', U'\u65E5', U'\uFFFD', U'\U0001F680'}) {
    EXPECT_FALSE(IsEscaped(code)) << std::hex << uint32_t{code};
  }
}

}  // namespace
}  // namespace tarn::log
