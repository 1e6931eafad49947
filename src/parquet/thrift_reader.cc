#include "parquet/thrift_reader.h"

namespace tarn::parquet {

void ThriftReader::Fail() {
  failed_ = true;
  bytes_ = {};
}

std::string_view ThriftReader::Consume(uint64_t count) {
  if (count > bytes_.size()) {
    Fail();
    return {};
  }
  const std::string_view taken = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return taken;
}

uint8_t ThriftReader::ReadByte() {
  const std::string_view byte = Consume(1);
  return byte.empty() ? 0 : static_cast<uint8_t>(byte[0]);
}

uint64_t ThriftReader::ReadVarint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = ReadByte();
    value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return failed_ ? 0 : value;
  }
  Fail();
  return 0;
}

bool ThriftReader::NextField(Field& field) {
  const uint8_t head = ReadByte();
  const uint8_t type = head & 0x0FU;
  if (failed_ || type == kStop) {
    field = {};
    return false;
  }
  const uint8_t delta = head >> 4U;
  const int64_t id = delta != 0 ? field.id + delta : ReadSigned();
  field = {type, static_cast<int16_t>(id)};
  return !failed_;
}

bool ThriftReader::CountElements(uint64_t count) {
  if (count > bytes_.size() || count > kElementsMax - elements_) {
    Fail();
    return false;
  }
  elements_ += count;
  return true;
}

ThriftReader::List ThriftReader::ReadList() {
  const uint8_t head = ReadByte();
  List list{.type = static_cast<uint8_t>(head & 0x0FU), .size = static_cast<uint64_t>(head >> 4U)};
  constexpr uint64_t kLong = 15;
  if (list.size == kLong) list.size = ReadVarint();
  return CountElements(list.size) && !failed_ ? list : List{};
}

void ThriftReader::BeginMap(Open& open) {
  const uint64_t size = ReadVarint();
  open = {.kind = kMap};
  if (size == 0) return;
  const uint8_t types = ReadByte();
  open.type = types >> 4U;
  open.value_type = types & 0x0FU;
  // Checked before doubling, to avoid an overflow.
  if (CountElements(size) && CountElements(size)) open.left = 2 * size;
}

bool ThriftReader::Begin(uint8_t type, bool is_element, Open& open) {
  switch (type) {
    case kTrue:
    case kFalse:
      // In a list a boolean is a byte; in a field it is part of the header.
      if (is_element) Consume(1);
      return false;
    case kByte:
      Consume(1);
      return false;
    case kI16:
    case kI32:
    case kI64:
      ReadVarint();
      return false;
    case kDouble:
      Consume(8);
      return false;
    case kBinary:
      ReadBinary();
      return false;
    case kUuid:
      Consume(16);
      return false;
    case kList:
    case kSet: {
      const List list = ReadList();
      open = {.kind = kList, .type = list.type, .left = list.size};
      return true;
    }
    case kMap:
      BeginMap(open);
      return true;
    case kStruct:
      open = {.kind = kStruct};
      return true;
    default:
      Fail();
      return false;
  }
}

uint8_t ThriftReader::Next(Open& open) {
  if (open.kind == kStruct) {
    Field field{.id = open.field};
    if (!NextField(field)) return kStop;
    open.field = field.id;
    return field.type;
  }
  if (open.left == 0) return kStop;
  --open.left;
  return open.kind == kMap && open.left % 2 == 0 ? open.value_type : open.type;
}

void ThriftReader::Skip(uint8_t type) {
  std::array<Open, kDepthMax> open;
  size_t depth = 0;
  if (!Begin(type, /*is_element=*/false, open[0])) return;
  ++depth;
  while (depth > 0 && !failed_) {
    Open& last = open[depth - 1];
    const bool is_element = last.kind != kStruct;
    const bool has_ended = is_element && last.left == 0;
    const uint8_t next = Next(last);
    if (has_ended || (!is_element && next == kStop)) {
      --depth;
      continue;
    }
    Open inner;
    if (!Begin(next, is_element, inner)) continue;
    if (depth == kDepthMax) return Fail();
    open[depth++] = inner;
  }
}

}  // namespace tarn::parquet
