#include "result/scalar_text.h"

#include "result/value_text.h"

namespace tarn::result {

using duck::TypeId;
using duck::VectorView;

duck::Int128 DecimalAt(const VectorView& vector, uint64_t row) {
  switch (vector.type().storage) {
    case TypeId::kSmallint:
      return vector.At<int16_t>(row);
    case TypeId::kInteger:
      return vector.At<int32_t>(row);
    case TypeId::kBigint:
      return vector.At<int64_t>(row);
    default:
      return vector.At<duck::Int128>(row);
  }
}

std::string_view EnumAt(const VectorView& vector, uint64_t row) {
  const auto& names = vector.type().names;
  switch (vector.type().storage) {
    case TypeId::kUtinyint:
      return names[vector.At<uint8_t>(row)];
    case TypeId::kUsmallint:
      return names[vector.At<uint16_t>(row)];
    default:
      return names[vector.At<uint32_t>(row)];
  }
}

std::string_view TextAt(const VectorView& vector, uint64_t row) {
  return vector.Data<duck::StringRef>()[row].view();
}

void AppendScalarText(const VectorView& vector, uint64_t row, std::string& out) {
  switch (vector.type().id) {
    case TypeId::kBoolean:
      out += vector.At<uint8_t>(row) != 0 ? "true" : "false";
      return;
    case TypeId::kTinyint:
      return AppendInteger(int64_t{vector.At<int8_t>(row)}, out);
    case TypeId::kSmallint:
      return AppendInteger(int64_t{vector.At<int16_t>(row)}, out);
    case TypeId::kInteger:
      return AppendInteger(int64_t{vector.At<int32_t>(row)}, out);
    case TypeId::kBigint:
      return AppendInteger(vector.At<int64_t>(row), out);
    case TypeId::kHugeint:
      return AppendHugeint(vector.At<duck::Int128>(row), out);
    case TypeId::kUtinyint:
      return AppendInteger(uint64_t{vector.At<uint8_t>(row)}, out);
    case TypeId::kUsmallint:
      return AppendInteger(uint64_t{vector.At<uint16_t>(row)}, out);
    case TypeId::kUinteger:
      return AppendInteger(uint64_t{vector.At<uint32_t>(row)}, out);
    case TypeId::kUbigint:
      return AppendInteger(vector.At<uint64_t>(row), out);
    case TypeId::kUhugeint:
      return AppendUhugeint(vector.At<duck::Uint128>(row), out);
    case TypeId::kFloat:
      return AppendFloat(vector.At<float>(row), out);
    case TypeId::kDouble:
      return AppendDouble(vector.At<double>(row), out);
    case TypeId::kDecimal:
      return AppendDecimal(DecimalAt(vector, row), vector.type().scale, out);
    case TypeId::kBignum:
      return AppendBignum(TextAt(vector, row), out);
    case TypeId::kVarchar:
      out += TextAt(vector, row);
      return;
    case TypeId::kEnum:
      out += EnumAt(vector, row);
      return;
    case TypeId::kBlob:
    case TypeId::kGeometry:
      return AppendBase64(TextAt(vector, row), out);
    case TypeId::kBit:
      return AppendBits(TextAt(vector, row), out);
    case TypeId::kUuid:
      return AppendUuid(vector.At<duck::Int128>(row), out);
    case TypeId::kDate:
      return AppendDate(vector.At<int32_t>(row), out);
    case TypeId::kTime:
      return AppendTime(vector.At<int64_t>(row), out);
    case TypeId::kTimeNs:
      return AppendTimeNs(vector.At<int64_t>(row), out);
    case TypeId::kTimeTz:
      return AppendTimeTz(vector.At<uint64_t>(row), out);
    case TypeId::kTimestamp:
      return AppendTimestampUs(vector.At<int64_t>(row), out);
    case TypeId::kTimestampS:
      return AppendTimestampS(vector.At<int64_t>(row), out);
    case TypeId::kTimestampMs:
      return AppendTimestampMs(vector.At<int64_t>(row), out);
    case TypeId::kTimestampNs:
      return AppendTimestampNs(vector.At<int64_t>(row), out);
    case TypeId::kTimestampTz:
      return AppendTimestampTz(vector.At<int64_t>(row), out);
    case TypeId::kInterval:
      return AppendInterval(vector.At<duck::IntervalValue>(row), out);
    case TypeId::kUnknown:
    case TypeId::kNull:
    case TypeId::kList:
    case TypeId::kArray:
    case TypeId::kStruct:
    case TypeId::kMap:
    case TypeId::kUnion:
    case TypeId::kVariant:
      return;
  }
}

}  // namespace tarn::result
