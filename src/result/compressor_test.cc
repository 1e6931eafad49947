#include "result/compressor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "result/test_decompress.h"

namespace tarn::result {
namespace {

// Returns bytes, half of them repeated and half incompressible.
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

TEST_P(Compressors, RoundTripsPiecesOfAnySize) {
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

TEST_P(Compressors, RoundTripsEmptyInput) {
  const auto compressor = Compressor::Make(GetParam());
  std::string out;
  compressor->Write("", out);
  compressor->Finish(out);
  EXPECT_EQ(Decompress(GetParam(), out), "");
}

// A client can read the first rows of a slow query before the next ones.
TEST_P(Compressors, FlushOutputsAllBytes) {
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
}  // namespace tarn::result
