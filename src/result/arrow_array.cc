#include "result/arrow_array.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "base/text.h"
#include "result/json_value.h"
#include "result/scalar_text.h"

namespace tarn::result {
namespace {

using ArrayPtr = std::shared_ptr<arrow::ArrayData>;
using BufferPtr = std::shared_ptr<arrow::Buffer>;
using TypePtr = std::shared_ptr<arrow::DataType>;
using duck::TypeId;
using duck::VectorView;

// The rows of a vector for an array: a range, or a list in any order, in which rows may be absent.
// The fields of a null struct are absent, because DuckDB leaves their values undefined.
class Selection {
 public:
  static constexpr uint64_t kAbsent = std::numeric_limits<uint64_t>::max();

  Selection(uint64_t begin, uint64_t end) : begin_(begin), size_(end - begin) {}
  explicit Selection(std::vector<uint64_t> rows)
      : size_(rows.size()), rows_(std::move(rows)), listed_(true) {}

  bool is_range() const { return !listed_; }
  uint64_t begin() const { return begin_; }  // The first row of a range.
  uint64_t size() const { return size_; }
  int64_t length() const { return static_cast<int64_t>(size_); }
  uint64_t operator[](uint64_t i) const { return listed_ ? rows_[i] : begin_ + i; }

 private:
  uint64_t begin_ = 0;
  uint64_t size_;
  std::vector<uint64_t> rows_;
  bool listed_ = false;
};

arrow::Result<BufferPtr> Allocate(uint64_t bytes) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(static_cast<int64_t>(bytes)));
  return BufferPtr(std::move(buffer));
}

BufferPtr Wrap(const void* data, uint64_t bytes) {
  return std::make_shared<arrow::Buffer>(static_cast<const uint8_t*>(data),
                                         static_cast<int64_t>(bytes));
}

arrow::Status TooLarge() {
  return arrow::Status::CapacityError("more than the offsets of Arrow can count");
}

// The validity of the selected rows. DuckDB's flat vectors and Arrow's arrays have the same layout:
// one bit for each row, the lowest first; no bits if no row is null.
class Validity {
 public:
  static arrow::Result<Validity> Of(const VectorView& vector, const Selection& rows) {
    Validity out;
    if (rows.is_range() && vector.validity() == nullptr) return out;
    const uint64_t bytes = (rows.size() + 7) / 8;
    if (rows.is_range() && rows.begin() % 8 == 0) {
      const auto* first = reinterpret_cast<const uint8_t*>(vector.validity());
      out.bits_ = Wrap(first + rows.begin() / 8, bytes);
    } else {
      ARROW_ASSIGN_OR_RAISE(out.bits_, Allocate(bytes));
      uint8_t* bits = out.bits_->mutable_data();
      std::memset(bits, 0, bytes);
      for (uint64_t i = 0; i < rows.size(); ++i) {
        const uint64_t row = rows[i];
        if (row != Selection::kAbsent && !vector.IsNull(row)) {
          arrow::bit_util::SetBit(bits, static_cast<int64_t>(i));
        }
      }
    }
    return out;
  }

  bool IsNull(uint64_t i) const {
    return bits_ != nullptr && !arrow::bit_util::GetBit(bits_->data(), static_cast<int64_t>(i));
  }
  bool all_valid() const { return bits_ == nullptr; }
  const BufferPtr& bits() const { return bits_; }
  int64_t null_count() const { return all_valid() ? 0 : arrow::kUnknownNullCount; }

 private:
  BufferPtr bits_;
};

class ArrayMaker {
 public:
  explicit ArrayMaker(const JsonOptions& options) : options_(options) {}

  arrow::Result<ArrayPtr> Make(const VectorView& vector, const TypePtr& type,
                               const Selection& rows) const {
    if (type->id() == arrow::Type::NA) {
      return arrow::ArrayData::Make(type, rows.length(), {nullptr}, rows.length());
    }
    ARROW_ASSIGN_OR_RAISE(const Validity validity, Validity::Of(vector, rows));
    const Part part{vector, type, rows, validity};
    switch (vector.type().id) {
      case TypeId::kBoolean:
        return MakeBooleans(part);
      case TypeId::kDecimal:
        return MakeDecimals(part);
      case TypeId::kVarchar:
      case TypeId::kBlob:
      case TypeId::kGeometry:
        return MakeTexts(part);
      case TypeId::kEnum:
        return MakeEnum(part);
      case TypeId::kList:
      case TypeId::kMap:
        return MakeList(part);
      case TypeId::kArray:
        return MakeArray(part);
      case TypeId::kStruct:
        return MakeStruct(part);
      default:
        return MakePlain(part, type->byte_width());
    }
  }

  // Converts values of any type to text.
  arrow::Result<ArrayPtr> MakePlainText(const VectorView& vector, const Selection& rows) const {
    arrow::StringBuilder builder;
    std::string text;
    for (uint64_t i = 0; i < rows.size(); ++i) {
      text.clear();
      if (!vector.IsNull(rows[i])) AppendPlainValue(vector, rows[i], options_, text);
      // The value in a union or a variant can be null.
      if (vector.IsNull(rows[i]) || (IsNested(vector.type().id) && text == "null")) {
        ARROW_RETURN_NOT_OK(builder.AppendNull());
      } else {
        ARROW_RETURN_NOT_OK(builder.Append(text));
      }
    }
    ArrayPtr array;
    ARROW_RETURN_NOT_OK(builder.FinishInternal(&array));
    return array;
  }

 private:
  struct Part {
    const VectorView& vector;
    const TypePtr& type;
    const Selection& rows;
    const Validity& validity;
  };

  static ArrayPtr Finish(const Part& part, std::vector<BufferPtr> buffers,
                         std::vector<ArrayPtr> children = {}) {
    buffers.insert(buffers.begin(), part.validity.bits());
    return arrow::ArrayData::Make(part.type, part.rows.length(), std::move(buffers),
                                  std::move(children), part.validity.null_count());
  }

  // Overwrites the values of null rows. DuckDB leaves old memory there, which must not be sent.
  template <class T>
  static void ZeroNulls(const Part& part, void* values) {
    if (part.validity.all_valid()) return;
    auto* out = static_cast<T*>(values);
    for (uint64_t i = 0; i < part.rows.size(); ++i) {
      if (part.validity.IsNull(i)) out[i] = 0;
    }
  }

  // Values of a fixed width with the same layout in DuckDB and Arrow.
  template <class T>
  static arrow::Result<BufferPtr> PlainValues(const Part& part) {
    const T* data = part.vector.Data<T>();
    const uint64_t bytes = part.rows.size() * sizeof(T);
    const bool is_range = part.rows.is_range();
    if (is_range && part.validity.all_valid()) return Wrap(data + part.rows.begin(), bytes);
    ARROW_ASSIGN_OR_RAISE(BufferPtr values, Allocate(bytes));
    auto* out = reinterpret_cast<T*>(values->mutable_data());
    if (is_range) {
      std::memcpy(out, data + part.rows.begin(), bytes);
      ZeroNulls<T>(part, out);
    } else {
      for (uint64_t i = 0; i < part.rows.size(); ++i) {
        out[i] = part.validity.IsNull(i) ? T{0} : data[part.rows[i]];
      }
    }
    return values;
  }

  template <class T>
  static arrow::Result<ArrayPtr> MakePlainOf(const Part& part) {
    ARROW_ASSIGN_OR_RAISE(BufferPtr values, PlainValues<T>(part));
    return Finish(part, {std::move(values)});
  }

  static arrow::Result<ArrayPtr> MakePlain(const Part& part, int32_t width) {
    switch (width) {
      case 1:
        return MakePlainOf<uint8_t>(part);
      case 2:
        return MakePlainOf<uint16_t>(part);
      case 4:
        return MakePlainOf<uint32_t>(part);
      case 8:
        return MakePlainOf<uint64_t>(part);
      default:
        return MakePlainOf<duck::Uint128>(part);
    }
  }

  // DuckDB has a byte for each boolean, Arrow a bit.
  static arrow::Result<ArrayPtr> MakeBooleans(const Part& part) {
    const uint64_t bytes = (part.rows.size() + 7) / 8;
    ARROW_ASSIGN_OR_RAISE(BufferPtr values, Allocate(bytes));
    uint8_t* out = values->mutable_data();
    std::memset(out, 0, bytes);
    const auto* data = part.vector.Data<uint8_t>();
    for (uint64_t i = 0; i < part.rows.size(); ++i) {
      const bool value = !part.validity.IsNull(i) && data[part.rows[i]] != 0;
      out[i / 8] = static_cast<uint8_t>(out[i / 8] | (unsigned{value} << (i % 8)));
    }
    return Finish(part, {std::move(values)});
  }

  template <class T>
  static void Widen(const Part& part, duck::Int128* out) {
    const T* data = part.vector.Data<T>();
    if (part.rows.is_range() && part.validity.all_valid()) {
      std::copy_n(data + part.rows.begin(), part.rows.size(), out);
      return;
    }
    for (uint64_t i = 0; i < part.rows.size(); ++i) {
      out[i] = part.validity.IsNull(i) ? 0 : data[part.rows[i]];
    }
  }

  // Always makes decimals of 128 bits, because few readers support Arrow's narrow decimals.
  static arrow::Result<ArrayPtr> MakeDecimals(const Part& part) {
    if (part.vector.type().storage == TypeId::kHugeint) {
      return MakePlainOf<duck::Uint128>(part);
    }
    ARROW_ASSIGN_OR_RAISE(BufferPtr values, Allocate(part.rows.size() * sizeof(duck::Int128)));
    auto* out = reinterpret_cast<duck::Int128*>(values->mutable_data());
    switch (part.vector.type().storage) {
      case TypeId::kSmallint:
        Widen<int16_t>(part, out);
        break;
      case TypeId::kInteger:
        Widen<int32_t>(part, out);
        break;
      default:
        Widen<int64_t>(part, out);
    }
    return Finish(part, {std::move(values)});
  }

  static bool IsAscii(std::string_view text) {
    uint64_t seen = 0;
    size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, text.data() + i, sizeof word);
      seen |= word;
    }
    for (; i < text.size(); ++i) seen |= static_cast<unsigned char>(text[i]);
    return (seen & 0x8080808080808080) == 0;
  }

  static arrow::Result<ArrayPtr> MakeTexts(const Part& part) {
    const uint64_t count = part.rows.size();
    const auto* texts = part.vector.Data<duck::StringRef>();
    std::vector<duck::StringRef> listed;
    if (part.rows.is_range()) {
      texts += part.rows.begin();
    } else {
      listed.resize(count);
      for (uint64_t i = 0; i < count; ++i) {
        if (!part.validity.IsNull(i)) listed[i] = texts[part.rows[i]];
      }
      texts = listed.data();
    }
    ARROW_ASSIGN_OR_RAISE(BufferPtr offsets, Allocate((count + 1) * sizeof(int32_t)));
    auto* offset = reinterpret_cast<int32_t*>(offsets->mutable_data());
    const bool has_nulls = !part.validity.all_valid();
    uint64_t size = 0;
    offset[0] = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (!has_nulls || !part.validity.IsNull(i)) size += texts[i].length;
      offset[i + 1] = static_cast<int32_t>(size);
    }
    if (size > std::numeric_limits<int32_t>::max()) return TooLarge();
    // Short texts are copied with a fixed size, which needs no call of memcpy.
    constexpr uint64_t kInlined = 12;
    ARROW_ASSIGN_OR_RAISE(auto bytes,
                          arrow::AllocateResizableBuffer(static_cast<int64_t>(size + kInlined)));
    auto* out = reinterpret_cast<char*>(bytes->mutable_data());
    for (uint64_t i = 0; i < count; ++i) {
      const auto length = static_cast<uint64_t>(offset[i + 1] - offset[i]);
      if (length == 0) continue;
      const duck::StringRef& text = texts[i];
      if (length <= kInlined) {
        std::memcpy(out + offset[i], reinterpret_cast<const char*>(&text) + sizeof text.length,
                    kInlined);
      } else {
        std::memcpy(out + offset[i], text.data, length);
      }
    }
    ARROW_RETURN_NOT_OK(bytes->Resize(static_cast<int64_t>(size), /*shrink_to_fit=*/false));
    if (part.type->id() == arrow::Type::STRING && !IsAscii({out, size})) {
      for (uint64_t i = 0; i < count; ++i) {
        const auto length = static_cast<size_t>(offset[i + 1] - offset[i]);
        if (!IsValidUtf8({out + offset[i], length})) return MakeValidTexts(part);
      }
    }
    return Finish(part, {std::move(offsets), BufferPtr(std::move(bytes))});
  }

  // Replaces invalid UTF-8, because readers may rely on valid utf8.
  static arrow::Result<ArrayPtr> MakeValidTexts(const Part& part) {
    arrow::StringBuilder builder;
    for (uint64_t i = 0; i < part.rows.size(); ++i) {
      if (part.validity.IsNull(i)) {
        ARROW_RETURN_NOT_OK(builder.AppendNull());
      } else {
        ARROW_RETURN_NOT_OK(builder.Append(ToValidUtf8(TextAt(part.vector, part.rows[i]))));
      }
    }
    ArrayPtr array;
    ARROW_RETURN_NOT_OK(builder.FinishInternal(&array));
    return array;
  }

  arrow::Result<ArrayPtr> MakeEnum(const Part& part) const {
    const auto& dictionary = static_cast<const arrow::DictionaryType&>(*part.type);
    ARROW_ASSIGN_OR_RAISE(ArrayPtr array, MakePlain(part, dictionary.index_type()->byte_width()));
    arrow::StringBuilder values;
    ARROW_RETURN_NOT_OK(values.AppendValues(part.vector.type().names));
    ARROW_RETURN_NOT_OK(values.FinishInternal(&array->dictionary));
    return array;
  }

  // In most vectors the lists are contiguous. Then the elements are a range too.
  arrow::Result<ArrayPtr> MakeList(const Part& part) const {
    const uint64_t count = part.rows.size();
    ARROW_ASSIGN_OR_RAISE(BufferPtr offsets, Allocate((count + 1) * sizeof(int32_t)));
    auto* offset = reinterpret_cast<int32_t*>(offsets->mutable_data());
    const auto* entries = part.vector.Data<duck::ListEntry>();
    uint64_t size = 0;
    std::optional<uint64_t> first;
    bool adjacent = true;
    offset[0] = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (!part.validity.IsNull(i) && entries[part.rows[i]].length > 0) {
        const duck::ListEntry& entry = entries[part.rows[i]];
        if (!first) first = entry.offset;
        adjacent = adjacent && entry.offset == *first + size;
        size += entry.length;
      }
      if (size > std::numeric_limits<int32_t>::max()) return TooLarge();
      offset[i + 1] = static_cast<int32_t>(size);
    }
    const uint64_t begin = first.value_or(0);
    const Selection elements =
        adjacent ? Selection(begin, begin + size) : ListedElements(part, entries, size);
    ARROW_ASSIGN_OR_RAISE(ArrayPtr child, MakeElements(part, elements));
    return Finish(part, {std::move(offsets)}, {std::move(child)});
  }

  static Selection ListedElements(const Part& part, const duck::ListEntry* entries, uint64_t size) {
    std::vector<uint64_t> listed;
    listed.reserve(size);
    for (uint64_t i = 0; i < part.rows.size(); ++i) {
      if (part.validity.IsNull(i)) continue;
      const duck::ListEntry& entry = entries[part.rows[i]];
      for (uint64_t k = 0; k < entry.length; ++k) listed.push_back(entry.offset + k);
    }
    return Selection(std::move(listed));
  }

  arrow::Result<ArrayPtr> MakeElements(const Part& part, const Selection& elements) const {
    const TypePtr& type = part.type->field(0)->type();
    if (part.vector.type().id == TypeId::kList) {
      return Make(part.vector.child(0), type, elements);
    }
    // The elements of a map are structs of key and value, which are never null.
    ARROW_ASSIGN_OR_RAISE(ArrayPtr keys,
                          Make(part.vector.child(0), type->field(0)->type(), elements));
    ARROW_ASSIGN_OR_RAISE(ArrayPtr values,
                          Make(part.vector.child(1), type->field(1)->type(), elements));
    return arrow::ArrayData::Make(type, elements.length(), {nullptr},
                                  {std::move(keys), std::move(values)}, 0);
  }

  arrow::Result<ArrayPtr> MakeArray(const Part& part) const {
    const uint64_t size = part.vector.type().array_size;
    const TypePtr& type = part.type->field(0)->type();
    ArrayPtr child;
    if (part.rows.is_range() && part.validity.all_valid()) {
      const uint64_t begin = part.rows.begin() * size;
      ARROW_ASSIGN_OR_RAISE(child, Make(part.vector.child(0), type,
                                        Selection(begin, begin + part.rows.size() * size)));
    } else {
      std::vector<uint64_t> listed;
      listed.reserve(part.rows.size() * size);
      for (uint64_t i = 0; i < part.rows.size(); ++i) {
        const bool absent = part.validity.IsNull(i);
        for (uint64_t k = 0; k < size; ++k) {
          listed.push_back(absent ? Selection::kAbsent : part.rows[i] * size + k);
        }
      }
      ARROW_ASSIGN_OR_RAISE(child, Make(part.vector.child(0), type, Selection(std::move(listed))));
    }
    return Finish(part, {}, {std::move(child)});
  }

  arrow::Result<ArrayPtr> MakeStruct(const Part& part) const {
    std::optional<Selection> present;
    if (!part.validity.all_valid()) {
      std::vector<uint64_t> listed(part.rows.size());
      for (uint64_t i = 0; i < part.rows.size(); ++i) {
        listed[i] = part.validity.IsNull(i) ? Selection::kAbsent : part.rows[i];
      }
      present.emplace(std::move(listed));
    }
    std::vector<ArrayPtr> children;
    for (size_t i = 0; i < part.vector.children().size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          ArrayPtr child, Make(part.vector.child(i), part.type->field(static_cast<int>(i))->type(),
                               present ? *present : part.rows));
      children.push_back(std::move(child));
    }
    return Finish(part, {}, std::move(children));
  }

  const JsonOptions& options_;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::ArrayData>> ToArrowArray(
    const VectorView& vector, const std::shared_ptr<arrow::DataType>& type, uint64_t begin,
    uint64_t end, const JsonOptions& options) {
  const ArrayMaker maker(options);
  const Selection rows(begin, end);
  const bool is_text = type->id() == arrow::Type::STRING && vector.type().id != TypeId::kVarchar;
  return is_text ? maker.MakePlainText(vector, rows) : maker.Make(vector, type, rows);
}

}  // namespace tarn::result
