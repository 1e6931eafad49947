#include "result/result_encoder.h"

#include <fmt/format.h>

#include "result/arrow_encoder.h"
#include "result/csv_encoder.h"
#include "result/json_encoder.h"
#include "result/ndjson_encoder.h"

namespace tarn::result {
namespace {

Result<> RefuseUnknownTypes(const std::vector<duck::ColumnType>& types) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (!duck::HasUnknown(types[i])) continue;
    return InvalidArgument(
        fmt::format("column {} has a type that has no encoding, cast it to VARCHAR", i + 1));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ResultEncoder>> MakeEncoder(Format format, const JsonOptions& options,
                                                   const std::vector<std::string>& names,
                                                   const std::vector<duck::ColumnType>& types) {
  TARN_CHECK_OK(RefuseUnknownTypes(types));
  std::unique_ptr<ResultEncoder> encoder;
  switch (format) {
    case Format::kJson:
      encoder = std::make_unique<JsonEncoder>(names, types, options);
      break;
    case Format::kNdjson:
      encoder = std::make_unique<NdjsonEncoder>(names, options);
      break;
    case Format::kCsv:
      encoder = std::make_unique<CsvEncoder>(names, options);
      break;
    case Format::kArrow:
      encoder = MakeArrowEncoder(names, types, options);
      break;
  }
  return encoder;
}

}  // namespace tarn::result
