#pragma once

// Values of every type of DuckDB, and a way to encode them, for the tests of all formats.

#include <ostream>
#include <string>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::engine {

struct TypeCase {
  std::string sql;   // An expression.
  std::string json;  // What its value must be in JSON, to the letter.
};
inline void PrintTo(const TypeCase& c, std::ostream* out) { *out << c.sql; }

std::vector<TypeCase> NumberCases();
std::vector<TypeCase> TextCases();
std::vector<TypeCase> TimeCases();
std::vector<TypeCase> NestedCases();
std::vector<TypeCase> VariantCases();
std::vector<TypeCase> AllTypeCases();

// The one connection of all tests in a program.
duck::Connection& TestConnection();

// The whole of the result of one query, or the message of its error. A chunk's rows are encoded in
// pieces of at most `piece_rows`.
std::string EncodeQuery(const std::string& sql, Format format, const JsonOptions& options = {},
                        uint64_t piece_rows = 2048);

}  // namespace tarn::engine
