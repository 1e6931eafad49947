#pragma once

#include <string>
#include <string_view>

namespace tarn::cli {

// Returns the end of the first statement, after its semicolon. Returns npos if the statement is not
// complete: there is no semicolon, or a quote or a comment is open.
size_t EndOfStatement(std::string_view text);

// Returns true if the text has only white space and complete comments.
bool IsBlank(std::string_view text);

// The word before the cursor.
struct Word {
  std::string_view text;       // Without an opening quote.
  bool is_quoted = false;      // True after a double quote.
  bool is_in_literal = false;  // True in a string or a comment, which have no completions.
};
Word WordBefore(std::string_view text);

}  // namespace tarn::cli
