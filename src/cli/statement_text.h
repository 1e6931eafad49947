#pragma once

#include <string>
#include <string_view>

namespace tarn::cli {

// The end of the first statement of a text, after its semicolon. npos if the statement is
// incomplete: a quote or a comment is open, or there is no semicolon. Handles quotes, dollar quotes
// and comments.
size_t EndOfStatement(std::string_view text);

// True if the text has only white space and closed comments.
bool IsBlank(std::string_view text);

// The word to complete before the cursor, and its context.
struct Word {
  std::string_view text;       // Without an opening quote.
  bool is_quoted = false;      // It begins with a double quote.
  bool is_in_literal = false;  // The word is in a literal or a comment, and cannot be completed.
};
Word WordBefore(std::string_view text);

}  // namespace tarn::cli
