#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::s3 {

// The names of the elements that are open, the outermost first.
using XmlPath = std::span<const std::string>;

// Reads a document as object stores write them: elements and text, without attributes.
// `on_element` is called at the end of each element, its children first, with the text that stands
// in it directly; an error of it ends the reading.
//
// The text comes from outside: what is not well-formed, nests deeper than any answer does, or has a
// document type (which may declare entities) is an error.
Result<> ReadXml(std::string_view xml,
                 const std::function<Result<>(XmlPath path, std::string_view text)>& on_element);

// The text of the first element of that name, also of a document that is cut off or broken after
// it. Empty: it is not there.
std::string XmlElement(std::string_view xml, std::string_view name);

}  // namespace tarn::s3
