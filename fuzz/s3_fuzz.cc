// s3: responses of an object store: lists of objects, errors, and Content-Range.

#include <fmt/format.h>

#include "base/text.h"
#include "fuzz.h"
#include "s3/content_range.h"
#include "s3/listing.h"
#include "s3/xml.h"

using namespace tarn::s3;  // NOLINT: the namespace under test

namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c < 0;
    out += is_plain ? std::string(1, c) : fmt::format("&#{};", static_cast<int>(c));
  }
  return out;
}

// Formats the list as a store would. Parsing it must give the same list.
std::string Format(const ListingPage& page) {
  std::string xml = "<ListBucketResult><EncodingType>url</EncodingType>";
  for (const ListedObject& object : page.objects) {
    xml += fmt::format("<Contents><Key>{}</Key><ETag>{}</ETag><Size>{}</Size></Contents>",
                       tarn::PercentEncode(object.key), Escaped(object.etag), object.bytes);
  }
  return xml +
         fmt::format("<IsTruncated>{}</IsTruncated>{}</ListBucketResult>", !page.next.empty(),
                     "<NextContinuationToken>" + Escaped(page.next) + "</NextContinuationToken>");
}

void CheckListing(std::string_view xml) {
  const auto page = ParseListing(xml);
  if (!page.ok()) {
    FUZZ_CHECK(page.error().kind == tarn::ErrorKind::kUnavailable, page.error().message);
    return;
  }
  for (const ListedObject& object : page->objects) FUZZ_CHECK(!object.key.empty(), xml);
  const std::string formatted = Format(*page);
  const auto again = ParseListing(formatted);
  FUZZ_CHECK(again.ok(), formatted + "\n" + again.error().message);
  FUZZ_CHECK(*again == *page, formatted);
}

void CheckXml(std::string_view xml) {
  size_t depth_max = 0;
  const auto read = ReadXml(xml, [&](XmlPath path, std::string_view /*text*/) -> tarn::Result<> {
    FUZZ_CHECK(!path.empty() && !path.back().empty(), xml);
    depth_max = std::max(depth_max, path.size());
    return {};
  });
  FUZZ_CHECK(depth_max <= 16, xml);
  FUZZ_CHECK(!read.ok() || depth_max > 0, xml);
  (void)XmlElement(xml, "Code");
}

void CheckContentRange(std::string_view text) {
  const auto range = ParseContentRange(text);
  if (!range) return;
  FUZZ_CHECK(range->bytes > 0 && range->begin < range->object_bytes, text);
  FUZZ_CHECK(range->bytes <= range->object_bytes - range->begin, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = tarn::fuzz::Text(data, size);
  CheckListing(text);
  CheckXml(text);
  CheckContentRange(text);
  return 0;
}
