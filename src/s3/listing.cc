#include "s3/listing.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "s3/xml.h"

namespace tarn::s3 {
namespace {

Error ListingError(const std::string& what) {
  return Unavailable("the object store's listing " + what);
}

// A space is encoded as '+', and '+' as %2B.
Result<std::string> DecodeKey(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  std::optional<std::string> key = PercentDecode(text);
  if (!key) return ListingError("has a key with invalid encoding");
  return *std::move(key);
}

class Parser {
 public:
  Result<> OnElement(XmlPath path, std::string_view text) {
    if (path.front() != "ListBucketResult") return ListingError("is not a ListBucketResult");
    if (path.size() == 1) has_root_ = true;
    if (path.size() == 2) return OnProperty(path[1], text);
    if (path.size() == 3 && path[1] == "Contents") return OnObjectProperty(path[2], text);
    return {};
  }

  Result<ListingPage> Finish() {
    if (!has_root_) return ListingError("is not a ListBucketResult");
    if (is_truncated_ && page_.next.empty()) return ListingError("has no continuation token");
    // Some servers send a token with the last page.
    if (!is_truncated_) page_.next.clear();
    if (is_encoded_) {
      for (ListedObject& object : page_.objects) {
        TARN_TRY(object.key, DecodeKey(std::move(object.key)));
      }
    }
    for (const ListedObject& object : page_.objects) {
      if (object.key.empty()) return ListingError("has an object without a key");
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
      if (!has_size_) return ListingError("has an object without a size");
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
  ListedObject object_;  // The object being parsed.
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
    // kUnavailable is an error of the content; other errors are XML errors.
    if (read.error().kind == ErrorKind::kUnavailable) return read.error();
    return ListingError("is " + read.error().message);
  }
  return parser.Finish();
}

}  // namespace tarn::s3
