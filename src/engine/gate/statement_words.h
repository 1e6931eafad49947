#pragma once

// The first words of a statement, for statements that DuckDB's parser does not serialise.

#include <optional>
#include <string>
#include <string_view>

namespace tarn::engine {

// Letters, digits and '_', in ASCII.
bool IsWordCharacter(char c);

// Returns the verb of a refused statement for error messages: "COPY", or "this statement" if the
// verb is not on a list. So errors contain no text from the client.
std::string StatementKind(std::string_view sql);

struct Explain {
  std::string prefix;      // "EXPLAIN ANALYZE ", built from known words.
  std::string_view inner;  // The explained statement, a part of the input.
};

// Reads EXPLAIN [ANALYZE] [(word [word], …)] statement. Returns nullopt for other statements.
std::optional<Explain> ReadExplain(std::string_view sql);

}  // namespace tarn::engine
