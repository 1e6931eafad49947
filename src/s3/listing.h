#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::s3 {

struct ListedObject {
  std::string key;
  uint64_t bytes = 0;
  std::string etag;  // As the server writes it, quotes included; may be empty.

  bool operator==(const ListedObject&) const = default;
};

// A part of the list of a bucket's objects.
struct ListingPage {
  std::vector<ListedObject> objects;
  std::string next;  // What the request for the next page says; empty: this is the last one.

  bool operator==(const ListingPage&) const = default;
};

// The answer of ListObjectsV2:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#API_ListObjectsV2_ResponseSyntax
// With keys in percent-encoding where it says so (encoding-type=url); they need not be UTF-8.
Result<ListingPage> ParseListing(std::string_view xml);

}  // namespace tarn::s3
