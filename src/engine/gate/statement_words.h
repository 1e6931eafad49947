#pragma once

// The first words of a statement, for statements that DuckDB's parser does not serialise.

#include <optional>
#include <string>
#include <string_view>

namespace tarn::engine {

// Letters, digits and '_', in ASCII.
bool IsWordCharacter(char c);

// The verb of a refused statement, in upper case: "COPY", or "this statement". Error messages name
// it, so only words of a list are returned and no text of the client.
std::string StatementKind(std::string_view sql);

struct Explain {
  std::string prefix;      // "EXPLAIN ANALYZE ", built anew of known words.
  std::string_view inner;  // The explained statement, within the text that was read.
};

// Reads EXPLAIN [ANALYZE] [(word [word], …)] statement. Returns nullopt for a text of another form.
std::optional<Explain> ReadExplain(std::string_view sql);

}  // namespace tarn::engine
