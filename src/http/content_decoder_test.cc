#include "http/content_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "http/test_hostile_client.h"

namespace tarn::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string Gzip(const std::string& text) {
  constexpr int kWithGzipHeader = 16;
  z_stream stream = {};
  EXPECT_EQ(
      deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + kWithGzipHeader, 8, Z_DEFAULT_STRATEGY),
      Z_OK);
  std::string input = text;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (window_log > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_inBuffer from = {text.data(), text.size(), 0};
  ZSTD_outBuffer to = {out.data(), out.size(), 0};
  // Without the size in the header, the frame needs the window that it declares.
  while (from.pos < from.size) {
    EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_continue)));
  }
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

TEST_F(HostileClientTest, DecodesBodiesWithinTheLimit) {
  std::string text;
  while (text.size() < 500'000) text += std::to_string(text.size()) + ' ';
  const auto is_echo = AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n" + text));
  EXPECT_THAT(Post("Content-Encoding: gzip\r\n", Gzip(text)), is_echo);
  EXPECT_THAT(Post("Content-Encoding: X-GZIP\r\n", Gzip(text)), is_echo);
  EXPECT_THAT(Post("content-encoding: zstd\r\n", Zstd(text)), is_echo);
  const std::string half = text.substr(0, 1000);
  const std::string rest = text.substr(1000);
  EXPECT_THAT(Post("Content-Encoding: gzip\r\n", Gzip(half) + Gzip("") + Gzip(rest)), is_echo);
  EXPECT_THAT(Post("Content-Encoding: zstd\r\n", Zstd(half) + Zstd(rest)), is_echo);
  EXPECT_THAT(Post("Content-Encoding: zstd\r\n", Zstd(text, 23)), is_echo);
  EXPECT_THAT(Post("Content-Encoding:\r\n", "plain"), EndsWith("\r\n\r\nplain"));
  EXPECT_THAT(Post("Content-Encoding: Identity\r\n", "plain"), EndsWith("\r\n\r\nplain"));
  const std::string whole(kBodyMax, 'x');
  EXPECT_THAT(Post("Content-Encoding: gzip\r\n", Gzip(whole)), EndsWith(whole));
  EXPECT_THAT(Post("Content-Encoding: zstd\r\n", Zstd(whole)), EndsWith(whole));
}

TEST_F(HostileClientTest, StopsDecodingBombsAtTheLimit) {
  const std::string bomb(200'000'000, 'x');
  const std::string one_more(kBodyMax + 1, 'x');
  for (const std::string& text : {bomb, one_more}) {
    EXPECT_THAT(Post("Content-Encoding: gzip\r\n", Gzip(text)),
                AllOf(StartsWith("HTTP/1.1 413 "), EndsWith("too much\n")));
    EXPECT_THAT(Post("Content-Encoding: zstd\r\n", Zstd(text)),
                AllOf(StartsWith("HTTP/1.1 413 "), EndsWith("too much\n")));
  }
}

TEST_F(HostileClientTest, RejectsUndecodableBodies) {
  for (const std::string coding :
       {"br", "deflate", "compress", "gzip, identity", "gzip, zstd", "gzip2"}) {
    EXPECT_THAT(Post(std::string("Content-Encoding: ") + coding + "\r\n", "x"),
                AllOf(StartsWith("HTTP/1.1 415 "), HasSubstr("Accept-Encoding: gzip, zstd\r\n"),
                      EndsWith("Content-Encoding must be gzip or zstd, or left out\n")))
        << coding;
  }
  EXPECT_THAT(Post("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", Gzip("x")),
              StartsWith("HTTP/1.1 415 "));
  const std::string gzip = Gzip("some text");
  const std::string zstd = Zstd("some text");
  const std::vector<std::pair<std::string, std::string>> damaged = {
      {"gzip", "not compressed"},
      {"gzip", gzip.substr(0, gzip.size() - 1)},
      {"gzip", gzip.substr(0, 3)},
      {"gzip", gzip + "garbage"},
      {"gzip", zstd},
      {"zstd", "not compressed"},
      {"zstd", zstd.substr(0, zstd.size() - 1)},
      {"zstd", zstd + "garbage"},
      {"zstd", Zstd(std::string(100'000, 'x'), 24)},  // A window of more than 8 MiB.
  };
  for (const auto& [coding, body] : damaged) {
    EXPECT_THAT(Post("Content-Encoding: " + coding + "\r\n", body),
                AllOf(StartsWith("HTTP/1.1 400 "),
                      HasSubstr("cannot decode the request's body: " + coding)))
        << coding << " of " << body.size();
  }
}

std::string Repeated(const std::string& part, int times) {
  std::string whole;
  for (int i = 0; i < times; ++i) whole += part;
  return whole;
}

TEST_F(HostileClientTest, RejectsBodiesWithTooManyMembers) {
  EXPECT_THAT(Post("Content-Encoding: gzip\r\n", Repeated(Gzip(""), 999) + Gzip("x")),
              AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nx")));
  EXPECT_THAT(Post("Content-Encoding: zstd\r\n", Repeated(Zstd(""), 999) + Zstd("x")),
              AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nx")));
  const std::string why = "more than 1000: compress the body as a whole\n";
  EXPECT_THAT(Post("Content-Encoding: gzip\r\n", Repeated(Gzip(""), 1001)),
              AllOf(StartsWith("HTTP/1.1 400 "), EndsWith("gzip: members: " + why)));
  EXPECT_THAT(Post("Content-Encoding: zstd\r\n", Repeated(Zstd(""), 1001)),
              AllOf(StartsWith("HTTP/1.1 400 "), EndsWith("zstd: frames: " + why)));
}

TEST(ContentDecoder, DecodesEmptyMembersInFewSteps) {
  constexpr size_t kRoom = 256 * 1024;
  for (const std::string& coding : std::vector<std::string>{"gzip", "zstd"}) {
    const auto decoder = ContentDecoder::Make(coding);
    const std::string body = Repeated(coding == "gzip" ? Gzip("") : Zstd(""), 100'000);
    std::string_view rest = body;
    std::string out;
    int steps = 0;
    Result<bool> step = false;
    while (step.ok() && !*step && ++steps < 100'000) step = decoder->Decode(rest, out, kRoom);
    EXPECT_FALSE(step.ok());
    EXPECT_LE(steps, 2) << coding;
  }
}

TEST(ContentDecoder, LimitsTheInputOfOneStep) {
  // Blocks without content.
  const std::string gzip = Gzip("");
  const std::string header = gzip.substr(0, 10);
  const std::string body = header + Repeated(std::string("\0\0\0\xff\xff", 5), 200'000);
  const auto decoder = ContentDecoder::Make("gzip");
  std::string_view rest = body;
  std::string out;
  const Result<bool> step = decoder->Decode(rest, out, 1000);
  ASSERT_TRUE(step.ok()) << step.error().message;
  EXPECT_FALSE(*step);
  EXPECT_EQ(body.size() - rest.size(), 256U * 1024);
}

TEST(ContentDecoder, DecodesInStepsOfAnySize) {
  const std::string text = "abc" + std::string(1000, 'x') + "def";
  for (const std::string& coding : std::vector<std::string>{"gzip", "zstd"}) {
    const std::string body =
        coding == "gzip" ? Gzip(text) + Gzip("tail") : Zstd(text) + Zstd("tail");
    for (const size_t room : {1, 2, 7, 100, 5000}) {
      const auto decoder = ContentDecoder::Make(coding);
      std::string_view rest = body;
      std::string out;
      bool done = false;
      for (int steps = 0; !done && steps < 10'000; ++steps) {
        const size_t before = out.size();
        const Result<bool> step = decoder->Decode(rest, out, room);
        ASSERT_TRUE(step.ok()) << step.error().message;
        ASSERT_LE(out.size(), before + room);
        done = *step;
      }
      EXPECT_TRUE(done);
      EXPECT_EQ(out, text + "tail") << coding << room;
    }
  }
}

}  // namespace
}  // namespace tarn::http
