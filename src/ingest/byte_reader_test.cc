#include "ingest/byte_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tarn::ingest {
namespace {

using testing::HasSubstr;

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(compressBound(text.size()) + 64, '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Zstd(const std::string& text) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

// Some MB of incompressible bytes, which are larger than any block or buffer.
std::string LongText() {
  std::string text;
  uint64_t state = 1;
  while (text.size() < 3'000'000) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    text += std::to_string(state) + "\n";
  }
  return text;
}

class PackedFile : public testing::TestWithParam<Packing> {
 protected:
  ~PackedFile() override { std::filesystem::remove(path_); }

  static std::string Pack(const std::string& text) {
    return GetParam() == Packing::kGzip ? Gzip(text) : Zstd(text);
  }
  // The error of a file with these bytes; empty if it is valid.
  std::string Check(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    const Result<> checked = CheckPacked(path_, [](uint64_t) { return Result<>(); });
    return checked.ok() ? "" : checked.error().message;
  }

  const std::string path_ = testing::TempDir() + "byte_reader_test-" + std::to_string(getpid()) +
                            (GetParam() == Packing::kGzip ? ".gz" : ".zst");
};

TEST_P(PackedFile, AcceptsACompleteFile) {
  EXPECT_EQ(Check(Pack("")), "");
  EXPECT_EQ(Check(Pack("a,b\n1,2\n")), "");
  EXPECT_EQ(Check(Pack(LongText())), "");
}

TEST_P(PackedFile, AcceptsSeveralMembers) {
  EXPECT_EQ(Check(Pack("a,b\n") + Pack(LongText()) + Pack("1,2\n")), "");
}

TEST_P(PackedFile, ReportsATruncatedFile) {
  const std::string packed = Pack(LongText());
  for (const size_t missing : {size_t{1}, size_t{8}, packed.size() / 2, packed.size() - 12}) {
    EXPECT_THAT(Check(packed.substr(0, packed.size() - missing)), HasSubstr("cut off")) << missing;
  }
  EXPECT_THAT(Check(Pack("a,b\n") + packed.substr(0, 1000)), HasSubstr("cut off"));
  EXPECT_THAT(Check(""), HasSubstr("cut off"));
}

TEST_P(PackedFile, ReportsAWrongChecksum) {
  std::string packed = Pack(LongText());
  packed[packed.size() - (GetParam() == Packing::kGzip ? 6 : 2)] ^= 1;
  EXPECT_THAT(Check(packed), HasSubstr("damaged"));
}

TEST_P(PackedFile, ReportsOtherContent) {
  EXPECT_THAT(Check("a,b\n1,2\n"), HasSubstr("damaged"));
  EXPECT_THAT(Check(Pack("a,b\n") + "1,2 and more\n"), HasSubstr("damaged"));
}

TEST_P(PackedFile, EndsWithTheErrorOfTheHook) {
  std::ofstream(path_, std::ios::binary) << Pack(LongText());
  const Result<> checked =
      CheckPacked(path_, [](uint64_t) -> Result<> { return Unavailable("stopped"); });
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().message, "stopped");
}

INSTANTIATE_TEST_SUITE_P(All, PackedFile, testing::Values(Packing::kGzip, Packing::kZstd),
                         [](const auto& param) {
                           return param.param == Packing::kGzip ? "Gzip" : "Zstd";
                         });

TEST(PackingOf, UsesTheNameOrTheContent) {
  EXPECT_EQ(PackingOf("a.csv.gz"), Packing::kGzip);
  EXPECT_EQ(PackingOf("a.csv.zst"), Packing::kZstd);
  EXPECT_EQ(PackingOf("gz"), Packing::kNone);
  EXPECT_EQ(PackingOfContent(Gzip("x")), Packing::kGzip);
  EXPECT_EQ(PackingOfContent(Zstd("x")), Packing::kZstd);
  EXPECT_EQ(PackingOfContent("a,b"), Packing::kNone);
  EXPECT_EQ(PackingOfContent(""), Packing::kNone);
}

}  // namespace
}  // namespace tarn::ingest
