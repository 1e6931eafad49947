#pragma once

#include <string>
#include <string_view>

namespace tarn::duck {

// Text as SQL: nothing that is quoted with these can end the quotes.
std::string QuoteIdentifier(std::string_view name);  // "a""b"
std::string QuoteLiteral(std::string_view text);     // 'it''s'

}  // namespace tarn::duck
