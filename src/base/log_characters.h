#pragma once

namespace tarn::log {

// True for a character that a line of the log shows as an escape, because a reader may not see it
// or may take it for another one. These are
// - all characters of the general categories Cc (control), Cf (format), Co (private use), Zl and Zp
//   (line and paragraph separator), and Zs (space) except U+0020
// - all characters with the property Default_Ignorable_Code_Point, such as variation selectors
// - noncharacters, and U+2800 (a blank Braille pattern)
// as of Unicode 15.0 (UnicodeData.txt, DerivedCoreProperties.txt). Surrogates (Cs) are not UTF-8
// and are escaped as bytes.
//
// A superset of IsUnprintable (base/text.h), which keeps the characters that texts for people need.
bool IsEscaped(char32_t code);

}  // namespace tarn::log
