#include "engine/gate/statement_words.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace tarn::engine {
namespace {

// Reads SQL from its beginning, word by word, past white space and comments.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) { SkipBlank(); }

  // Returns the next word in lower case, or "" if the next token is not a word.
  std::string Peek() const { return ToLowerAscii(rest_.substr(0, WordLength())); }
  bool Take(std::string_view word) {
    if (Peek() != word) return false;
    rest_.remove_prefix(word.size());
    SkipBlank();
    return true;
  }
  bool TakeCharacter(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    SkipBlank();
    return true;
  }
  std::string TakeWord() {
    std::string word = Peek();
    rest_.remove_prefix(word.size());
    SkipBlank();
    return word;
  }
  std::string_view rest() const { return rest_; }

 private:
  size_t WordLength() const {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsWordCharacter);
    return static_cast<size_t>(end - rest_.begin());
  }
  void SkipBlank() {
    for (;;) {
      const size_t start = rest_.find_first_not_of(" \t\n\v\f\r");
      rest_.remove_prefix(std::min(start, rest_.size()));
      if (rest_.starts_with("--")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        SkipComment();
      } else {
        return;
      }
    }
  }

  // Comments can be nested.
  void SkipComment() {
    int depth = 0;
    do {
      const bool opens = rest_.starts_with("/*");
      const bool closes = rest_.starts_with("*/");
      depth += opens ? 1 : closes ? -1 : 0;
      rest_.remove_prefix(opens || closes ? 2 : 1);
    } while (depth > 0 && !rest_.empty());
  }

  std::string_view rest_;
};

}  // namespace

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string StatementKind(std::string_view sql) {
  constexpr std::array<std::string_view, 41> kVerbs = {
      "alter",    "analyze", "attach", "begin",      "call",    "checkpoint", "comment",
      "commit",   "copy",    "create", "deallocate", "delete",  "detach",     "drop",
      "execute",  "explain", "export", "force",      "import",  "insert",     "install",
      "load",     "merge",   "pivot",  "pragma",     "prepare", "refresh",    "reset",
      "rollback", "set",     "start",  "truncate",   "unpivot", "update",     "use",
      "vacuum",   "abort",   "end",    "upsert",     "from",    "with"};
  const std::string word = Words(sql).Peek();
  if (std::find(kVerbs.begin(), kVerbs.end(), word) == kVerbs.end()) return "this statement";
  std::string kind = word;
  std::transform(kind.begin(), kind.end(), kind.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  // DuckDB first runs such a PIVOT's inner query to find its columns, as a second statement.
  if (kind == "PIVOT") return "PIVOT without its values (write ON column IN (…))";
  return kind;
}

std::optional<Explain> ReadExplain(std::string_view sql) {
  Words words(sql);
  if (!words.Take("explain")) return std::nullopt;
  Explain explain{"EXPLAIN ", {}};
  if (words.Take("analyze") || words.Take("analyse")) explain.prefix += "ANALYZE ";
  if (words.rest().starts_with('(')) {
    const Words before = words;
    words.TakeCharacter('(');
    std::string options;
    for (;;) {
      const std::string word = words.TakeWord();
      if (word.empty()) break;
      options += options.empty() ? "(" + word : " " + word;
      if (words.TakeCharacter(',')) options += ',';
    }
    constexpr std::array<std::string_view, 2> kOptions = {"(analyze", "(format"};
    const bool known = std::any_of(kOptions.begin(), kOptions.end(),
                                   [&](auto option) { return options.starts_with(option); });
    if (known && words.TakeCharacter(')')) {
      explain.prefix += options + ") ";
    } else {
      words = before;  // EXPLAIN (SELECT 1)
    }
  }
  explain.inner = words.rest();
  return explain;
}

}  // namespace tarn::engine
