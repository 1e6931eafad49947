#pragma once

// Values of all types of DuckDB, and functions to encode them, for tests of all formats.

#include <ostream>
#include <string>
#include <vector>

#include "duck/database.h"
#include "result/result_encoder.h"

namespace tarn::result {

struct TypeCase {
  std::string sql;   // An expression.
  std::string json;  // The exact JSON of its value.
};
inline void PrintTo(const TypeCase& c, std::ostream* out) { *out << c.sql; }

std::vector<TypeCase> NumberCases();
std::vector<TypeCase> TextCases();
std::vector<TypeCase> TimeCases();
std::vector<TypeCase> NestedCases();
std::vector<TypeCase> VariantCases();
std::vector<TypeCase> AllTypeCases();

// The connection for all tests in a program.
duck::Connection& TestConnection();

// Returns the encoded result of a query, or the error message. Encodes the rows of a chunk in
// pieces of at most `piece_rows`.
std::string EncodeQuery(const std::string& sql, Format format, const JsonOptions& options = {},
                        uint64_t piece_rows = 2048);

}  // namespace tarn::result
