#include "result/result_encoder.h"

#include <fmt/format.h>

#include "result/arrow_encoder.h"
#include "result/csv_encoder.h"
#include "result/json_encoder.h"
#include "result/ndjson_encoder.h"

namespace tarn::engine {
namespace {

Result<> RefuseUnknownTypes(const duck::ResultStream& rows) {
  for (size_t i = 0; i < rows.types().size(); ++i) {
    if (!duck::HasUnknown(rows.types()[i])) continue;
    return InvalidArgument(
        fmt::format("column {} has a type that has no encoding, cast it to VARCHAR", i + 1));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ResultEncoder>> MakeEncoder(Format format, const JsonOptions& options,
                                                   const duck::ResultStream& rows) {
  TARN_CHECK_OK(RefuseUnknownTypes(rows));
  std::unique_ptr<ResultEncoder> encoder;
  switch (format) {
    case Format::kJson:
      encoder = std::make_unique<JsonEncoder>(rows.names(), rows.types(), options);
      break;
    case Format::kNdjson:
      encoder = std::make_unique<NdjsonEncoder>(rows.names(), options);
      break;
    case Format::kCsv:
      encoder = std::make_unique<CsvEncoder>(rows.names(), options);
      break;
    case Format::kArrow:
      encoder = MakeArrowEncoder(rows.names(), rows.types(), options);
      break;
  }
  return encoder;
}

}  // namespace tarn::engine
