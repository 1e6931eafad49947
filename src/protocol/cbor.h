#pragma once

// Encodes structs as CBOR (RFC 8949) and decodes them, without an intermediate tree of values.
//
// A struct is a list of its fields, in the order of its Fields() function:
//
//   auto Fields(SameAs<Point> auto& point) { return std::tie(point.x, point.y); }
//
// Both ends must have the same fields. Texts are byte strings, because they can have any bytes. A
// TextList is one byte string. An enum needs an overload that returns its last enumerator:
//
//   constexpr Colour LastOf(Colour) { return Colour::kBlue; }

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/text_list.h"

namespace tarn::protocol {

template <class T, class Wanted>
concept SameAs = std::same_as<std::remove_const_t<T>, Wanted>;

template <class T>
concept HasFields = requires(T& message) { Fields(message); };

// How a type is encoded. Specialized for types that are not lists of their fields:
//   static void Write(const T& value, CborWriter& out);
//   static bool Read(CborReader& in, T& value);
template <class T>
struct CborForm;

// The kinds of items (RFC 8949, 3.1) that messages consist of.
enum class CborKind : uint8_t { kNumber = 0, kNegative = 1, kBytes = 2, kList = 4, kSimple = 7 };

// Appends items to a text. Not thread-safe.
class CborWriter {
 public:
  explicit CborWriter(std::string& out) : out_(out) {}

  void List(size_t items) { Head(CborKind::kList, items); }
  void Bytes(std::string_view bytes) {
    Head(CborKind::kBytes, bytes.size());
    out_.append(bytes);
  }
  template <class T>
  void Write(const T& value);

 private:
  void Head(CborKind kind, uint64_t number);

  std::string& out_;
};

// Reads items, whose bytes must outlive the reader. Accepts only the encoding that CborWriter
// writes, except that numbers may be longer than necessary. After false is returned, the reader and
// the value are unusable. Not thread-safe.
class CborReader {
 public:
  // `items_max`: the maximum number of items. An item can be a single byte, and take the memory of
  // a struct.
  CborReader(std::string_view bytes, size_t items_max) : rest_(bytes), items_left_(items_max) {}

  [[nodiscard]] bool List(uint64_t& items);
  [[nodiscard]] bool Bytes(std::string_view& bytes);
  template <class T>
  [[nodiscard]] bool Read(T& value);

  // Reads the rest and returns the number of items in it, including the items of lists.
  size_t CountItems();

  std::string_view rest() const { return rest_; }

 private:
  struct Item {
    CborKind kind;
    uint64_t number;
  };
  bool Head(Item& item);
  bool Head(CborKind kind, uint64_t& number);

  std::string_view rest_;
  size_t items_left_;
};

template <class T>
void CborWriter::Write(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    Head(CborKind::kSimple, value ? 21 : 20);
  } else if constexpr (std::is_enum_v<T>) {
    Head(CborKind::kNumber, static_cast<uint64_t>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    Head(CborKind::kNumber, value);
  } else if constexpr (std::signed_integral<T>) {
    const auto number = static_cast<uint64_t>(value);
    Head(value < 0 ? CborKind::kNegative : CborKind::kNumber, value < 0 ? ~number : number);
  } else if constexpr (std::same_as<T, std::string>) {
    Bytes(value);
  } else if constexpr (std::same_as<T, TextList>) {
    Bytes(value.Encode());
  } else if constexpr (HasFields<const T>) {
    std::apply(
        [this](const auto&... field) {
          List(sizeof...(field));
          (Write(field), ...);
        },
        Fields(value));
  } else if constexpr (requires { typename T::value_type; }) {
    List(value.size());
    for (const auto& item : value) Write(item);
  } else {
    CborForm<T>::Write(value, *this);
  }
}

template <class T>
bool CborReader::Read(T& value) {
  if constexpr (std::same_as<T, bool>) {
    uint64_t number = 0;
    if (!Head(CborKind::kSimple, number)) return false;
    value = number == 21;
    return true;
  } else if constexpr (std::is_enum_v<T>) {
    uint64_t number = 0;
    if (!Read(number) || number > static_cast<uint64_t>(LastOf(T{}))) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::unsigned_integral<T>) {
    uint64_t number = 0;
    if (!Head(CborKind::kNumber, number) || number > std::numeric_limits<T>::max()) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::signed_integral<T>) {
    Item item{};
    if (!Head(item) || item.number > uint64_t{std::numeric_limits<T>::max()}) return false;
    if (item.kind != CborKind::kNumber && item.kind != CborKind::kNegative) return false;
    const auto number = static_cast<T>(item.number);
    value = item.kind == CborKind::kNegative ? static_cast<T>(-1 - number) : number;
    return true;
  } else if constexpr (std::same_as<T, std::string>) {
    std::string_view bytes;
    if (!Bytes(bytes)) return false;
    value = bytes;
    return true;
  } else if constexpr (std::same_as<T, TextList>) {
    std::string_view bytes;
    if (!Bytes(bytes)) return false;
    auto list = TextList::Decode(bytes);
    if (list) value = std::move(*list);
    return list.has_value();
  } else if constexpr (HasFields<T>) {
    uint64_t items = 0;
    return std::apply(
        [&](auto&... field) {
          return List(items) && items == sizeof...(field) && (Read(field) && ...);
        },
        Fields(value));
  } else if constexpr (requires { typename T::value_type; }) {
    uint64_t items = 0;
    if (!List(items)) return false;
    value.clear();
    for (; items > 0; --items) {
      if (!Read(value.emplace_back())) return false;
    }
    return true;
  } else {
    return CborForm<T>::Read(*this, value);
  }
}

}  // namespace tarn::protocol
