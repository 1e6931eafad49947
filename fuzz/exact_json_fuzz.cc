// base/exact_json: accepts exactly the texts that are JSON, and preserves every value.

#include <nlohmann/json.hpp>

#include "base/exact_json.h"
#include "fuzz.h"

namespace {

using tarn::ExactJson;

size_t DepthOf(const ExactJson& value) {
  size_t depth = 0;
  for (const ExactJson& item : value.items) depth = std::max(depth, DepthOf(item));
  return depth + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = tarn::fuzz::Text(data, size);
  const auto parsed = tarn::ParseExactJson(text);
  if (!parsed.ok()) {
    FUZZ_CHECK(parsed.error().kind == tarn::ErrorKind::kInvalidArgument, parsed.error().message);
    FUZZ_CHECK(!parsed.error().message.empty(), text);
    return 0;
  }
  FUZZ_CHECK(nlohmann::json::accept(text), text);
  FUZZ_CHECK(DepthOf(*parsed) <= tarn::kJsonDepthMax + 1, text);
  const std::string dumped = parsed->Dump();
  const auto again = tarn::ParseExactJson(dumped);
  FUZZ_CHECK(again.ok(), dumped);
  FUZZ_CHECK(again->Dump() == dumped, dumped);
  // No value is lost or changed. Names that occur twice are an error, so nlohmann drops none.
  FUZZ_CHECK(nlohmann::json::parse(dumped) == nlohmann::json::parse(text), dumped);
  return 0;
}
