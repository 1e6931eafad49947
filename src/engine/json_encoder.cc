#include "engine/json_encoder.h"

#include "engine/value_text.h"

namespace tarn::engine {

void JsonEncoder::Begin(const std::vector<std::string>& names,
                        const std::vector<duck::ColumnType>& types, std::string& out) {
  out += R"({"columns":[)";
  for (size_t i = 0; i < names.size(); ++i) {
    out += i > 0 ? R"(,{"name":)" : R"({"name":)";
    AppendJsonString(names[i], out);
    out += R"(,"type":)";
    AppendJsonString(duck::TypeName(types[i]), out);
    out += '}';
  }
  out += R"(],"rows":[)";
}

void JsonEncoder::Rows(const duck::Chunk& chunk, std::string& out) {
  const auto& columns = chunk.columns();
  for (uint64_t row = 0; row < chunk.row_count(); ++row) {
    out += row_count_++ > 0 ? ",[" : "[";
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      AppendJsonValue(columns[i], row, options_, out);
    }
    out += ']';
  }
}

void JsonEncoder::End(std::string& out) {
  out += R"(],"row_count":)";
  AppendInteger(row_count_, out);
  out += '}';
}

}  // namespace tarn::engine
