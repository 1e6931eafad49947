#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <string_view>

namespace tarn::iceberg {

// Decompresses raw deflate of at most `bytes_max` bytes.
inline std::string Inflated(std::string_view bytes, size_t bytes_max) {
  constexpr int kRawWindowBits = -15;
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, kRawWindowBits), Z_OK);
  std::string out(bytes_max, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace tarn::iceberg
