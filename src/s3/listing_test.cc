#include "s3/listing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string List(const std::string& inner) {
  return fmt::format("<ListBucketResult>{}</ListBucketResult>", inner);
}

// A response in Amazon's format.
constexpr const char* kAnswer = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>lake</Name>
<Prefix>flights/</Prefix><NextContinuationToken>1o1f+7/==</NextContinuationToken><KeyCount>2</KeyCount>
<MaxKeys>2</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
<Contents><Key>flights/day%3D1/a+b%2Bc.parquet</Key><LastModified>2026-01-31T00:00:00.000Z</LastModified>
<ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>
<Size>142863</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>flights/%E2%82%AC</Key><Size>18446744073709551615</Size>
<Owner><ID>1</ID><Key>no</Key></Owner></Contents>
<CommonPrefixes><Prefix>x</Prefix></CommonPrefixes></ListBucketResult>)";

TEST(ListingTest, ReadsAPage) {
  const auto page = ParseListing(kAnswer);
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_THAT(page->objects,
              ElementsAre(ListedObject{.key = "flights/day=1/a b+c.parquet",
                                       .bytes = 142863,
                                       .etag = "\"70ee1738b6b21e2c8a43f3a5ab0eee71\""},
                          ListedObject{.key = "flights/€", .bytes = UINT64_MAX}));
  EXPECT_EQ(page->next, "1o1f+7/==") << "as it came";
}

TEST(ListingTest, DecodesOnlyDeclaredEncodings) {
  const std::string object = "<Contents><Key>a+b%20c</Key><Size>1</Size></Contents>";
  EXPECT_EQ(ParseListing(List(object))->objects[0].key, "a+b%20c");
  EXPECT_EQ(ParseListing(List(object + "<EncodingType>url</EncodingType>"))->objects[0].key,
            "a b c");
}

TEST(ListingTest, RecognisesTheLastPage) {
  EXPECT_EQ(ParseListing("<ListBucketResult/>").value(), ListingPage());
  EXPECT_EQ(ParseListing(List("<IsTruncated>false</IsTruncated>"
                              "<NextContinuationToken>x</NextContinuationToken>"))
                ->next,
            "");
}

TEST(ListingTest, RejectsInvalidListings) {
  const auto expect = [](const std::string& xml, const char* what) {
    const auto page = ParseListing(xml);
    ASSERT_FALSE(page.ok()) << xml;
    EXPECT_EQ(page.error().kind, ErrorKind::kUnavailable);
    EXPECT_THAT(page.error().message, HasSubstr("the object store's listing ")) << xml;
    EXPECT_THAT(page.error().message, HasSubstr(what)) << xml;
  };
  expect("", "is not XML");
  expect("<html/>", "is not a ListBucketResult");
  expect(List("<Contents>"), "is not XML");
  expect("<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>", "is not XML");
  expect(List("<Contents><Size>1</Size></Contents>"), "without a key");
  expect(List("<Contents><Key>a</Key></Contents>"), "without a size");
  expect(List("<Contents><Key>a</Key><Size>-1</Size></Contents>"), "without a size");
  expect(List("<Contents><Key>a</Key><Size>1</Size></Contents><Contents><Key>b</Key></Contents>"),
         "without a size");
  expect(List("<EncodingType>url</EncodingType><Contents><Key>%4</Key><Size>1</Size></Contents>"),
         "invalid encoding");
  expect(List("<IsTruncated>true</IsTruncated>"), "continuation token");
}

}  // namespace
}  // namespace tarn::s3
