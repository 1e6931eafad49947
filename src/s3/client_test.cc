#include "s3/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "s3/test_bucket.h"

namespace tarn::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

class ClientTest : public testing::Test {
 protected:
  TestBucket bucket;

  static std::string Digits(size_t count) {
    std::string text;
    while (text.size() < count) text += "0123456789";
    text.resize(count);
    return text;
  }
  Client Open() { return Client(bucket.bucket()); }
};

TEST_F(ClientTest, ReadsTheEndOfAnObject) {
  bucket.objects["one"] = Digits(1000);
  Client client = Open();
  const auto part = client.ReadEnd("one", 15, Deadline::Never());
  ASSERT_TRUE(part.ok()) << part.error().message;
  EXPECT_EQ(part->bytes, "567890123456789");
  EXPECT_EQ(part->begin, 985U);
  EXPECT_EQ(part->object_bytes, 1000U);
  EXPECT_EQ(part->etag, "\"1\"");
  ASSERT_EQ(bucket.seen().size(), 1U);
  EXPECT_THAT(bucket.seen()[0].authorization, StartsWith("AWS4-HMAC-SHA256 Credential=key/"));
}

TEST_F(ClientTest, ReadsASmallObjectWhole) {
  bucket.objects["one"] = "small";
  Client client = Open();
  for (const bool supports_ranges : {true, false}) {
    bucket.supports_ranges = supports_ranges;
    const auto part = client.ReadEnd("one", 1000, Deadline::Never());
    ASSERT_TRUE(part.ok()) << part.error().message;
    EXPECT_EQ(part->bytes, "small");
    EXPECT_EQ(part->begin, 0U);
    EXPECT_EQ(part->object_bytes, 5U);
  }
}

TEST_F(ClientTest, ReadsARangeOfAnUnchangedObject) {
  bucket.objects["one"] = Digits(1000);
  Client client = Open();
  const auto part = client.Read("one", 12, 3, "\"1\"", Deadline::Never());
  ASSERT_TRUE(part.ok()) << part.error().message;
  EXPECT_EQ(part->bytes, "234");
  EXPECT_EQ(bucket.seen()[0].range, "bytes=12-14");
  const auto other = client.Read("one", 12, 3, "\"2\"", Deadline::Never());
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind, ErrorKind::kPrecondition);
}

TEST_F(ClientTest, SendsKeysUnchanged) {
  bucket.objects["a b+c?d#e%41.."] = "x";
  Client client = Open();
  const auto part = client.ReadEnd("a b+c?d#e%41..", 10, Deadline::Never());
  ASSERT_TRUE(part.ok()) << part.error().message;
  EXPECT_EQ(bucket.seen()[0].path, "/lake/a%20b%2Bc%3Fd%23e%2541..");
}

TEST_F(ClientTest, ReportsTheErrorOfTheServer) {
  Client client = Open();
  const auto missing = client.ReadEnd("none", 10, Deadline::Never());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message, "the object store answers 404 NoSuchKey");
  bucket.status = 503;
  const auto busy = client.ReadEnd("none", 10, Deadline::Never());
  ASSERT_FALSE(busy.ok());
  EXPECT_EQ(busy.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(busy.error().message, "the object store answers 503 NoSuchThing");
}

TEST_F(ClientTest, LimitsResponsesOfServersWithoutRanges) {
  bucket.objects["one"] = Digits(1'000'000);
  bucket.supports_ranges = false;
  Client client = Open();
  const auto part = client.ReadEnd("one", 10'000, Deadline::Never());
  ASSERT_FALSE(part.ok());
  EXPECT_EQ(part.error().message, "the object store sent more than requested");
  bucket.supports_ranges = true;
  EXPECT_TRUE(client.ReadEnd("one", 10'000, Deadline::Never()).ok()) << "it can be used again";
}

TEST_F(ClientTest, EnforcesDeadlinesAndCancellation) {
  bucket.objects["one"] = "x";
  bucket.hangs = true;
  Client client = Open();
  const auto late = client.ReadEnd("one", 10, Deadline::After(50ms));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
  const auto cancelled = client.ReadEnd("one", 10, Deadline::Never(), [] { return true; });
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().kind, ErrorKind::kCancelled);
}

TEST_F(ClientTest, ReportsAnUnreachableServer) {
  Bucket nowhere = bucket.bucket();
  nowhere.store.host = "127.0.0.1:1";
  Client client(nowhere);
  const auto part = client.ReadEnd("one", 10, Deadline::Never());
  ASSERT_FALSE(part.ok());
  EXPECT_EQ(part.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(part.error().message, HasSubstr("http://127.0.0.1:1: "));
}

std::vector<std::string> Keys(const std::vector<ListedObject>& objects) {
  std::vector<std::string> keys;
  for (const ListedObject& object : objects) keys.push_back(object.key);
  return keys;
}

TEST_F(ClientTest, ListsPageByPage) {
  bucket.objects = {{"a", "1"}, {"b/1 +%", "22"}, {"b/2", "333"}, {"b/3", ""}, {"c", "1"}};
  bucket.page_keys = 2;
  for (const bool encodes_keys : {true, false}) {
    bucket.encodes_keys = encodes_keys;
    Client client = Open();
    const auto objects = client.List({}, Deadline::Never());
    ASSERT_TRUE(objects.ok()) << objects.error().message;
    EXPECT_THAT(Keys(*objects), ElementsAre("a", "b/1 +%", "b/2", "b/3", "c"));
    EXPECT_EQ((*objects)[1], (ListedObject{.key = "b/1 +%", .bytes = 2, .etag = "\"1\""}));
  }
  EXPECT_EQ(bucket.seen().size(), 6U);
  EXPECT_EQ(bucket.seen()[0].path, "/lake/");
  EXPECT_EQ(bucket.seen()[0].query, "encoding-type=url&list-type=2&max-keys=1000&prefix=");
  EXPECT_THAT(bucket.seen()[1].query, StartsWith("continuation-token=%2Bb%2F1%20%2B%25&"));
}

TEST_F(ClientTest, ListsOnlyMatchingObjects) {
  bucket.objects = {{"a", "1"}, {"b+", "1"}, {"b+1", ""}, {"b+2", "1"}, {"c", "1"}};
  Client client = Open();
  const auto objects = client.List(
      {.prefix = "b+", .keep = [](const ListedObject& object) { return object.bytes > 0; }},
      Deadline::Never());
  ASSERT_TRUE(objects.ok()) << objects.error().message;
  EXPECT_THAT(Keys(*objects), ElementsAre("b+", "b+2"));
  EXPECT_EQ(client.List({.prefix = "none"}, Deadline::Never())->size(), 0U);
}

TEST_F(ClientTest, EndsAnEndlessList) {
  bucket.objects = {{"a", "1"}, {"b", "1"}, {"c", "1"}};
  Client client = Open();
  const auto many = client.List({.objects_max = 2}, Deadline::Never());
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(many.error().message, "more than 2 objects");
  EXPECT_TRUE(client.List({.objects_max = 3}, Deadline::Never()).ok());
  bucket.lists_endlessly = true;
  const auto endless = client.List({.objects_max = 10}, Deadline::Never());
  ASSERT_FALSE(endless.ok());
  EXPECT_EQ(endless.error().kind, ErrorKind::kTooLarge);
}

TEST_F(ClientTest, RetriesAPage) {
  bucket.objects = {{"a", "1"}};
  bucket.failures = 1;
  Client client = Open();
  EXPECT_THAT(Keys(client.List({}, Deadline::Never()).value()), ElementsAre("a"));
  bucket.status = 403;
  const auto refused = client.List({}, Deadline::Never());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(refused.error().message, "the object store answers 403 NoSuchThing");
  EXPECT_EQ(bucket.seen().size(), 3U) << "a refusal is not tried again";
}

TEST_F(ClientTest, WritesBytes) {
  Client client = Open();
  const std::string bytes("a\0b", 3);
  const auto info = client.WriteBytes("one", bytes, Deadline::Never());
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->bytes, 3U);
  EXPECT_EQ(info->etag, "\"new\"");
  EXPECT_EQ(bucket.written["one"], bytes);
  bucket.failures = 1;
  EXPECT_TRUE(client.WriteBytes("two", "", Deadline::Never()).ok());
  bucket.status = 403;
  EXPECT_FALSE(client.WriteBytes("three", "x", Deadline::Never()).ok());
}

TEST_F(ClientTest, DeletesExistingAndMissingObjects) {
  bucket.objects["one"] = "x";
  Client client = Open();
  EXPECT_TRUE(client.Delete("one", Deadline::Never()).ok());
  EXPECT_TRUE(client.Delete("none", Deadline::Never()).ok());
  EXPECT_EQ(bucket.seen()[0].method, "DELETE");
  bucket.status = 403;
  EXPECT_FALSE(client.Delete("one", Deadline::Never()).ok());
}

}  // namespace
}  // namespace tarn::s3
