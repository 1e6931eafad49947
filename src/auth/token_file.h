#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "base/result.h"

namespace tarn::auth {

// A token as the file has it: enough to recognise it, too little to make it.
//
// A token is "tarn_ID_SECRET". The id finds its line and is no secret; the secret has 256 random
// bits, so that a plain salted SHA-256 cannot be turned back.
struct Token {
  std::string id;    // 12 characters.
  std::string salt;  // 32 hexadecimal digits.
  std::string hash;  // SHA-256 of salt and secret, 64 hexadecimal digits.
  std::string created_at;
  Identity identity;
};

// The parts of a token as it is sent. False when it has not that form.
struct TokenText {
  std::string_view id;
  std::string_view secret;
};
bool SplitToken(std::string_view text, TokenText& parts);

// A new token, and its text, which is nowhere kept.
struct NewToken {
  Token token;
  std::string text;
};
NewToken MakeToken(Identity identity);

// Takes the same time wherever the first difference is.
bool Matches(const Token& token, std::string_view secret);

// [[token]] name, id, salt, hash, roles, datasets, prefixes, weight, created_at. The file is
// refused when others than its owner can read it; errors name the token and never its secret.
Result<std::vector<Token>> ReadTokenFile(const std::string& path);
Result<std::vector<Token>> ParseTokens(std::string_view text, const std::string& path);
std::string FormatTokens(const std::vector<Token>& tokens);
// As a whole or not at all; readable by its owner alone.
Result<> WriteTokenFile(const std::string& path, const std::vector<Token>& tokens);

// What a name must be: 1 to 64 letters, digits, '.', '_', '-' and '@'.
Result<> ValidateTokenName(std::string_view name);

}  // namespace tarn::auth
