#include "result/json_value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "result/scalar_text.h"
#include "result/value_text.h"
#include "result/variant_json.h"

namespace tarn::result {
namespace {

using duck::TypeId;
using duck::VectorView;

// Bytes that need no escape: ASCII except for control characters, quotes and backslashes.
constexpr std::array<bool, 256> MakePlain() {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
  plain['"'] = false;
  plain['\\'] = false;
  return plain;
}
constexpr std::array<bool, 256> kPlain = MakePlain();

// Returns true if all eight bytes are plain. Uses SIMD within a register.
bool EightArePlain(const char* p) {
  uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x8080808080808080;
  const auto has_zero = [](uint64_t w) { return (w - kOnes) & ~w & kHigh; };
  const uint64_t below_space = (word - kOnes * 0x20) & ~word & kHigh;
  return ((word & kHigh) | below_space | has_zero(word ^ (kOnes * '"')) |
          has_zero(word ^ (kOnes * '\\'))) == 0;
}

void AppendEscape(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 0xF];
  }
}

constexpr int64_t kDoubleIntegerMax = int64_t{1} << 53;

// Calls `append`, with quotes around its output if `quoted`.
template <class Append>
void MaybeQuoted(bool quoted, std::string& out, Append append) {
  if (quoted) out += '"';
  append();
  if (quoted) out += '"';
}

template <class T>
bool IsBig(T value) {
  if constexpr (std::is_signed_v<T>) {
    return value > kDoubleIntegerMax || value < -kDoubleIntegerMax;
  } else {
    return value > static_cast<uint64_t>(kDoubleIntegerMax);
  }
}

template <class T>
void AppendInt(T value, const JsonOptions& options, std::string& out) {
  MaybeQuoted(IsBig(value) && options.quote_big_numbers, out, [&] { AppendInteger(value, out); });
}

template <class T>
void AppendReal(T value, std::string& out) {
  MaybeQuoted(!std::isfinite(value), out, [&] {
    if constexpr (sizeof(T) == 4) {
      AppendFloat(value, out);
    } else {
      AppendDouble(value, out);
    }
  });
}

void AppendList(const VectorView& element, uint64_t offset, uint64_t length,
                const JsonOptions& options, std::string& out) {
  out += '[';
  for (uint64_t i = 0; i < length; ++i) {
    if (i > 0) out += ',';
    AppendJsonValue(element, offset + i, options, out);
  }
  out += ']';
}

void AppendStruct(const VectorView& vector, uint64_t row, const JsonOptions& options,
                  std::string& out) {
  const auto& names = vector.type().names;
  // row(1, 'a') has no names, so it becomes an array.
  const bool unnamed = names.empty() || names[0].empty();
  out += unnamed ? '[' : '{';
  for (size_t i = 0; i < vector.children().size(); ++i) {
    if (i > 0) out += ',';
    if (!unnamed) {
      AppendJsonString(names[i], out);
      out += ':';
    }
    AppendJsonValue(vector.child(i), row, options, out);
  }
  out += unnamed ? ']' : '}';
}

bool IsText(TypeId id) {
  return id == TypeId::kVarchar || id == TypeId::kEnum || id == TypeId::kUuid;
}

// Appends an object if the keys are text, or else an array of pairs.
void AppendMap(const VectorView& vector, uint64_t row, const JsonOptions& options,
               std::string& out) {
  const VectorView& keys = vector.child(0);
  const VectorView& values = vector.child(1);
  const bool object = IsText(keys.type().id);
  const auto entry = vector.At<duck::ListEntry>(row);
  out += object ? '{' : '[';
  for (uint64_t i = entry.offset; i < entry.offset + entry.length; ++i) {
    if (i > entry.offset) out += ',';
    if (!object) out += '[';
    AppendJsonValue(keys, i, options, out);
    out += object ? ':' : ',';
    AppendJsonValue(values, i, options, out);
    if (!object) out += ']';
  }
  out += object ? '}' : ']';
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  size_t start = 0;  // The start of the plain bytes that are not copied yet.
  size_t i = 0;
  while (i < text.size()) {
    if (i + 8 <= text.size() && EightArePlain(text.data() + i)) {
      i += 8;
      continue;
    }
    if (kPlain[static_cast<unsigned char>(text[i])]) {
      ++i;
      continue;
    }
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      if (const size_t length = Utf8SequenceLength(text.substr(i)); length > 0) {
        i += length;
        continue;
      }
    }
    out.append(text, start, i - start);
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      out += kReplacementCharacter;
    } else {
      AppendEscape(text[i], out);
    }
    start = ++i;
  }
  out.append(text, start, text.size() - start);
  out += '"';
}

void AppendJsonHugeint(duck::Int128 value, const JsonOptions& options, std::string& out) {
  const bool big = value > kDoubleIntegerMax || value < -kDoubleIntegerMax;
  MaybeQuoted(big && options.quote_big_numbers, out, [&] { AppendHugeint(value, out); });
}

void AppendJsonUhugeint(duck::Uint128 value, const JsonOptions& options, std::string& out) {
  const bool big = value > static_cast<duck::Uint128>(kDoubleIntegerMax);
  MaybeQuoted(big && options.quote_big_numbers, out, [&] { AppendUhugeint(value, out); });
}

void AppendJsonDecimal(duck::Int128 unscaled, uint8_t scale, const JsonOptions& options,
                       std::string& out) {
  // A double represents decimals of at most 15 significant digits without loss.
  bool big = false;
  if (options.quote_big_numbers) {
    const auto bits = static_cast<duck::Uint128>(unscaled);
    duck::Uint128 digits = unscaled < 0 ? -bits : bits;
    while (digits != 0 && digits % 10 == 0) digits /= 10;
    big = digits >= duck::Uint128{1'000'000'000'000'000};
  }
  MaybeQuoted(big, out, [&] { AppendDecimal(unscaled, scale, out); });
}

void AppendJsonBignum(std::string_view encoded, const JsonOptions& options, std::string& out) {
  std::string digits;
  AppendBignum(encoded, digits);
  constexpr std::string_view kMax = "9007199254740992";  // 2^53
  const std::string_view magnitude =
      std::string_view(digits).substr(digits.starts_with('-') ? 1 : 0);
  const bool big =
      magnitude.size() > kMax.size() || (magnitude.size() == kMax.size() && magnitude > kMax);
  MaybeQuoted(big && options.quote_big_numbers, out, [&] { out += digits; });
}

bool IsNested(TypeId id) {
  switch (id) {
    case TypeId::kList:
    case TypeId::kArray:
    case TypeId::kStruct:
    case TypeId::kMap:
    case TypeId::kUnion:
    case TypeId::kVariant:
      return true;
    default:
      return false;
  }
}

void AppendJsonValue(const VectorView& vector, uint64_t row, const JsonOptions& options,
                     std::string& out) {
  if (vector.IsNull(row)) {
    out += "null";
    return;
  }
  switch (vector.type().id) {
    case TypeId::kUnknown:
    case TypeId::kNull:
      out += "null";
      return;
    case TypeId::kBoolean:
    case TypeId::kTinyint:
    case TypeId::kSmallint:
    case TypeId::kInteger:
    case TypeId::kUtinyint:
    case TypeId::kUsmallint:
    case TypeId::kUinteger:
      return AppendScalarText(vector, row, out);
    case TypeId::kBigint:
      return AppendInt(vector.At<int64_t>(row), options, out);
    case TypeId::kHugeint:
      return AppendJsonHugeint(vector.At<duck::Int128>(row), options, out);
    case TypeId::kUbigint:
      return AppendInt(vector.At<uint64_t>(row), options, out);
    case TypeId::kUhugeint:
      return AppendJsonUhugeint(vector.At<duck::Uint128>(row), options, out);
    case TypeId::kFloat:
      return AppendReal(vector.At<float>(row), out);
    case TypeId::kDouble:
      return AppendReal(vector.At<double>(row), out);
    case TypeId::kDecimal:
      return AppendJsonDecimal(DecimalAt(vector, row), vector.type().scale, options, out);
    case TypeId::kBignum:
      return AppendJsonBignum(TextAt(vector, row), options, out);
    case TypeId::kVarchar:
      return AppendJsonString(TextAt(vector, row), out);
    case TypeId::kEnum:
      return AppendJsonString(EnumAt(vector, row), out);
    case TypeId::kList: {
      const auto entry = vector.At<duck::ListEntry>(row);
      return AppendList(vector.child(0), entry.offset, entry.length, options, out);
    }
    case TypeId::kArray: {
      const uint64_t size = vector.type().array_size;
      return AppendList(vector.child(0), row * size, size, options, out);
    }
    case TypeId::kStruct:
      return AppendStruct(vector, row, options, out);
    case TypeId::kMap:
      return AppendMap(vector, row, options, out);
    case TypeId::kUnion:
      return AppendJsonValue(vector.child(vector.child(0).At<uint8_t>(row) + 1), row, options, out);
    case TypeId::kVariant:
      return AppendVariant(vector, row, options, out);
    case TypeId::kBlob:
    case TypeId::kGeometry:
    case TypeId::kBit:
    case TypeId::kUuid:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimeNs:
    case TypeId::kTimeTz:
    case TypeId::kTimestamp:
    case TypeId::kTimestampS:
    case TypeId::kTimestampMs:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTz:
    case TypeId::kInterval:
      // These texts need no escapes.
      out += '"';
      AppendScalarText(vector, row, out);
      out += '"';
      return;
  }
}

void AppendPlainValue(const VectorView& vector, uint64_t row, const JsonOptions& options,
                      std::string& out) {
  if (IsNested(vector.type().id)) return AppendJsonValue(vector, row, options, out);
  AppendScalarText(vector, row, out);
}

void AppendJsonTimestampTz(int64_t micros, std::string& out) {
  out += '"';
  AppendTimestampTz(micros, out);
  out += '"';
}

}  // namespace tarn::result
