#include "result/variant_json.h"

#include <cmath>
#include <cstring>

#include "result/value_text.h"

namespace tarn::result {
namespace {

using duck::ListEntry;
using duck::VectorView;

// duckdb::VariantLogicalType.
enum class VariantType : uint8_t {
  kNull = 0,
  kTrue,
  kFalse,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kInt128,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kUint128,
  kFloat,
  kDouble,
  kDecimal,
  kVarchar,
  kBlob,
  kUuid,
  kDate,
  kTimeMicros,
  kTimeNanos,
  kTimestampSec,
  kTimestampMillis,
  kTimestampMicros,
  kTimestampNanos,
  kTimeMicrosTz,
  kTimestampMicrosTz,
  kInterval,
  kObject,
  kArray,
  kBignum,
  kBitstring,
  kGeometry,
};

// Reads a payload from its start. Missing bytes read as zero.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T Take() {
    T value{};
    if (bytes_.size() >= sizeof(T)) {
      std::memcpy(&value, bytes_.data(), sizeof(T));
      bytes_.remove_prefix(sizeof(T));
    }
    return value;
  }

  // A variable-length integer: little-endian groups of seven bits.
  uint32_t TakeVarint() {
    uint32_t value = 0;
    for (int shift = 0; shift < 35 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<uint32_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) break;
    }
    return value;
  }

  std::string_view TakeText() {
    const uint32_t length = TakeVarint();
    return bytes_.substr(0, length);
  }

 private:
  std::string_view bytes_;
};

class VariantWriter {
 public:
  VariantWriter(const VectorView& vector, uint64_t row, const JsonOptions& options,
                std::string& out)
      : vector_(vector),
        keys_(vector.child(duck::kVariantKeys).At<ListEntry>(row)),
        children_(vector.child(duck::kVariantChildren).At<ListEntry>(row)),
        values_(vector.child(duck::kVariantValues).At<ListEntry>(row)),
        data_(vector.child(duck::kVariantData).Data<duck::StringRef>()[row].view()),
        options_(options),
        out_(out) {}

  void Append(uint32_t index) {
    if (index >= values_.length) {
      out_ += "null";
      return;
    }
    const uint64_t at = values_.offset + index;
    const auto type = static_cast<VariantType>(vector_.child(duck::kVariantTypeId).At<uint8_t>(at));
    const auto offset = vector_.child(duck::kVariantByteOffset).At<uint32_t>(at);
    Reader payload(offset <= data_.size() ? data_.substr(offset) : std::string_view());
    if (type == VariantType::kObject || type == VariantType::kArray) {
      AppendNested(type == VariantType::kObject, payload);
    } else {
      AppendScalar(type, payload);
    }
  }

 private:
  void AppendNested(bool object, Reader& payload) {
    const uint32_t count = payload.TakeVarint();
    const uint32_t first = count == 0 ? 0 : payload.TakeVarint();
    out_ += object ? '{' : '[';
    for (uint32_t i = 0; i < count && first + i < children_.length; ++i) {
      if (i > 0) out_ += ',';
      const uint64_t child = children_.offset + first + i;
      if (object) {
        AppendJsonString(Key(vector_.child(duck::kVariantKeysIndex).At<uint32_t>(child)), out_);
        out_ += ':';
      }
      Append(vector_.child(duck::kVariantValuesIndex).At<uint32_t>(child));
    }
    out_ += object ? '}' : ']';
  }

  std::string_view Key(uint32_t index) const {
    if (index >= keys_.length) return "";
    return vector_.child(duck::kVariantKey).Data<duck::StringRef>()[keys_.offset + index].view();
  }

  template <class T>
  void AppendInt(Reader& payload) {
    AppendJsonHugeint(payload.Take<T>(), options_, out_);
  }

  template <class T>
  void AppendReal(T value) {
    const bool finite = std::isfinite(value);
    if (!finite) out_ += '"';
    if constexpr (sizeof(T) == 4) {
      AppendFloat(value, out_);
    } else {
      AppendDouble(value, out_);
    }
    if (!finite) out_ += '"';
  }

  void AppendDecimalValue(Reader& payload) {
    const uint32_t width = payload.TakeVarint();
    const auto scale = static_cast<uint8_t>(payload.TakeVarint());
    duck::Int128 unscaled = 0;
    if (width <= 4) {
      unscaled = payload.Take<int16_t>();
    } else if (width <= 9) {
      unscaled = payload.Take<int32_t>();
    } else if (width <= 18) {
      unscaled = payload.Take<int64_t>();
    } else {
      unscaled = payload.Take<duck::Int128>();
    }
    AppendJsonDecimal(unscaled, scale, options_, out_);
  }

  void AppendScalar(VariantType type, Reader& payload) {
    switch (type) {
      case VariantType::kTrue:
        out_ += "true";
        return;
      case VariantType::kFalse:
        out_ += "false";
        return;
      case VariantType::kInt8:
        return AppendInt<int8_t>(payload);
      case VariantType::kInt16:
        return AppendInt<int16_t>(payload);
      case VariantType::kInt32:
        return AppendInt<int32_t>(payload);
      case VariantType::kInt64:
        return AppendInt<int64_t>(payload);
      case VariantType::kInt128:
        return AppendInt<duck::Int128>(payload);
      case VariantType::kUint8:
        return AppendInt<uint8_t>(payload);
      case VariantType::kUint16:
        return AppendInt<uint16_t>(payload);
      case VariantType::kUint32:
        return AppendInt<uint32_t>(payload);
      case VariantType::kUint64:
        return AppendInt<uint64_t>(payload);
      case VariantType::kUint128:
        return AppendJsonUhugeint(payload.Take<duck::Uint128>(), options_, out_);
      case VariantType::kFloat:
        return AppendReal(payload.Take<float>());
      case VariantType::kDouble:
        return AppendReal(payload.Take<double>());
      case VariantType::kDecimal:
        return AppendDecimalValue(payload);
      case VariantType::kVarchar:
        return AppendJsonString(payload.TakeText(), out_);
      case VariantType::kBignum:
        return AppendJsonBignum(payload.TakeText(), options_, out_);
      case VariantType::kTimestampMicrosTz:
        return AppendJsonTimestampTz(payload.Take<int64_t>(), out_);
      default:
        return AppendQuotedScalar(type, payload);
    }
  }

  void AppendQuotedScalar(VariantType type, Reader& payload) {
    const size_t start = out_.size();
    out_ += '"';
    switch (type) {
      case VariantType::kBlob:
      case VariantType::kGeometry:
        AppendBase64(payload.TakeText(), out_);
        break;
      case VariantType::kBitstring:
        AppendBits(payload.TakeText(), out_);
        break;
      case VariantType::kUuid:
        AppendUuid(payload.Take<duck::Int128>(), out_);
        break;
      case VariantType::kDate:
        AppendDate(payload.Take<int32_t>(), out_);
        break;
      case VariantType::kTimeMicros:
        AppendTime(payload.Take<int64_t>(), out_);
        break;
      case VariantType::kTimeNanos:
        AppendTimeNs(payload.Take<int64_t>(), out_);
        break;
      case VariantType::kTimeMicrosTz:
        AppendTimeTz(payload.Take<uint64_t>(), out_);
        break;
      case VariantType::kTimestampSec:
        AppendTimestampS(payload.Take<int64_t>(), out_);
        break;
      case VariantType::kTimestampMillis:
        AppendTimestampMs(payload.Take<int64_t>(), out_);
        break;
      case VariantType::kTimestampMicros:
        AppendTimestampUs(payload.Take<int64_t>(), out_);
        break;
      case VariantType::kTimestampNanos:
        AppendTimestampNs(payload.Take<int64_t>(), out_);
        break;
      case VariantType::kInterval:
        AppendInterval(payload.Take<duck::IntervalValue>(), out_);
        break;
      default:  // kNull, and the types of later storage versions.
        out_.resize(start);
        out_ += "null";
        return;
    }
    out_ += '"';
  }

  const VectorView& vector_;
  ListEntry keys_;
  ListEntry children_;
  ListEntry values_;
  std::string_view data_;
  const JsonOptions& options_;
  std::string& out_;
};

}  // namespace

void AppendVariant(const VectorView& vector, uint64_t row, const JsonOptions& options,
                   std::string& out) {
  VariantWriter(vector, row, options, out).Append(0);
}

}  // namespace tarn::result
