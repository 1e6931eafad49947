#include "result/json_encoder.h"

#include "result/json_value.h"
#include "result/value_text.h"

namespace tarn::result {

void AppendJsonSummary(const ResultSummary& summary, std::string& out) {
  out += R"("row_count":)";
  AppendInteger(summary.rows, out);
  if (summary.truncated) out += R"(,"truncated":true)";
  out += '}';
}

Result<> JsonEncoder::Begin(std::string& out) {
  out += R"({"columns":[)";
  for (size_t i = 0; i < names_.size(); ++i) {
    out += i > 0 ? R"(,{"name":)" : R"({"name":)";
    AppendJsonString(names_[i], out);
    out += R"(,"type":)";
    AppendJsonString(duck::TypeName(types_[i]), out);
    out += '}';
  }
  out += R"(],"rows":[)";
  return {};
}

Result<> JsonEncoder::Rows(const Columns& columns, uint64_t begin, uint64_t end, std::string& out) {
  for (uint64_t row = begin; row < end; ++row) {
    out += has_rows_ ? ",[" : "[";
    has_rows_ = true;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      AppendJsonValue(columns[i], row, options_, out);
    }
    out += ']';
  }
  return {};
}

Result<> JsonEncoder::End(const ResultSummary& summary, std::string& out) {
  out += "],";
  AppendJsonSummary(summary, out);
  return {};
}

}  // namespace tarn::result
