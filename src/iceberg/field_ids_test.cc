#include "iceberg/field_ids.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tarn::iceberg {
namespace {

TEST(FieldIds, KeepsIds) {
  FieldIds ids;
  EXPECT_EQ(*ids.Assign("a"), 1);
  EXPECT_EQ(*ids.Assign("b"), 2);
  EXPECT_EQ(*ids.Assign("a"), 1);
  EXPECT_EQ(*ids.Assign("a.element"), 3);
  EXPECT_EQ(ids.last_id(), 3);
}

TEST(FieldIds, KeepsIdsThroughJson) {
  FieldIds ids;
  for (const char* path : {"b", "a \"x\"", "ü.element"}) ASSERT_TRUE(ids.Assign(path).ok());
  EXPECT_EQ(ids.ToJson(), R"({"ids":{"a \"x\"":2,"b":1,"ü.element":3},"last-id":3})");
  auto read = FieldIds::FromJson(ids.ToJson());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, ids);
  EXPECT_EQ(*read->Assign("c"), 4);
  EXPECT_EQ(*FieldIds::FromJson(FieldIds().ToJson()), FieldIds());
}

TEST(FieldIds, DoesNotReuseTheIdOfALostPath) {
  auto read = FieldIds::FromJson(R"({"ids":{"a":1},"last-id":7})");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read->Assign("b"), 8);
}

TEST(FieldIds, RejectsDamagedJson) {
  for (const char* json :
       {"", "[]", "{}", R"({"ids":{}})", R"({"ids":[],"last-id":0})", R"({"ids":{},"last-id":-1})",
        R"({"ids":{"a":0},"last-id":1})", R"({"ids":{"a":2},"last-id":1})",
        R"({"ids":{"a":1,"b":1},"last-id":1})", R"({"ids":{"a":"1"},"last-id":1})",
        R"({"ids":{"a":1.5},"last-id":2})", R"({"ids":{"a":1},"last-id":18446744073709551615})"}) {
    EXPECT_FALSE(FieldIds::FromJson(json).ok()) << json;
  }
}

TEST(FieldIds, LimitsThePaths) {
  FieldIds ids;
  for (size_t i = 0; i < FieldIds::kPathsMax; ++i) ASSERT_TRUE(ids.Assign(fmt::to_string(i)).ok());
  EXPECT_TRUE(ids.Assign("7").ok());
  const auto more = ids.Assign("more");
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().kind, ErrorKind::kTooLarge);
  EXPECT_TRUE(FieldIds::FromJson(ids.ToJson()).ok());
}

}  // namespace
}  // namespace tarn::iceberg
