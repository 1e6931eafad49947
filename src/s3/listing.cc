#include "s3/listing.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "s3/xml.h"

namespace tarn::s3 {
namespace {

Error BrokenListing(const std::string& what) {
  return Unavailable("the object store's listing " + what);
}

// A space comes as '+', and a '+' as %2B.
Result<std::string> DecodeKey(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  std::optional<std::string> key = PercentDecode(text);
  if (!key) return BrokenListing("has a key whose encoding is broken");
  return *std::move(key);
}

class Parser {
 public:
  Result<> OnElement(XmlPath path, std::string_view text) {
    if (path.front() != "ListBucketResult") return BrokenListing("is something else");
    if (path.size() == 1) has_root_ = true;
    if (path.size() == 2) return OnProperty(path[1], text);
    if (path.size() == 3 && path[1] == "Contents") return OnObjectProperty(path[2], text);
    return {};
  }

  Result<ListingPage> Take() {
    if (!has_root_) return BrokenListing("is something else");
    if (is_truncated_ && page_.next.empty()) return BrokenListing("does not say where it goes on");
    // A token may be there without need.
    if (!is_truncated_) page_.next.clear();
    if (is_encoded_) {
      for (ListedObject& object : page_.objects) {
        TARN_TRY(object.key, DecodeKey(std::move(object.key)));
      }
    }
    for (const ListedObject& object : page_.objects) {
      if (object.key.empty()) return BrokenListing("has an object without a key");
    }
    return std::move(page_);
  }

 private:
  Result<> OnProperty(std::string_view name, std::string_view text) {
    if (name == "IsTruncated") {
      is_truncated_ = text == "true";
    } else if (name == "NextContinuationToken") {
      page_.next = text;
    } else if (name == "EncodingType") {
      is_encoded_ = text == "url";
    } else if (name == "Contents") {
      if (!has_size_) return BrokenListing("has an object without a size");
      page_.objects.push_back(std::exchange(object_, {}));
      has_size_ = false;
    }
    return {};
  }

  Result<> OnObjectProperty(std::string_view name, std::string_view text) {
    if (name == "Key") {
      object_.key = text;
    } else if (name == "ETag") {
      object_.etag = text;
    } else if (name == "Size") {
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data(), end, object_.bytes);
      has_size_ = error == std::errc() && stop == end;
    }
    return {};
  }

  ListingPage page_;
  ListedObject object_;  // That is being read.
  bool has_size_ = false;
  bool has_root_ = false;
  bool is_truncated_ = false;
  bool is_encoded_ = false;
};

}  // namespace

Result<ListingPage> ParseListing(std::string_view xml) {
  Parser parser;
  const Result<> read = ReadXml(
      xml, [&parser](XmlPath path, std::string_view text) { return parser.OnElement(path, text); });
  if (!read.ok()) {
    // Of two kinds: what it says, and that it is no XML.
    if (read.error().kind == ErrorKind::kUnavailable) return read.error();
    return BrokenListing("is " + read.error().message);
  }
  return parser.Take();
}

}  // namespace tarn::s3
