#pragma once

// Decompression for tests.

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

#include "result/compressor.h"

namespace tarn::result {

// Decompresses as much as possible of a stream, which need not be complete.
inline std::string Gunzip(std::string bytes) {
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

inline std::string Unzstd(const std::string& bytes) {
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

inline std::string Decompress(Compression compression, const std::string& bytes) {
  switch (compression) {
    case Compression::kGzip:
      return Gunzip(bytes);
    case Compression::kZstd:
      return Unzstd(bytes);
    default:
      return bytes;
  }
}

}  // namespace tarn::result
