#include "s3/xml.h"

#include <expat.h>
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace tarn::s3 {
namespace {

// A listing has three levels.
constexpr size_t kDepthMax = 16;

Error XmlError(std::string_view what) { return InvalidArgument(fmt::format("not XML: {}", what)); }

class Reader {
 public:
  using OnElement = std::function<Result<>(XmlPath, std::string_view)>;

  explicit Reader(const OnElement& on_element)
      : on_element_(on_element), parser_(XML_ParserCreate("UTF-8"), &XML_ParserFree) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(), [](void* self, const char* name, const char**) { Of(self).Begin(name); },
        [](void* self, const char*) { Of(self).End(); });
    XML_SetCharacterDataHandler(parser_.get(), [](void* self, const char* text, int length) {
      Of(self).AddText({text, static_cast<size_t>(length)});
    });
    XML_SetStartDoctypeDeclHandler(parser_.get(),
                                   [](void* self, const char*, const char*, const char*, int) {
                                     Of(self).Stop(XmlError("it has a document type"));
                                   });
  }

  Result<> Run(std::string_view xml) {
    if (xml.size() > std::numeric_limits<int>::max()) return InvalidArgument("too long to parse");
    const XML_Status status =
        XML_Parse(parser_.get(), xml.data(), static_cast<int>(xml.size()), /*isFinal=*/XML_TRUE);
    if (stopped_) return *stopped_;
    if (status != XML_STATUS_OK) {
      return XmlError(XML_ErrorString(XML_GetErrorCode(parser_.get())));
    }
    return {};
  }

 private:
  static Reader& Of(void* self) { return *static_cast<Reader*>(self); }

  void Begin(const char* name) {
    if (names_.size() == kDepthMax) return Stop(XmlError("nested too deeply"));
    names_.emplace_back(name);
    texts_.emplace_back();
  }

  void AddText(std::string_view text) {
    if (!stopped_) texts_.back() += text;
  }

  void End() {
    // Expat calls the handler once more for an empty element that failed to start.
    if (stopped_) return;
    if (const Result<> taken = on_element_(names_, texts_.back()); !taken.ok()) {
      return Stop(taken.error());
    }
    names_.pop_back();
    texts_.pop_back();
  }

  void Stop(Error error) {
    if (!stopped_) stopped_ = std::move(error);
    XML_StopParser(parser_.get(), /*resumable=*/XML_FALSE);
  }

  const OnElement& on_element_;
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)> parser_;
  std::vector<std::string> names_;
  std::vector<std::string> texts_;  // Of the same elements.
  std::optional<Error> stopped_;
};

}  // namespace

Result<> ReadXml(std::string_view xml,
                 const std::function<Result<>(XmlPath path, std::string_view text)>& on_element) {
  return Reader(on_element).Run(xml);
}

std::string XmlElement(std::string_view xml, std::string_view name) {
  std::optional<std::string> found;
  const Result<> read = ReadXml(xml, [&](XmlPath path, std::string_view text) -> Result<> {
    if (!found && path.back() == name) found = text;
    return {};
  });
  // The part before the error is valid.
  (void)read;
  return found.value_or("");
}

}  // namespace tarn::s3
