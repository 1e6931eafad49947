#include "base/bounded_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"

namespace tarn {
namespace {

constexpr size_t kReasonBytesMax = 300;

// Counts the values and the depth of a text without storing them.
class LimitCheck : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit LimitCheck(const JsonLimits& limits) : limits_(limits) {}

  Error error() { return error_ ? std::move(*error_) : InvalidArgument("not a value"); }

  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(number_integer_t) override { return Count(); }
  bool number_unsigned(number_unsigned_t) override { return Count(); }
  bool number_float(number_float_t, const std::string&) override { return Count(); }
  bool string(std::string&) override { return Count(); }
  bool binary(nlohmann::json::binary_t&) override { return Count(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_array() override { return Leave(); }
  bool start_object(size_t) override { return Enter(); }
  bool key(std::string&) override { return true; }
  bool end_object() override { return Leave(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    return Fail(InvalidArgument(JsonReason(error.what())));
  }

 private:
  bool Fail(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }
  bool Count() {
    if (++values_ > limits_.values) return Fail(JsonTooManyValuesError(limits_.values));
    return true;
  }
  bool Enter() {
    if (++depth_ > limits_.depth) return Fail(JsonTooDeepError(limits_.depth));
    return Count();
  }
  bool Leave() {
    --depth_;
    return true;
  }

  const JsonLimits limits_;
  size_t values_ = 0;
  size_t depth_ = 0;
  std::optional<Error> error_;
};

template <class Json>
Result<Json> ParseTree(std::string_view text, const JsonLimits& limits) {
  LimitCheck check(limits);
  if (!nlohmann::json::sax_parse(text, &check)) return check.error();
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return InvalidArgument(JsonReason(e.what()));
  }
}

}  // namespace

Result<nlohmann::json> ParseBoundedJson(std::string_view text, const JsonLimits& limits) {
  return ParseTree<nlohmann::json>(text, limits);
}

Result<nlohmann::ordered_json> ParseBoundedOrderedJson(std::string_view text,
                                                       const JsonLimits& limits) {
  return ParseTree<nlohmann::ordered_json>(text, limits);
}

std::string JsonReason(std::string_view what) {
  // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
  if (const size_t end = what.find("] ");
      what.starts_with("[json.exception.") && end != std::string_view::npos) {
    what.remove_prefix(end + 2);
  }
  // The reason may quote invalid UTF-8, and the limit may split a character.
  if (what.size() <= kReasonBytesMax) return ToValidUtf8(what);
  return ToValidUtf8(what.substr(0, kReasonBytesMax)) + "…";
}

Error JsonTooDeepError(size_t depth_max) {
  return InvalidArgument(fmt::format("lists and objects are nested more than {} deep", depth_max));
}

Error JsonTooManyValuesError(size_t values_max) {
  return {ErrorKind::kTooLarge, fmt::format("more than {} values", values_max)};
}

}  // namespace tarn
