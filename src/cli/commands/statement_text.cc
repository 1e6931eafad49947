#include "cli/commands/statement_text.h"

#include <algorithm>

#include "base/text.h"

namespace tarn::cli {
namespace {

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Returns the end of the string, quoted name or comment at `at`; npos if it is still open; `at` if
// there is none.
size_t SkipQuoted(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  const auto behind = [&](std::string_view end, size_t from) {
    const size_t found = text.find(end, from);
    return found == std::string_view::npos ? found : found + end.size();
  };
  if (rest.starts_with("--")) return behind("\n", at);
  if (rest.starts_with("/*")) {
    // Comments can be nested in SQL.
    size_t depth = 1;
    for (size_t i = at + 2; i + 1 < text.size(); ++i) {
      if (text.substr(i, 2) == "/*") {
        ++depth;
        ++i;
      } else if (text.substr(i, 2) == "*/") {
        ++i;
        if (--depth == 0) return i + 1;
      }
    }
    return std::string_view::npos;
  }
  const bool is_escaped = at > 0 && (text[at - 1] == 'e' || text[at - 1] == 'E') &&
                          (at == 1 || !IsWordCharacter(text[at - 2]));
  if (rest[0] == '\'' && is_escaped) {
    // E'it\'s'
    for (size_t i = at + 1; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '\'') {
        return i + 1;
      }
    }
    return std::string_view::npos;
  }
  if (rest[0] == '\'' || rest[0] == '"') {
    // A doubled quote acts as the end of one string and the start of the next.
    return behind(rest.substr(0, 1), at + 1);
  }
  if (rest[0] == '$' && (at == 0 || !IsWordCharacter(text[at - 1]))) {
    size_t end = 1;
    while (end < rest.size() && IsWordCharacter(rest[end])) ++end;
    const bool is_number = end > 1 && rest[1] >= '0' && rest[1] <= '9';
    if (end < rest.size() && rest[end] == '$' && !is_number) {
      const std::string_view tag = rest.substr(0, end + 1);
      return behind(tag, at + tag.size());
    }
  }
  return at;
}

}  // namespace

size_t EndOfStatement(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = SkipQuoted(text, at);
    if (end == std::string_view::npos) return end;
    if (end > at) {
      at = end;
      continue;
    }
    if (text[at++] == ';') return at;
  }
  return std::string_view::npos;
}

bool IsBlank(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const bool is_comment = text.substr(at).starts_with("--") || text.substr(at).starts_with("/*");
    const size_t end = is_comment ? SkipQuoted(text, at) : at;
    if (end == std::string_view::npos) return false;
    if (end == at && !Trim(text.substr(at, 1)).empty()) return false;
    at = std::max(end, at + 1);
  }
  return true;
}

Word WordBefore(std::string_view text) {
  size_t plain_since = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = SkipQuoted(text, at);
    if (end == std::string_view::npos) {
      if (text[at] == '"') return {.text = text.substr(at + 1), .is_quoted = true};
      return {.text = {}, .is_in_literal = true};
    }
    if (end > at) {
      at = plain_since = end;
      continue;
    }
    ++at;
  }
  size_t begin = text.size();
  while (begin > plain_since && IsWordCharacter(text[begin - 1])) --begin;
  // At the start of a line, a command such as ".format" is one word.
  if (begin == 1 && text[0] == '.') begin = 0;
  return {.text = text.substr(begin)};
}

}  // namespace tarn::cli
