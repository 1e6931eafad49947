#include "result/csv_encoder.h"

#include <array>

#include "base/text.h"
#include "result/json_value.h"
#include "result/scalar_text.h"

namespace tarn::result {
namespace {

using duck::TypeId;

enum class ByteClass : uint8_t { kPlain, kNeedsQuotes, kNotAscii };

constexpr std::array<ByteClass, 256> MakeClasses() {
  std::array<ByteClass, 256> classes{};
  for (size_t c = 0x80; c < 256; ++c) classes[c] = ByteClass::kNotAscii;
  for (const unsigned char c : {'"', ',', '\r', '\n'}) classes[c] = ByteClass::kNeedsQuotes;
  return classes;
}
constexpr std::array<ByteClass, 256> kClasses = MakeClasses();

void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  for (size_t quote = 0; (quote = text.find('"')) != std::string_view::npos;) {
    out += text.substr(0, quote + 1);
    out += '"';
    text.remove_prefix(quote + 1);
  }
  out += text;
  out += '"';
}

}  // namespace

void AppendCsvField(std::string_view text, std::string& out) {
  uint8_t seen = 0;
  for (const char c : text) {
    seen |= static_cast<uint8_t>(1U << static_cast<uint8_t>(kClasses[static_cast<uint8_t>(c)]));
  }
  constexpr uint8_t kQuotes = 1U << static_cast<uint8_t>(ByteClass::kNeedsQuotes);
  constexpr uint8_t kUtf8 = 1U << static_cast<uint8_t>(ByteClass::kNotAscii);
  std::string valid;
  if ((seen & kUtf8) != 0 && !IsValidUtf8(text)) {
    valid = ToValidUtf8(text);
    text = valid;
  }
  // Quotes the empty text, because an empty field without quotes is null.
  if ((seen & kQuotes) != 0 || text.empty()) {
    AppendQuoted(text, out);
  } else {
    out += text;
  }
}

Result<> CsvEncoder::Begin(std::string& out) {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (i > 0) out += ',';
    AppendCsvField(names_[i], out);
  }
  out += "\r\n";
  return {};
}

Result<> CsvEncoder::Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) {
  for (uint64_t row = begin; row < end; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      const duck::VectorView& column = columns[i];
      if (column.IsNull(row)) continue;
      const TypeId id = column.type().id;
      if (id == TypeId::kVarchar) {
        AppendCsvField(TextAt(column, row), out);
      } else if (id == TypeId::kEnum) {
        AppendCsvField(EnumAt(column, row), out);
      } else if (IsNested(id)) {
        nested_.clear();
        AppendJsonValue(column, row, options_, nested_);
        // The value in a union or a variant can be null.
        if (nested_ != "null") AppendCsvField(nested_, out);
      } else {
        const size_t start = out.size();
        AppendScalarText(column, row, out);
        if (out.size() == start) out += "\"\"";  // An empty BLOB.
      }
    }
    out += "\r\n";
  }
  return {};
}

}  // namespace tarn::result
