#include "catalogd/service/footer_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parquet/test_thrift.h"
#include "s3/test_bucket.h"

namespace tarn::catalogd {
namespace {

using parquet::ThriftStruct;
using testing::HasSubstr;

// A Parquet file with the column `name` and no rows.
std::string ParquetFile(const std::string& name) {
  const ThriftStruct root = ThriftStruct().Binary(4, "root").I32(5, 1);
  const ThriftStruct leaf = ThriftStruct().I32(1, 2).I32(3, 0).Binary(4, name);
  const std::string footer =
      ThriftStruct().I32(1, 1).Structs(2, {root, leaf}).I64(3, 0).Structs(4, {}).Text();
  std::string length;
  for (int i = 0; i < 4; ++i) length += static_cast<char>(footer.size() >> (8 * i) & 0xFF);
  return "PAR1" + footer + length + "PAR1";
}

class FooterReaderTest : public testing::Test {
 protected:
  s3::TestBucket bucket;
  IcebergOptions options;
  Metrics metrics;
  std::atomic<bool> stopping = false;

  static catalog::ObjectRef Object(const std::string& etag = "\"1\"") {
    return {.key = "one", .size_bytes = std::nullopt, .etag = etag};
  }
  std::unique_ptr<FooterReader> Open() {
    options.data = bucket.bucket();
    return std::make_unique<FooterReader>(options, stopping, metrics);
  }
  // The error for this content of the object.
  Error ErrorOf(const std::string& content) {
    bucket.objects["one"] = content;
    const auto footer = Open()->Read(Object(), Deadline::Never());
    EXPECT_FALSE(footer.ok());
    return footer.ok() ? Error{} : footer.error();
  }
};

TEST_F(FooterReaderTest, ReadsAFooterWithOneRequestAndCachesIt) {
  bucket.objects["one"] = ParquetFile("id");
  const auto reader = Open();
  EXPECT_EQ(reader->FindCached(Object()), nullptr);
  // Clients may register ETags without quotes.
  const auto footer = reader->Read(Object("1"), Deadline::Never());
  ASSERT_TRUE(footer.ok()) << footer.error().message;
  EXPECT_EQ((*footer)->statistics.row_count, 0U);
  EXPECT_EQ((*footer)->statistics.schema[0].name, "id");
  EXPECT_EQ((*footer)->object_bytes, bucket.objects["one"].size());
  EXPECT_EQ(bucket.seen().size(), 1U);
  EXPECT_EQ(reader->FindCached(Object("1")), *footer);
  EXPECT_EQ(reader->FindCached(Object("2")), nullptr);
}

TEST_F(FooterReaderTest, ReadsALongFooterWithASecondRequest) {
  const std::string name(100'000, 'x');
  bucket.objects["one"] = ParquetFile(name);
  const auto footer = Open()->Read(Object(), Deadline::Never());
  ASSERT_TRUE(footer.ok()) << footer.error().message;
  EXPECT_EQ((*footer)->statistics.schema[0].name, name);
  ASSERT_EQ(bucket.seen().size(), 2U);
  EXPECT_EQ(bucket.seen()[1].if_match, "\"1\"");
}

TEST_F(FooterReaderTest, RefusesObjectsThatDifferFromTheCatalogue) {
  bucket.objects["one"] = ParquetFile("id");
  const auto reader = Open();
  const auto message = [&](const catalog::ObjectRef& object) {
    return reader->Read(object, Deadline::Never()).error().message;
  };
  EXPECT_THAT(message(Object("\"2\"")), HasSubstr("object \"one\": it was overwritten"));
  EXPECT_THAT(message(Object("")), HasSubstr("registered without its ETag"));
  catalog::ObjectRef object = Object();
  object.etag.reset();
  EXPECT_THAT(message(object), HasSubstr("registered without its ETag"));
  object = Object();
  object.size_bytes = 5;
  EXPECT_THAT(message(object), HasSubstr("is registered with 5"));
  object = Object();
  object.key = "two";
  const Error missing = reader->Read(object, Deadline::Never()).error();
  EXPECT_EQ(missing.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(missing.message, "object \"two\": it does not exist in the bucket");
}

TEST_F(FooterReaderTest, RefusesAnObjectThatChangesBetweenTwoRequests) {
  bucket.objects["one"] = ParquetFile(std::string(100'000, 'x'));
  bucket.changes = true;
  EXPECT_THAT(Open()->Read(Object(), Deadline::Never()).error().message,
              HasSubstr("it was overwritten"));
}

TEST_F(FooterReaderTest, RefusesDamagedFooters) {
  EXPECT_THAT(ErrorOf("").message, HasSubstr("object \"one\""));
  EXPECT_THAT(ErrorOf("PAR1").message, HasSubstr("not a Parquet file"));
  EXPECT_THAT(ErrorOf("some other text").message, HasSubstr("not a Parquet file"));
  EXPECT_THAT(ErrorOf("PAR1xxxx\x04" + std::string(3, '\0') + "PARE").message,
              HasSubstr("encrypted"));
  EXPECT_THAT(ErrorOf("PAR1\xff" + std::string(3, '\0') + "PAR1").message, HasSubstr("damaged"));
  EXPECT_EQ(ErrorOf("PAR1xxxx\x04" + std::string(3, '\0') + "PAR1").kind,
            ErrorKind::kInvalidArgument);
}

TEST_F(FooterReaderTest, LimitsTheSizeOfFooters) {
  options.settings.footer_bytes_max = 1000;
  const Error error = ErrorOf(ParquetFile(std::string(2000, 'x')));
  EXPECT_EQ(error.kind, ErrorKind::kTooLarge);
  EXPECT_THAT(error.message, HasSubstr("iceberg.footer_bytes_max"));
}

TEST_F(FooterReaderTest, ReportsAStoreThatFailsAsUnavailable) {
  bucket.objects["one"] = ParquetFile("id");
  for (const int status : {403, 500}) {
    bucket.status = status;
    EXPECT_EQ(Open()->Read(Object(), Deadline::Never()).error().kind, ErrorKind::kUnavailable);
  }
  bucket.status = 0;
  bucket.hangs = true;
  const Deadline deadline = Deadline::After(std::chrono::milliseconds(50));
  EXPECT_EQ(Open()->Read(Object(), deadline).error().kind, ErrorKind::kTimeout);
}

}  // namespace
}  // namespace tarn::catalogd
