#include "engine/run/result_sink.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "engine/run/socket_pair.h"
#include "result/test_decompress.h"

namespace tarn::engine {
namespace {

struct Piece {
  uint64_t rows = 0;
  Compression compression = Compression::kNone;
  std::string bytes;
};

std::string JoinedBytes(const std::vector<Piece>& pieces) {
  std::string all;
  for (const Piece& piece : pieces) all += piece.bytes;
  return all;
}

// Returns text that compresses badly, so that it fills many pieces.
std::string Noise(size_t bytes) {
  std::string text;
  uint64_t state = 1;
  while (text.size() < bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    text += static_cast<char>(state >> 56);
  }
  return text;
}

std::string EndFrame() { return protocol::ToFrame(protocol::End{}); }

class ResultSinkTest : public testing::Test {
 protected:
  FrontSocket front;
  FrameSocket socket{front.TakeTheirs()};
  std::vector<Piece> pieces;
  size_t largest_frame = 0;
  std::thread reader{[this] {
    while (const auto frame = front.Read()) {
      const Result<protocol::RowsHeader> header = protocol::ReadRowsHeader(frame->payload);
      if (frame->type != protocol::FrameType::kRows || !header.ok()) break;
      largest_frame = std::max(largest_frame, frame->payload.size());
      pieces.push_back({header->rows, header->compression,
                        std::string(frame->payload.substr(protocol::RowsHeader::kBytes))});
    }
  }};

  ~ResultSinkTest() override { Done(); }
  // Waits until the reader has read all frames.
  void Done() {
    if (!reader.joinable()) return;
    socket.Shutdown();
    reader.join();
  }
};

TEST_F(ResultSinkTest, SendsASmallResultAsOnePiece) {
  ResultSink sink(socket, Compression::kNone);
  sink.buffer() += "abc";
  EXPECT_TRUE(sink.Offer(1));
  sink.buffer() += "def";
  EXPECT_EQ(sink.encoded_bytes(), 6U);
  EXPECT_TRUE(sink.Finish(2, EndFrame(), true));
  EXPECT_EQ(sink.encoded_bytes(), 6U);
  Done();
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].bytes, "abcdef");
  EXPECT_EQ(pieces[0].rows, 2U);
  EXPECT_EQ(pieces[0].compression, Compression::kNone);
}

TEST_F(ResultSinkTest, SendsNoPieceForAnEmptyResult) {
  ResultSink sink(socket, Compression::kGzip);
  EXPECT_TRUE(sink.Offer(0));
  EXPECT_TRUE(sink.Finish(0, EndFrame(), true));
  Done();
  EXPECT_TRUE(pieces.empty());
}

TEST_F(ResultSinkTest, SendsALargeResultInPiecesWithRowCounts) {
  ResultSink sink(socket, Compression::kNone);
  std::string all;
  const std::string row = Noise(10'000);
  for (uint64_t rows = 1; rows <= 50; ++rows) {
    sink.buffer() += row;
    all += row;
    EXPECT_TRUE(sink.Offer(rows));
    EXPECT_EQ(sink.encoded_bytes(), all.size());
    EXPECT_LT(sink.buffer().size(), 64U * 1024);
  }
  EXPECT_TRUE(sink.Finish(50, EndFrame(), true));
  Done();
  EXPECT_EQ(JoinedBytes(pieces), all);
  EXPECT_GE(pieces.size(), all.size() / (64 * 1024 + row.size()));
  for (size_t i = 0; i + 1 < pieces.size(); ++i) {
    EXPECT_GE(pieces[i].bytes.size(), 64U * 1024);
    EXPECT_LT(pieces[i].rows, pieces[i + 1].rows);
  }
  EXPECT_EQ(pieces.back().rows, 50U);
}

TEST_F(ResultSinkTest, SplitsWideRowsIntoFrames) {
  ResultSink sink(socket, Compression::kNone);
  const std::string row = Noise(3'000'000);
  sink.buffer() += row;
  EXPECT_TRUE(sink.Offer(1));
  EXPECT_LE(sink.buffer().capacity(), 256U * 1024) << "its memory is not kept";
  EXPECT_TRUE(sink.Finish(1, EndFrame(), true));
  Done();
  EXPECT_EQ(JoinedBytes(pieces), row);
  EXPECT_LE(largest_frame, 256U * 1024 + protocol::RowsHeader::kBytes);
  EXPECT_GT(pieces.size(), 10U);
}

TEST_F(ResultSinkTest, DoesNotCompressSmallResults) {
  ResultSink sink(socket, Compression::kGzip);
  sink.buffer().append(1023, 'a');
  EXPECT_TRUE(sink.Offer(1));
  EXPECT_TRUE(sink.Finish(1, EndFrame(), true));
  Done();
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].compression, Compression::kNone);
  EXPECT_EQ(pieces[0].bytes, std::string(1023, 'a'));
}

TEST(ResultSink, NamesTheCompressionInEachPiece) {
  const std::string small(1024, 'a');
  const std::string large = Noise(1'000'000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    for (const std::string& text : {small, large}) {
      FrontSocket front;
      FrameSocket socket(front.TakeTheirs());
      std::string bytes;
      std::thread reader([&] {
        while (const auto frame = front.Read()) {
          if (frame->type != protocol::FrameType::kRows) break;
          EXPECT_EQ(protocol::ReadRowsHeader(frame->payload)->compression, compression);
          bytes += frame->payload.substr(protocol::RowsHeader::kBytes);
        }
      });
      ResultSink sink(socket, compression);
      for (size_t at = 0; at < text.size(); at += 50'000) {
        sink.buffer() += text.substr(at, 50'000);
        EXPECT_TRUE(sink.Offer(at));
      }
      EXPECT_TRUE(sink.Finish(text.size(), EndFrame(), true));
      EXPECT_EQ(sink.encoded_bytes(), text.size()) << "before compression";
      socket.Shutdown();
      reader.join();
      EXPECT_EQ(compression == Compression::kGzip ? result::Gunzip(bytes) : result::Unzstd(bytes),
                text);
    }
  }
}

// The first piece is sent because of its age. It can be read before the rest arrives.
TEST_F(ResultSinkTest, SendsOldPieces) {
  ResultSink sink(socket, Compression::kGzip);
  sink.buffer() += "first";
  const auto start = std::chrono::steady_clock::now();
  while (!sink.buffer().empty() &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(10)) {
    EXPECT_TRUE(sink.Offer(1));
    std::this_thread::yield();
  }
  EXPECT_TRUE(sink.buffer().empty());
  Done();
  ASSERT_GE(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].compression, Compression::kGzip);
  EXPECT_EQ(result::Gunzip(JoinedBytes(pieces)), "first");
}

// A decompressor must detect a result that was cut short.
TEST_F(ResultSinkTest, DoesNotFinishTheStreamOfAFailedResult) {
  ResultSink sink(socket, Compression::kGzip);
  sink.buffer().append(10'000, 'x');
  const std::string failed = protocol::ToFrame(protocol::Failed{.kind = 0, .message = "why"});
  EXPECT_TRUE(sink.Finish(1, failed, false));
  Done();
  const std::string bytes = JoinedBytes(pieces);
  EXPECT_EQ(result::Gunzip(bytes), std::string(10'000, 'x'));
  z_stream stream = {};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text(20'000, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_SYNC_FLUSH), Z_OK) << "and not Z_STREAM_END";
  inflateEnd(&stream);
}

TEST(ResultSink, ReportsAClosedSocket) {
  FrontSocket front;
  FrameSocket socket(front.TakeTheirs());
  front.Close();
  ResultSink sink(socket, Compression::kNone);
  sink.buffer().append(100'000, 'x');
  EXPECT_FALSE(sink.Offer(1));
  EXPECT_TRUE(sink.Offer(1)) << "nothing is left to send";
  sink.buffer() += 'x';
  EXPECT_FALSE(sink.Finish(2, EndFrame(), true));
}

}  // namespace
}  // namespace tarn::engine
