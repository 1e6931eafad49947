#include "catalog/manifest_json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

std::string ErrorOf(std::string_view json) {
  const auto parsed = ParseDatasetContent(json);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(ParseDatasetContent, RequiresOnlyKeys) {
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

TEST(ParseDatasetContent, ParsesASchema) {
  const std::string_view text =
      R"({"objects":[{"key":"k"}],"row_count":null,"schema_fingerprint":null,"schema":)"
      R"([{"name":"id","type":"BIGINT","nullable":false},{"name":"é\"","type":"VARCHAR[]"}]})";
  const auto content = ParseDatasetContent(text);
  ASSERT_TRUE(content.ok()) << content.error().message;
  EXPECT_EQ(*content->schema, (std::vector<Column>{{"id", "BIGINT", false}, {"é\"", "VARCHAR[]"}}));
  EXPECT_EQ(FormatDatasetContent(*content), text);
}

TEST(ParseDatasetContent, ReportsInvalidSchemas) {
  const auto error_of = [](std::string_view schema) {
    return ErrorOf(fmt::format(R"({{"objects":[{{"key":"k"}}],"schema":{}}})", schema));
  };
  EXPECT_EQ(error_of("null"), "");
  EXPECT_EQ(error_of("{}"), "schema: must be a list");
  EXPECT_EQ(error_of("[]"), "schema: must name at least one column");
  EXPECT_EQ(error_of("[1]"), "schema[0]: must be an object with a \"name\" and a \"type\"");
  EXPECT_EQ(error_of(R"([{"type":"INTEGER"}])"), "schema[0].name: is missing");
  EXPECT_EQ(error_of(R"([{"name":"","type":"INTEGER"}])"), "schema[0].name: must not be empty");
  EXPECT_EQ(error_of(R"([{"name":"a"}])"), "schema[0].type: is missing");
  EXPECT_EQ(error_of(R"([{"name":"a","type":1}])"), "schema[0].type: must be a string");
  EXPECT_EQ(error_of(R"([{"name":"a","type":"A\nB"}])"),
            "schema[0].type: must not contain control characters");
  EXPECT_EQ(error_of(R"([{"name":"a","type":"DATE","nullable":1}])"),
            "schema[0].nullable: must be true or false");
  EXPECT_EQ(error_of(R"([{"name":"a","type":"DATE","null":true}])"),
            "schema[0].null: unknown field");
  EXPECT_EQ(error_of(R"([{"name":"a","type":"DATE"},{"name":"a","type":"DATE"}])"),
            "schema[1].name: is named twice");
}

TEST(ParseDatasetContent, LimitsValuesAndDepth) {
  const std::string_view text = R"({"objects":[{"key":"k","size":1,"etag":"e"}]})";
  EXPECT_TRUE(ParseDatasetContent(text, 6).ok());
  const auto refused = ParseDatasetContent(text, 5);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(refused.error().message, "more than 5 values");
  EXPECT_EQ(ErrorOf(R"({"objects":)" + std::string(16'000'000, '[')),
            "not JSON: lists and objects are nested more than 64 deep");
  EXPECT_FALSE(ParseChanges(R"({"manifests":[],"deleted":[1,2,3]})", 4).ok());
}

TEST(ParseDatasetContent, ReportsTheFieldAndTheReason) {
  EXPECT_EQ(ErrorOf("[]"), "body: must be a JSON object with \"objects\"");
  EXPECT_EQ(ErrorOf("{}"), "objects: is missing");
  EXPECT_EQ(ErrorOf(R"({"objects":{}})"), "objects: must be a list");
  EXPECT_EQ(ErrorOf(R"({"objects":[]})"), "objects: must name at least one object");
  EXPECT_EQ(ErrorOf(R"({"objects":["a"]})"), "objects[0]: must be an object with a \"key\"");
  EXPECT_EQ(ErrorOf(R"({"objects":[{}]})"), "objects[0].key: is missing");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":1}]})"), "objects[0].key: must be a string");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":""}]})"), "objects[0].key: must not be empty");
  EXPECT_EQ(ErrorOf(R"({"objects":[{"key":"a\u0000"}]})"),
            "objects[0].key: must not contain a NUL character");
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
  snapshot.manifests[0].changed_by = "etl";
  const auto again = ParseSnapshot(FormatSnapshot(snapshot));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->revision, 7U);
  ASSERT_EQ(again->manifests.size(), 1U);
  EXPECT_EQ(again->manifests[0].name, "n \"q\"");
  EXPECT_EQ(again->manifests[0].content, snapshot.manifests[0].content);
  EXPECT_EQ(again->manifests[0].updated_at, snapshot.manifests[0].updated_at);
  EXPECT_EQ(again->manifests[0].changed_by, "etl");
}

TEST(ParseSnapshot, ParsesTheOriginalCataloguesFormat) {
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

TEST(ParseSnapshot, ParsesTheCatalogueId) {
  const auto snapshot =
      ParseSnapshot(R"({"catalog_id":"c1","revision":3,"manifests":[{"name":"t","version":2,)"
                    R"("objects":[{"key":"k"}],"updated_at":"2026-01-01T02:00:00Z"}]})");
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
  EXPECT_EQ(snapshot->catalog_id, "c1");
  EXPECT_EQ(snapshot->manifests[0].version, 2U);
  EXPECT_EQ(ParseSnapshot(R"({"revision":3,"since":1,"manifests":[]})").error().message,
            "since: unexpected in a complete catalogue");
}

TEST(ParseChanges, ParsesChangesAndDeletions) {
  const auto changes = ParseChanges(
      R"({"catalog_id":"c1","revision":9,"since":0,"deleted":["a","b \"c\""],"future":1,)"
      R"("manifests":[{"name":"t","dataset_id":"d","version":4,"objects":[{"key":"k"}],)"
      R"("schema":[{"name":"id","type":"BIGINT","future":1}],)"
      R"("updated_at":"2026-01-01T02:00:00Z"}]})");
  ASSERT_TRUE(changes.ok()) << changes.error().message;
  EXPECT_EQ(changes->position, (Position{"c1", 9}));
  EXPECT_EQ(changes->since, 0U);
  EXPECT_EQ(changes->deleted, (std::vector<std::string>{"a", "b \"c\""}));
  ASSERT_EQ(changes->manifests.size(), 1U);
  EXPECT_EQ(changes->manifests[0].version, 4U);
  EXPECT_EQ(*changes->manifests[0].content.schema, (std::vector<Column>{{"id", "BIGINT"}}));
  const auto again = ParseChanges(FormatChanges(*changes));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(FormatChanges(*again), FormatChanges(*changes));
}

TEST(ParseChanges, ParsesCompleteCataloguesWithAndWithoutRevisions) {
  const auto whole = ParseChanges(R"({"catalog_id":"c1","revision":9,"manifests":[]})");
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_EQ(whole->since, std::nullopt);
  EXPECT_EQ(whole->position.Text(), "c1.9");
  const auto original =
      ParseChanges(R"({"manifests":[{"name":"t","objects":[{"key":"k"}],"schema":"s",)"
                   R"("updated_at":"2026-01-01T02:00:00Z"}]})");
  ASSERT_TRUE(original.ok()) << original.error().message;
  EXPECT_EQ(original->since, std::nullopt);
  EXPECT_EQ(original->position.Text(), "");
  EXPECT_EQ(original->manifests[0].version, 0U);
  EXPECT_EQ(original->manifests[0].content.schema, std::nullopt);
}

TEST(ParseChanges, ReportsInvalidChanges) {
  const auto error_of = [](std::string_view json) { return ParseChanges(json).error().message; };
  EXPECT_EQ(error_of(R"({"since":1})"), "manifests: is missing");
  EXPECT_EQ(error_of(R"({"since":-1,"manifests":[]})"), "since: must not be negative");
  EXPECT_EQ(error_of(R"({"since":1,"manifests":[],"deleted":{}})"), "deleted: must be a list");
  EXPECT_EQ(error_of(R"({"since":1,"manifests":[],"deleted":[1]})"),
            "deleted: must be a list of names");
  EXPECT_EQ(error_of(R"({"since":1,"manifests":[],"deleted":["a",["b"]]})"),
            "deleted: must be a list of names");
  EXPECT_EQ(error_of(R"({"manifests":{}})"), "manifests: must be a list");
  EXPECT_EQ(error_of(R"({"manifests":[[]]})"), "manifests[0]: must be an object");
  EXPECT_EQ(error_of(R"({"manifests":[],"revision":[]})"), "revision: must be a whole number");
  for (const char* root : {"[]", "1", "null"}) {
    EXPECT_EQ(error_of(root), "must be a JSON object with \"manifests\"") << root;
  }
  for (const char* cut : {"", "{", R"({"manifests":[)", R"({"manifests":[]}x)"}) {
    EXPECT_EQ(error_of(cut).substr(0, 10), "not JSON: ") << cut;
  }
  EXPECT_EQ(error_of(R"({"manifests":[],"x":)" + std::string(100'000, '[')),
            "not JSON: lists and objects are nested more than 64 deep");
}

TEST(ParseChanges, NamesTheInvalidFieldOfAManifest) {
  const auto error_of = [](const std::string& manifest) {
    const std::string good =
        R"({"name":"t","objects":[{"key":"k"}],"updated_at":"2026-01-01T02:00:00Z"})";
    return ParseChanges(R"({"manifests":[)" + good + "," + manifest + "]}").error().message;
  };
  const std::string rest = R"("updated_at":"2026-01-01T02:00:00Z"})";
  EXPECT_EQ(error_of(R"({"objects":[{"key":"k"}],)" + rest), "manifests[1].name: is missing");
  EXPECT_EQ(error_of(R"({"name":"u",)" + rest), "manifests[1].objects: is missing");
  EXPECT_EQ(error_of(R"({"name":{},)" + rest), "manifests[1].name: must be a string");
  EXPECT_EQ(error_of(R"({"name":"u","objects":{},)" + rest),
            "manifests[1].objects: must be a list");
  EXPECT_EQ(error_of(R"({"name":"u","objects":[{"key":"k"},{}],)" + rest),
            "manifests[1].objects[1].key: is missing");
  EXPECT_EQ(error_of(R"({"name":"u","objects":[{"key":"k","size":"1"}],)" + rest),
            "manifests[1].objects[0].size: must be a whole number");
  EXPECT_EQ(error_of(R"({"name":"u","objects":["k"],)" + rest),
            "manifests[1].objects[0]: must be an object with a \"key\"");
  EXPECT_EQ(error_of(R"({"name":"u","objects":[],"version":-1,)" + rest),
            "manifests[1].version: must not be negative");
  EXPECT_EQ(error_of(R"({"name":"u","objects":[],"updated_at":"now"})"),
            "manifests[1].updated_at: not an RFC 3339 time: \"now\"");
}

TEST(ParseChanges, IgnoresAnInvalidSchema) {
  const auto schema_of = [](const std::string& schema) {
    const auto changes =
        ParseChanges(R"({"manifests":[{"name":"t","objects":[{"key":"k"}],"schema":)" + schema +
                     R"(,"updated_at":"2026-01-01T02:00:00Z"}]})");
    EXPECT_TRUE(changes.ok()) << schema;
    return changes.ok() ? changes->manifests.at(0).content.schema : std::nullopt;
  };
  for (const char* none :
       {"{}", "1", "null", "[1]", "[[]]", R"([{"name":"a"}])", R"([{"name":1,"type":"DATE"}])",
        R"([{"name":["a"],"type":"DATE"}])", R"([{"name":"a","type":"DATE","nullable":{}}])"}) {
    EXPECT_EQ(schema_of(none), std::nullopt) << none;
  }
  EXPECT_EQ(schema_of(R"([{"name":"a","type":"DATE","nullable":true,"more":{"name":[1]}}])"),
            (std::vector<Column>{{"a", "DATE", true}}));
}

TEST(ParseChanges, TakesTheLastOfRepeatedFields) {
  const auto changes =
      ParseChanges(R"({"manifests":[{}],"manifests":[{"name":"s","name":"t","objects":[],)"
                   R"("objects":[{"key":"j","key":"k"}],"updated_at":"2026-01-01T02:00:00Z"}]})");
  EXPECT_FALSE(changes.ok()) << "each manifest is checked, even in a list that is replaced";
  const auto last =
      ParseChanges(R"({"manifests":[{"name":"s","name":"t","objects":[{"key":"i"}],)"
                   R"("objects":[{"key":"j","key":"k"}],"updated_at":"2026-01-01T02:00:00Z"}]})");
  ASSERT_TRUE(last.ok()) << last.error().message;
  EXPECT_EQ(last->manifests[0].name, "t");
  EXPECT_EQ(last->manifests[0].content.objects, (std::vector<ObjectRef>{{"k", {}, {}}}));
}

TEST(Position, RoundTripsIdAndRevision) {
  EXPECT_EQ(Position::Parse("ab-1.17"), (Position{"ab-1", 17}));
  EXPECT_EQ((Position{"ab-1", 17}).Text(), "ab-1.17");
  EXPECT_EQ((Position{"", 17}).Text(), "");
  for (const char* bad : {"", ".", "a", "a.", ".1", "a.-1", "a.1x", "a. 1", "a b.1", "a.b.1",
                          "\"a.1\"", "a.9223372036854775808"}) {
    EXPECT_EQ(Position::Parse(bad), std::nullopt) << bad;
  }
}

TEST(ParseRfc3339, ParsesOffsetsAndFractions) {
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
