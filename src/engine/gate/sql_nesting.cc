#include "engine/gate/sql_nesting.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tarn::engine {
namespace {

// DuckDB's longest operator has four characters.
constexpr size_t kOperatorBytesMax = 16;

bool IsOperatorByte(char c) {
  constexpr std::string_view kOperatorBytes = "~!@#^&|`?+-*/%<>=";
  return kOperatorBytes.find(c) != std::string_view::npos;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

// Returns the length of the Unicode space at the start of the text, or 0. DuckDB treats it as a
// space.
size_t UnicodeSpaceBytes(std::string_view text) {
  constexpr std::array<std::string_view, 6> kSpaces = {
      "\xC2\xA0", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE2\x81\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF"};
  for (const std::string_view space : kSpaces) {
    if (text.starts_with(space)) return space.size();
  }
  // U+2000 to U+200F.
  const bool is_wide = text.starts_with("\xE2\x80") && text.size() > 2 &&
                       static_cast<unsigned char>(text[2]) <= 0x8F;
  return is_wide ? 3 : 0;
}

// Reads tokens from the front of a text and counts the open levels.
class NestingCheck {
 public:
  NestingCheck(std::string_view sql, size_t levels_max) : rest_(sql), levels_max_(levels_max) {}

  Result<> Run() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (IsOperatorByte(c)) {
        TARN_CHECK_OK(TakeOperators());
      } else if (IsNameStart(c)) {
        TakeName();
      } else if (c == '\'' || c == '"') {
        TakeQuoted(c, false);
      } else if (c == '$') {
        TakeDollar();
      } else {
        TARN_CHECK_OK(CountBracket(c));
        rest_.remove_prefix(1);
      }
    }
    return {};
  }

 private:
  Result<> CountBracket(char c) {
    constexpr std::string_view kOpening = "([{";
    constexpr std::string_view kClosing = ")]}";
    if (kClosing.find(c) != std::string_view::npos) brackets_ -= std::min<size_t>(brackets_, 1);
    if (kOpening.find(c) == std::string_view::npos) return {};
    if (++brackets_ > levels_max_) return TooDeepError("brackets");
    return {};
  }

  // A run of operator bytes, with the comments that begin in it.
  Result<> TakeOperators() {
    size_t bytes = 0;     // The length of the run since the last comment.
    size_t comments = 0;  // Comments in the run. For each, DuckDB reads to the end of the run.
    while (!rest_.empty() && IsOperatorByte(rest_.front())) {
      if (rest_.starts_with("--")) {
        rest_.remove_prefix(std::min(rest_.find_first_of("\n\r"), rest_.size()));
        return {};
      }
      if (rest_.starts_with("/*")) {
        TARN_CHECK_OK(TakeComment(comments));
        bytes = 0;
        continue;
      }
      if (++bytes > kOperatorBytesMax) {
        return InvalidArgument(
            fmt::format("not allowed: an operator of more than {} characters: write a "
                        "space between operators",
                        kOperatorBytesMax));
      }
      rest_.remove_prefix(1);
    }
    return {};
  }

  // A comment, with nested comments. `in_run` counts the starts of comments in the current run of
  // operator bytes.
  Result<> TakeComment(size_t& in_run) {
    size_t depth = 0;
    do {
      if (rest_.starts_with("/*")) {
        if (++depth > levels_max_) return TooDeepError("comments");
        if (++in_run > levels_max_) {
          return InvalidArgument(fmt::format(
              "not allowed: more than {} comments without a space between them", levels_max_));
        }
        rest_.remove_prefix(2);
      } else if (rest_.starts_with("*/")) {
        --depth;
        rest_.remove_prefix(2);
      } else {
        if (!IsOperatorByte(rest_.front())) in_run = 0;
        rest_.remove_prefix(1);
      }
    } while (depth > 0 && !rest_.empty());
    return {};
  }

  // A name, a keyword, or the E of E'…', in which a backslash escapes.
  void TakeName() {
    size_t bytes = 0;
    while (bytes < rest_.size()) {
      if (const size_t space = UnicodeSpaceBytes(rest_.substr(bytes)); space > 0) {
        if (bytes == 0) bytes = space;
        break;
      }
      const char c = rest_[bytes];
      if (!IsNameStart(c) && !IsDigit(c) && c != '$') break;
      ++bytes;
    }
    const std::string_view name = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    if ((name == "e" || name == "E") && rest_.starts_with('\'')) TakeEscaped();
  }

  // Strings with a line break between them are one string, with the escapes of the first.
  void TakeEscaped() {
    do {
      TakeQuoted('\'', true);
    } while (TakeLineBreaksBeforeQuote());
  }
  bool TakeLineBreaksBeforeQuote() {
    std::string_view after = rest_;
    bool has_break = false;
    while (!after.empty()) {
      if (IsBlank(after.front())) {
        has_break = has_break || after.front() == '\n' || after.front() == '\r';
        after.remove_prefix(1);
      } else if (after.starts_with("--")) {
        after.remove_prefix(std::min(after.find_first_of("\n\r"), after.size()));
      } else {
        break;
      }
    }
    if (!has_break || !after.starts_with('\'')) return false;
    rest_ = after;
    return true;
  }

  // A doubled quote is one quote character.
  void TakeQuoted(char quote, bool has_escapes) {
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      const bool is_pair =
          rest_.size() > 1 && ((has_escapes && c == '\\') || (c == quote && rest_[1] == quote));
      rest_.remove_prefix(is_pair ? 2 : 1);
      if (c == quote && !is_pair) return;
    }
  }

  // $1, $name, $$text$$ or $tag$text$tag$.
  void TakeDollar() {
    size_t end = 1;
    while (end < rest_.size() && (IsNameStart(rest_[end]) || (end > 1 && IsDigit(rest_[end])))) {
      ++end;
    }
    if (end == rest_.size() || rest_[end] != '$') {
      rest_.remove_prefix(1);
      return;
    }
    const std::string_view tag = rest_.substr(0, end + 1);
    const size_t close = rest_.find(tag, tag.size());
    rest_.remove_prefix(close == std::string_view::npos ? rest_.size() : close + tag.size());
  }

  Error TooDeepError(std::string_view things) const {
    return InvalidArgument(
        fmt::format("not allowed: {} nested more than {} levels deep (queryd.nesting_max)", things,
                    levels_max_));
  }

  std::string_view rest_;
  const size_t levels_max_;
  size_t brackets_ = 0;
};

}  // namespace

Result<> CheckNesting(std::string_view sql, size_t levels_max) {
  return NestingCheck(sql, levels_max).Run();
}

}  // namespace tarn::engine
