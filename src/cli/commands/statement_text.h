#pragma once

#include <string>
#include <string_view>

namespace tarn::cli {

// Where the first statement of a text ends: behind its semicolon. npos: it is not complete yet, a
// quote or a comment is open, or there is no semicolon. Knows quotes, dollar quotes and comments.
size_t EndOfStatement(std::string_view text);

// Whether it has nothing but white space and comments that have their end.
bool IsBlank(std::string_view text);

// The word before the cursor that is to be completed, and what stands before it.
struct Word {
  std::string_view text;       // Without the quote that it may begin with.
  bool is_quoted = false;      // It begins with a double quote.
  bool is_in_literal = false;  // Of a text in single quotes or a comment: nothing to complete.
};
Word WordBefore(std::string_view text);

}  // namespace tarn::cli
