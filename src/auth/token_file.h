#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "base/result.h"

namespace tarn::auth {

// A token as stored in the file: sufficient to verify a token, but not to create its text.
//
// The text of a token is "tarn_ID_SECRET". The id is public and identifies the entry. The secret
// has 256 random bits, so that a salted SHA-256 cannot be inverted.
struct Token {
  std::string id;    // 12 characters.
  std::string salt;  // 32 hexadecimal digits.
  std::string hash;  // SHA-256 of salt and secret, 64 hexadecimal digits.
  std::string created_at;
  Identity identity;
};

// The parts of a token's text. SplitToken returns false if the text is malformed.
struct TokenText {
  std::string_view id;
  std::string_view secret;
};
bool SplitToken(std::string_view text, TokenText& parts);

// A new token with its text, which is not stored anywhere.
struct NewToken {
  Token token;
  std::string text;
};
NewToken MakeToken(Identity identity);

// Verifies a secret in constant time.
bool Matches(const Token& token, std::string_view secret);

// Entries [[token]] with name, id, salt, hash, roles, datasets, prefixes, weight and created_at.
// The file is rejected if other users have access to it. Errors name the token and never its
// secret.
Result<std::vector<Token>> ReadTokenFile(const std::string& path);
Result<std::vector<Token>> ParseTokens(std::string_view text, const std::string& path);
std::string FormatTokens(const std::vector<Token>& tokens);
// Replaces the file atomically, readable only by its owner.
Result<> WriteTokenFile(const std::string& path, const std::vector<Token>& tokens);

// Checks a name: 1 to 64 letters, digits, '.', '_', '-' and '@'.
Result<> ValidateTokenName(std::string_view name);

}  // namespace tarn::auth
