#include "base/exact_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace tarn {
namespace {

// A SAX handler, because only the SAX interface of nlohmann/json passes on the digits of a number.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(ExactJson& root) : root_(root) {}

  const std::string& error() const { return error_; }

  bool null() override { return Put({}); }
  bool boolean(bool value) override {
    return Put({.kind = ExactJson::Kind::kBool, .boolean = value});
  }
  // nlohmann/json passes -0 as 0, which is the same integer.
  bool number_integer(number_integer_t value) override { return PutNumber(fmt::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return PutNumber(fmt::to_string(value));
  }
  bool number_float(number_float_t, const std::string& digits) override {
    return PutNumber(digits);
  }
  bool string(std::string& value) override {
    return Put({.kind = ExactJson::Kind::kText, .text = std::move(value)});
  }
  bool binary(nlohmann::json::binary_t&) override { return Fail("binary data"); }

  bool start_array(size_t) override { return Open(ExactJson::Kind::kList); }
  bool end_array() override { return Close(); }
  bool start_object(size_t) override { return Open(ExactJson::Kind::kObject); }
  bool key(std::string& name) override {
    open_.back()->names.push_back(std::move(name));
    return true;
  }
  bool end_object() override {
    const std::vector<std::string>& names = open_.back()->names;
    std::vector<std::string_view> sorted(names.begin(), names.end());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) return Fail(fmt::format("duplicate name \"{}\"", *twice));
    return Close();
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    return Fail(error.what());
  }

 private:
  bool Fail(std::string_view why) {
    if (error_.empty()) error_ = JsonReason(why);
    return false;
  }
  bool PutNumber(std::string digits) {
    return Put({.kind = ExactJson::Kind::kNumber, .text = std::move(digits)});
  }
  // The target of the next value: the end of the innermost open list or object, or the root.
  ExactJson& NextTarget() { return open_.empty() ? root_ : open_.back()->items.emplace_back(); }
  bool Count() {
    return ++values_ <= kJsonValuesMax || Fail(JsonTooManyValuesError(kJsonValuesMax).message);
  }
  bool Put(ExactJson value) {
    if (!Count()) return false;
    NextTarget() = std::move(value);
    return true;
  }
  bool Open(ExactJson::Kind kind) {
    if (open_.size() == kJsonDepthMax) return Fail(JsonTooDeepError(kJsonDepthMax).message);
    if (!Count()) return false;
    ExactJson& value = NextTarget();
    value.kind = kind;
    open_.push_back(&value);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  ExactJson& root_;
  // From the outermost to the innermost. The pointers stay valid, because a list gets no further
  // items while one of its items is open.
  std::vector<ExactJson*> open_;
  size_t values_ = 0;
  std::string error_;
};

std::string DumpText(std::string_view text) { return nlohmann::json(text).dump(); }

void DumpTo(const ExactJson& value, std::string& out) {
  using Kind = ExactJson::Kind;
  switch (value.kind) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += value.boolean ? "true" : "false";
      break;
    case Kind::kNumber:
      out += value.text;
      break;
    case Kind::kText:
      out += DumpText(value.text);
      break;
    case Kind::kList:
    case Kind::kObject: {
      const bool is_object = value.kind == Kind::kObject;
      out += is_object ? '{' : '[';
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out += ',';
        if (is_object) out += DumpText(value.names[i]) + ':';
        DumpTo(value.items[i], out);
      }
      out += is_object ? '}' : ']';
      break;
    }
  }
}

}  // namespace

const ExactJson* ExactJson::Find(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? nullptr : &items[static_cast<size_t>(found - names.begin())];
}

std::string ExactJson::Dump() const {
  std::string out;
  DumpTo(*this, out);
  return out;
}

Result<ExactJson> ParseExactJson(std::string_view text) {
  ExactJson root;
  Builder builder(root);
  if (!nlohmann::json::sax_parse(text, &builder)) return InvalidArgument(builder.error());
  return root;
}

}  // namespace tarn
