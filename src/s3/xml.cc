#include "s3/xml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"

namespace tarn::s3 {
namespace {

// A listing has three.
constexpr size_t kDepthMax = 16;
constexpr std::string_view kSpace = " \t\r\n";

Error Broken(const std::string& what) { return InvalidArgument("not XML: " + what); }

void AppendUtf8(uint32_t code, std::string& out) {
  const auto tail = [&](int shift) {
    out += static_cast<char>(0x80U | ((code >> static_cast<unsigned>(shift)) & 0x3FU));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | (code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

// "#38" or "#x26": stores write control characters of keys so, though XML has no room for them.
std::optional<uint32_t> CharacterOf(std::string_view reference) {
  reference.remove_prefix(1);
  const bool is_hex = reference.starts_with('x');
  if (is_hex) reference.remove_prefix(1);
  uint32_t code = 0;
  const char* end = reference.data() + reference.size();
  const auto [stop, error] = std::from_chars(reference.data(), end, code, is_hex ? 16 : 10);
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (error != std::errc() || stop != end || code == 0 || code > 0x10FFFF || is_surrogate) {
    return std::nullopt;
  }
  return code;
}

Result<> AppendText(std::string_view text, std::string& out) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  while (!text.empty()) {
    const size_t begin = std::min(text.find('&'), text.size());
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    const size_t end = text.find(';');
    if (end == std::string_view::npos) return Broken("a reference has no end");
    const std::string_view name = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (name.starts_with('#')) {
      const auto code = CharacterOf(name);
      if (!code) return Broken("a reference is no character");
      AppendUtf8(*code, out);
      continue;
    }
    const auto* entity = std::find_if(kEntities.begin(), kEntities.end(),
                                      [&](const auto& each) { return each.first == name; });
    if (entity == kEntities.end()) return Broken("an entity is not known");
    out += entity->second;
  }
  return {};
}

bool IsSpace(std::string_view text) {
  return text.find_first_not_of(kSpace) == std::string_view::npos;
}

class Reader {
 public:
  using OnElement = std::function<Result<>(XmlPath, std::string_view)>;

  Reader(std::string_view xml, const OnElement& on_element) : rest_(xml), on_element_(on_element) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  Result<> Run() {
    while (!rest_.empty()) TARN_CHECK_OK(ReadNext());
    if (!names_.empty()) return Broken("it ends in the middle");
    if (!has_root_) return Broken("there is nothing");
    return {};
  }

 private:
  Result<> ReadNext() {
    if (rest_.starts_with("<?")) return Skip("?>");
    if (rest_.starts_with("<!--")) return Skip("-->");
    if (rest_.starts_with("<![CDATA[")) return ReadCharacterData();
    // A document type would bring entities.
    if (rest_.starts_with("<!")) return Broken("it has a declaration");
    if (rest_.starts_with("</")) return ReadEnd();
    if (rest_.starts_with('<')) return ReadBegin();
    return ReadText();
  }

  Result<std::string_view> Take(std::string_view until) {
    const size_t end = rest_.find(until);
    if (end == std::string_view::npos) return Broken("it ends in the middle");
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end + until.size());
    return taken;
  }

  Result<> Skip(std::string_view until) {
    TARN_CHECK_OK(Take(until));
    return {};
  }

  Result<> ReadCharacterData() {
    if (names_.empty()) return Broken("there is text outside of the elements");
    constexpr std::string_view kBegin = "<![CDATA[";
    rest_.remove_prefix(kBegin.size());
    TARN_TRY(const std::string_view text, Take("]]>"));
    texts_.back() += text;
    return {};
  }

  Result<> ReadText() {
    const std::string_view text = rest_.substr(0, rest_.find('<'));
    rest_.remove_prefix(text.size());
    if (!names_.empty()) return AppendText(text, texts_.back());
    if (!IsSpace(text)) return Broken("there is text outside of the elements");
    return {};
  }

  Result<> ReadBegin() {
    rest_.remove_prefix(1);
    const std::string_view name = rest_.substr(0, rest_.find_first_of(" \t\r\n/>"));
    if (name.empty() || name.find_first_of("<&\"'=") != std::string_view::npos) {
      return Broken("an element has no name");
    }
    rest_.remove_prefix(name.size());
    TARN_CHECK_OK(SkipAttributes());
    if (names_.empty() && has_root_) return Broken("it has two roots");
    if (names_.size() == kDepthMax) return Broken("it nests too deeply");
    has_root_ = true;
    names_.push_back(name);
    texts_.emplace_back();
    if (rest_.starts_with("/>")) {
      rest_.remove_prefix(2);
      return End();
    }
    rest_.remove_prefix(1);
    return {};
  }

  // Up to the ">" or "/>" of an element's begin.
  Result<> SkipAttributes() {
    for (;;) {
      const size_t at = rest_.find_first_of("\"'/><");
      if (at == std::string_view::npos) return Broken("it ends in the middle");
      rest_.remove_prefix(at);
      if (rest_.starts_with('>') || rest_.starts_with("/>")) return {};
      const char quote = rest_.front();
      if (quote != '"' && quote != '\'') return Broken("an attribute has no quotes");
      rest_.remove_prefix(1);
      TARN_CHECK_OK(Skip(std::string_view(&quote, 1)));
    }
  }

  Result<> ReadEnd() {
    rest_.remove_prefix(2);
    TARN_TRY(const std::string_view text, Take(">"));
    const std::string_view name = text.substr(0, text.find_first_of(kSpace));
    if (names_.empty() || names_.back() != name || !IsSpace(text.substr(name.size()))) {
      return Broken("an element ends that did not begin");
    }
    return End();
  }

  Result<> End() {
    TARN_CHECK_OK(on_element_(names_, texts_.back()));
    names_.pop_back();
    texts_.pop_back();
    return {};
  }

  std::string_view rest_;
  const OnElement& on_element_;
  std::vector<std::string_view> names_;
  std::vector<std::string> texts_;  // Of the same elements.
  bool has_root_ = false;
};

}  // namespace

Result<> ReadXml(std::string_view xml,
                 const std::function<Result<>(XmlPath path, std::string_view text)>& on_element) {
  return Reader(xml, on_element).Run();
}

std::string XmlElement(std::string_view xml, std::string_view name) {
  std::optional<std::string> found;
  const Result<> read = ReadXml(xml, [&](XmlPath path, std::string_view text) -> Result<> {
    if (!found && path.back() == name) found = text;
    return {};
  });
  // What came before the place where it breaks is good.
  (void)read;
  return found.value_or("");
}

}  // namespace tarn::s3
