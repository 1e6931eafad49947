#pragma once

#include <string>
#include <string_view>

namespace tarn::duck {

// Quote text for SQL. The text cannot end the quotes.
std::string QuoteIdentifier(std::string_view name);  // "a""b"
std::string QuoteLiteral(std::string_view text);     // 'it''s'

}  // namespace tarn::duck
