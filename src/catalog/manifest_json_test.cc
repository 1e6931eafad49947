#include "catalog/manifest_json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

std::string ErrorOf(std::string_view json) {
  const auto parsed = ParseDatasetContent(json);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(ParseDatasetContent, NeedsOnlyKeys) {
  const auto content = ParseDatasetContent(R"({"objects":[{"key":"a/b.parquet"}]})");
  ASSERT_TRUE(content.ok()) << content.error().message;
  ASSERT_EQ(content->objects.size(), 1U);
  EXPECT_EQ(content->objects[0], (ObjectRef{"a/b.parquet", std::nullopt, std::nullopt}));
  EXPECT_EQ(content->row_count, std::nullopt);
}

TEST(ParseDatasetContent, RoundTrips) {
  const std::string_view text =
      R"({"objects":[{"key":"it's; \"x\" é","size":9223372036854775807,"etag":"\"e\""},{"key":"b"}],)"
      R"("row_count":3,"schema_fingerprint":"sha256:1"})";
  const auto content = ParseDatasetContent(text);
  ASSERT_TRUE(content.ok()) << content.error().message;
  const auto again = ParseDatasetContent(FormatDatasetContent(*content));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *content);
}

TEST(ParseDatasetContent, SaysWhichFieldAndWhy) {
  EXPECT_EQ(ErrorOf("[]"), "body: must be a JSON object with \"objects\"");
  EXPECT_EQ(ErrorOf("{}"), "objects: is missing");
  EXPECT_EQ(ErrorOf(R"({"objects":{}})"), "objects: must be a list");
  EXPECT_EQ(ErrorOf(R"({"objects":[]})"), "objects: must name at least one object");
  EXPECT_EQ(ErrorOf(R"({"objects":["a"]})"), "objects[0]: must be an object with a \"key\"");
  EXPECT_EQ(ErrorOf(R"({"objects":[{}]})"), "objects[0].key: is missing");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":1}]})"), "objects[0].key: must be a text");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":""}]})"), "objects[0].key: must not be empty");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a\u0000"}]})"),
            "objects[0].key: must not hold a NUL character");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a","size":-1}]})"),
            "objects[0].size: must not be negative");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a","size":1.5}]})"),
            "objects[0].size: must be a whole number");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a","size":9223372036854775808}]})"),
            "objects[0].size: must be a whole number");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a"},{"key":"a"}]})"), "objects[1].key: is named twice");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a","ETag":"x"}]})"), "objects[0].ETag: unknown field");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a"}],"rows":1})"), "rows: unknown field");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a"}],"row_count":"1"})"),
            "row_count: must be a whole number");
  EXPECT_EQ(ErrorOf(fmt::format(R"({{"objects":[{{"key":"{}"}}]}})", std::string(1025, 'x'))),
            "objects[0].key: 1025 bytes, at most 1024");
  EXPECT_EQ(ErrorOf("{").substr(0, 10), "not JSON: ");
  EXPECT_EQ(ErrorOf("{\"objects\":[{\"key\":\"\xFF\"}]}").substr(0, 10), "not JSON: ");
}

TEST(ValidateName, AllowsAnyUtf8WithoutControls) {
  EXPECT_TRUE(ValidateName("it's \"x\"; DROP VIEW é/\xF0\x9F\xA6\x86").ok());
  EXPECT_TRUE(ValidateName(std::string(255, 'x')).ok());
  EXPECT_FALSE(ValidateName("").ok());
  EXPECT_FALSE(ValidateName(std::string(256, 'x')).ok());
  EXPECT_FALSE(ValidateName("a\nb").ok());
  EXPECT_FALSE(ValidateName("\xFF").ok());
}

TEST(Snapshot, RoundTrips) {
  Snapshot snapshot{7, {{"n \"q\"", "id1", {{{"k", 5, "e"}}, 2, "f"}, {}, {}}}};
  snapshot.manifests[0].updated_at = *ParseRfc3339("2026-11-22T15:50:00.123456Z");
  const auto again = ParseSnapshot(FormatSnapshot(snapshot));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->revision, 7U);
  ASSERT_EQ(again->manifests.size(), 1U);
  EXPECT_EQ(again->manifests[0].name, "n \"q\"");
  EXPECT_EQ(again->manifests[0].content, snapshot.manifests[0].content);
  EXPECT_EQ(again->manifests[0].updated_at, snapshot.manifests[0].updated_at);
}

TEST(ParseSnapshot, TakesWhatTheOriginalCatalogueSends) {
  const auto snapshot = ParseSnapshot(
      R"({"manifests":[{"name":"t","dataset_id":"d","schema_fingerprint":"f","future":[1],)"
      R"("objects":[{"key":"k","size":1,"new":true}],"updated_at":"2026-01-01T02:00:00+02:00"}]})");
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
  EXPECT_EQ(snapshot->revision, 0U);
  EXPECT_EQ(FormatRfc3339(snapshot->manifests[0].updated_at), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(
      ParseSnapshot(R"({"manifests":[{"name":"t","objects":[{"key":"k"}]}]})").error().message,
      "manifests[0].updated_at: is missing");
}

TEST(ParseRfc3339, ReadsOffsetsAndFractions) {
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-22T15:50:00.5Z")), "2026-11-22T15:50:00.500000Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-22T00:10:00.123456789-01:30")),
            "2026-11-22T01:40:00.123456Z");
  for (const char* bad :
       {"", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z",
        "2026-11-22T15:50:00", "2026-11-22T15:50:00.Z", "2026-11-22T15:50:00Zx"}) {
    EXPECT_FALSE(ParseRfc3339(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace tarn::catalog
