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
  std::string etag;  // As sent by the server, with quotes; may be empty.

  bool operator==(const ListedObject&) const = default;
};

// One page of the list of a bucket's objects.
struct ListingPage {
  std::vector<ListedObject> objects;
  std::string next;  // The continuation token of the next page; empty for the last page.

  bool operator==(const ListingPage&) const = default;
};

// Parses a response of ListObjectsV2:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#API_ListObjectsV2_ResponseSyntax
// Decodes percent-encoded keys if the response declares them (encoding-type=url). Keys need not be
// UTF-8.
Result<ListingPage> ParseListing(std::string_view xml);

}  // namespace tarn::s3
