#include "protocol/cbor.h"

#include <algorithm>

namespace tarn::protocol {
namespace {

// A head has the kind and a small number in one byte, or the number in the 1, 2, 4 or 8 bytes after
// it, the most significant first (RFC 8949, 3).
constexpr unsigned kKindShift = 5;
constexpr unsigned kSmallNumbers = 24;
constexpr unsigned kFalse = 20;
constexpr unsigned kTrue = 21;

}  // namespace

void CborWriter::Head(CborKind kind, uint64_t number) {
  const unsigned first = static_cast<unsigned>(kind) << kKindShift;
  if (number < kSmallNumbers) {
    out_ += static_cast<char>(first | number);
    return;
  }
  const unsigned exponent = number > UINT32_MAX ? 3 : number > UINT16_MAX ? 2 : number > UINT8_MAX;
  out_ += static_cast<char>(first | (kSmallNumbers + exponent));
  for (unsigned bits = 8U << exponent; bits > 0; bits -= 8) {
    out_ += static_cast<char>(number >> (bits - 8));
  }
}

bool CborReader::Head(Item& item) {
  if (rest_.empty() || items_left_ == 0) return false;
  --items_left_;
  const auto first = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  item.kind = static_cast<CborKind>(first >> kKindShift);
  const unsigned info = first & ((1U << kKindShift) - 1);
  item.number = info;
  if (item.kind == CborKind::kSimple) return info == kFalse || info == kTrue;
  if (info < kSmallNumbers) return true;
  const unsigned exponent = info - kSmallNumbers;
  if (exponent > 3) return false;  // Reserved, or of indefinite length.
  const size_t width = size_t{1} << exponent;
  if (rest_.size() < width) return false;
  item.number = 0;
  for (const char byte : rest_.substr(0, width)) {
    item.number = item.number << 8U | static_cast<unsigned char>(byte);
  }
  rest_.remove_prefix(width);
  return true;
}

bool CborReader::Head(CborKind kind, uint64_t& number) {
  Item item{};
  if (!Head(item) || item.kind != kind) return false;
  number = item.number;
  return true;
}

bool CborReader::List(uint64_t& items) {
  // An item has at least one byte.
  return Head(CborKind::kList, items) && items <= rest_.size();
}

bool CborReader::Bytes(std::string_view& bytes) {
  uint64_t size = 0;
  if (!Head(CborKind::kBytes, size) || size > rest_.size()) return false;
  bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

size_t CborReader::CountItems() {
  size_t items = 0;
  Item item{};
  while (Head(item)) {
    ++items;
    if (item.kind == CborKind::kBytes) rest_.remove_prefix(std::min(item.number, rest_.size()));
  }
  return items;
}

}  // namespace tarn::protocol
