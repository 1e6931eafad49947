#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::s3 {

// The names of the open elements, the outermost first.
using XmlPath = std::span<const std::string>;

// Parses XML as object stores send it: elements and text, without attributes. `on_element` is
// called at the end of each element, after its children, with the element's own text. An error from
// it ends the parsing.
//
// The text is untrusted: malformed XML, deep nesting and document types (which may declare
// entities) are errors.
Result<> ReadXml(std::string_view xml,
                 const std::function<Result<>(XmlPath path, std::string_view text)>& on_element);

// The text of the first element with that name, even if the document is broken after it; empty if
// there is none.
std::string XmlElement(std::string_view xml, std::string_view name);

}  // namespace tarn::s3
