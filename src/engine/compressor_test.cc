#include "engine/compressor.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>

namespace tarn::engine {
namespace {

// All that can be read from the front of a stream, be it ended or not.
std::string Gunzip(std::string bytes) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  for (int code = Z_OK; code == Z_OK;) {
    std::string step(64 * 1024, '\0');
    stream.next_out = reinterpret_cast<Bytef*>(step.data());
    stream.avail_out = static_cast<uInt>(step.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(step, 0, step.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return out;
}

std::string Unzstd(const std::string& bytes) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
  std::string out;
  for (bool more = true; more;) {
    std::string step(64 * 1024, '\0');
    ZSTD_outBuffer output = {step.data(), step.size(), 0};
    const size_t code = ZSTD_decompressStream(context, &output, &input);
    EXPECT_FALSE(ZSTD_isError(code)) << ZSTD_getErrorName(code);
    out.append(step, 0, output.pos);
    more = ZSTD_isError(code) == 0 && output.pos == step.size();
  }
  ZSTD_freeDCtx(context);
  return out;
}

std::string Decompress(Compression compression, const std::string& bytes) {
  switch (compression) {
    case Compression::kGzip:
      return Gunzip(bytes);
    case Compression::kZstd:
      return Unzstd(bytes);
    default:
      return bytes;
  }
}

// Half of it repeats, half does not compress.
std::string SomeBytes(size_t size) {
  std::string out(size, 'x');
  uint64_t state = 7;
  for (size_t i = 0; i < size / 2; ++i) {
    state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    out[i] = static_cast<char>(state >> 56);
  }
  return out;
}

class Compressors : public testing::TestWithParam<Compression> {};

TEST_P(Compressors, ReadsBackWhateverThePieces) {
  const std::string bytes = SomeBytes(1'000'000);
  for (const size_t piece : {size_t{1}, size_t{1000}, size_t{64 * 1024}, bytes.size()}) {
    const size_t size = piece == 1 ? 5'000 : bytes.size();
    const auto compressor = Compressor::Make(GetParam());
    std::string out;
    for (size_t at = 0; at < size; at += piece) {
      compressor->Write(std::string_view(bytes).substr(at, std::min(piece, size - at)), out);
    }
    compressor->Finish(out);
    EXPECT_EQ(Decompress(GetParam(), out), bytes.substr(0, size)) << piece;
  }
}

TEST_P(Compressors, NothingReadsBackAsNothing) {
  const auto compressor = Compressor::Make(GetParam());
  std::string out;
  compressor->Write("", out);
  compressor->Finish(out);
  EXPECT_EQ(Decompress(GetParam(), out), "");
}

// A slow query's first rows can be read before there are more.
TEST_P(Compressors, FlushLetsEverythingOut) {
  const std::string bytes = SomeBytes(100'000);
  const auto compressor = Compressor::Make(GetParam());
  std::string out;
  compressor->Write("first", out);
  compressor->Flush(out);
  EXPECT_EQ(Decompress(GetParam(), out), "first");
  compressor->Flush(out);
  compressor->Write(bytes, out);
  compressor->Flush(out);
  EXPECT_EQ(Decompress(GetParam(), out), "first" + bytes);
  compressor->Finish(out);
  EXPECT_EQ(Decompress(GetParam(), out), "first" + bytes);
}

INSTANTIATE_TEST_SUITE_P(All, Compressors,
                         testing::Values(Compression::kNone, Compression::kGzip,
                                         Compression::kZstd));

}  // namespace
}  // namespace tarn::engine
