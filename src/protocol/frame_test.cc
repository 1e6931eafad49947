#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace tarn::protocol {
namespace {

struct Seen {
  FrameType type;
  std::string payload;
  bool operator==(const Seen&) const = default;
};

void Feed(FrameReader& reader, std::string_view bytes) {
  std::memcpy(reader.Prepare(bytes.size()), bytes.data(), bytes.size());
  reader.Commit(bytes.size());
}

std::vector<Seen> TakeAll(FrameReader& reader) {
  std::vector<Seen> seen;
  for (;;) {
    const Result<std::optional<Frame>> frame = reader.Next();
    if (!frame.ok()) throw std::runtime_error(frame.error().message);
    if (!*frame) return seen;
    seen.push_back({(*frame)->type, std::string((*frame)->payload)});
  }
}

std::vector<Seen> SomeFrames() {
  return {{FrameType::kQuery, "SELECT 1"},
          {FrameType::kEnd, ""},
          {FrameType::kRows, std::string("\0\xFF\n", 3)},
          {FrameType::kRows, std::string(100'000, 'x')},
          {FrameType::kFailed, "no"}};
}

std::string BytesOf(const std::vector<Seen>& frames) {
  std::string bytes;
  for (const Seen& frame : frames) AppendFrame(frame.type, frame.payload, bytes);
  return bytes;
}

TEST(Frame, ConsistsOfLengthTypeAndPayload) {
  std::string bytes;
  AppendFrame(FrameType::kEnd, "ab", bytes);
  EXPECT_EQ(bytes, std::string("\x02\0\0\0", 4) + static_cast<char>(FrameType::kEnd) + "ab");
  std::string header;
  AppendFrameHeader(FrameType::kRows, 0x01020304, header);
  EXPECT_EQ(header, std::string("\x04\x03\x02\x01") + static_cast<char>(FrameType::kRows));
}

TEST(FrameReader, AcceptsSingleBytes) {
  const std::vector<Seen> frames = SomeFrames();
  FrameReader reader;
  std::vector<Seen> seen;
  for (const char byte : BytesOf(frames)) {
    Feed(reader, std::string_view(&byte, 1));
    for (Seen& frame : TakeAll(reader)) seen.push_back(std::move(frame));
  }
  EXPECT_EQ(seen, frames);
}

TEST(FrameReader, AcceptsManyFramesInOneRead) {
  FrameReader reader;
  EXPECT_TRUE(TakeAll(reader).empty());
  Feed(reader, BytesOf(SomeFrames()));
  EXPECT_EQ(TakeAll(reader), SomeFrames());
  EXPECT_TRUE(TakeAll(reader).empty());
}

// Reads end at arbitrary positions, and the rest moves to the front of the buffer.
TEST(FrameReader, AcceptsPiecesOfAnySize) {
  std::vector<Seen> frames;
  for (int i = 0; i < 20; ++i) {
    for (const Seen& frame : SomeFrames()) frames.push_back(frame);
  }
  const std::string bytes = BytesOf(frames);
  for (const size_t piece : {2U, 5U, 7U, 4096U, 65'537U}) {
    FrameReader reader;
    std::vector<Seen> seen;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      Feed(reader, std::string_view(bytes).substr(at, piece));
      for (Seen& frame : TakeAll(reader)) seen.push_back(std::move(frame));
    }
    EXPECT_EQ(seen, frames) << piece;
  }
}

TEST(FrameReader, AcceptsFewerBytesThanPrepared) {
  FrameReader reader;
  const std::string bytes = BytesOf({{FrameType::kQuery, "SELECT 1"}});
  std::memcpy(reader.Prepare(1000), bytes.data(), 3);
  reader.Commit(3);
  reader.Prepare(1000);
  reader.Commit(0);
  std::memcpy(reader.Prepare(1000), bytes.data() + 3, bytes.size() - 3);
  reader.Commit(bytes.size() - 3);
  EXPECT_EQ(TakeAll(reader), (std::vector<Seen>{{FrameType::kQuery, "SELECT 1"}}));
}

TEST(FrameReader, ReportsTheMissingBytesOfAFrame) {
  FrameReader reader;
  EXPECT_EQ(reader.Missing(), kFrameHeaderBytes);
  std::string bytes;
  AppendFrame(FrameType::kRows, std::string(1000, 'x'), bytes);
  Feed(reader, std::string_view(bytes).substr(0, 3));
  EXPECT_EQ(reader.Missing(), kFrameHeaderBytes - 3);
  Feed(reader, std::string_view(bytes).substr(3, 2));
  EXPECT_EQ(reader.Missing(), 1000U);
  Feed(reader, std::string_view(bytes).substr(5, 400));
  EXPECT_EQ(reader.Missing(), 600U);
  Feed(reader, std::string_view(bytes).substr(405));
  // A complete frame that has not been returned: a reader must still wait for at least one byte.
  EXPECT_EQ(reader.Missing(), 1U);
  EXPECT_EQ(TakeAll(reader).size(), 1U);
  EXPECT_EQ(reader.Missing(), kFrameHeaderBytes);
}

TEST(FrameReader, RejectsLargeFramesBeforeReadingThem) {
  for (const FrameType type :
       {FrameType::kRows, FrameType::kEnd, FrameType::kFailed, FrameType::kBegun}) {
    const size_t limit = *PayloadBytesMax(Channel::kSlotFromEngine, type);
    std::string bytes;
    AppendFrameHeader(type, limit, bytes);
    FrameReader largest(Channel::kSlotFromEngine);
    Feed(largest, bytes);
    const Result<std::optional<Frame>> waits = largest.Next();
    ASSERT_TRUE(waits.ok());
    EXPECT_FALSE(*waits);

    for (const size_t size : {limit + 1, size_t{0xFFFFFFFF}}) {
      bytes.clear();
      AppendFrameHeader(type, size, bytes);
      FrameReader reader(Channel::kSlotFromEngine);
      Feed(reader, bytes);
      const Result<std::optional<Frame>> refused = reader.Next();
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().kind, ErrorKind::kInternal);
      EXPECT_FALSE(reader.Next().ok()) << "it stays broken";
    }
  }
}

TEST(FrameReader, RejectsTypesThatTheChannelDoesNotAllow) {
  const auto takes = [](Channel channel, FrameType type) {
    std::string bytes;
    AppendFrame(type, "", bytes);
    FrameReader reader(channel);
    Feed(reader, bytes);
    return reader.Next().ok();
  };
  EXPECT_TRUE(takes(Channel::kSlotFromEngine, FrameType::kBegun));
  EXPECT_TRUE(takes(Channel::kControlFromEngine, FrameType::kReady));
  EXPECT_FALSE(takes(Channel::kSlotFromEngine, FrameType::kReady));
  EXPECT_TRUE(takes(Channel::kControlFromProbes, FrameType::kReady));
  EXPECT_FALSE(takes(Channel::kControlFromEngine, FrameType::kRows));
  for (const FrameType type :
       {FrameType::kProbed, FrameType::kProbeProgress, FrameType::kDecoding}) {
    EXPECT_TRUE(takes(Channel::kControlFromProbes, type));
    EXPECT_FALSE(takes(Channel::kControlFromEngine, type)) << "it runs queries";
  }
  EXPECT_FALSE(takes(Channel::kControlFromProbes, FrameType::kHurry));
  for (const Channel channel :
       {Channel::kSlotFromEngine, Channel::kControlFromEngine, Channel::kControlFromProbes}) {
    EXPECT_FALSE(takes(channel, FrameType::kSetup));
    EXPECT_FALSE(takes(channel, FrameType::kQuery));
    EXPECT_FALSE(takes(channel, FrameType{0}));
    EXPECT_FALSE(takes(channel, FrameType{255}));
  }
}

// The declared length of a large frame does not allocate memory.
TEST(FrameReader, AllocatesMemoryAsBytesArrive) {
  std::string bytes;
  AppendFrameHeader(FrameType::kSetup, size_t{1024} * 1024 * 1024, bytes);
  FrameReader reader;
  Feed(reader, bytes);
  size_t come = bytes.size();
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(reader.Missing(), std::max<size_t>(come, 256 * 1024));
    Feed(reader, piece);
    come += piece.size();
  }
}

TEST(FrameReader, TakesNoMoreBytesThanThereIsRoomFor) {
  FrameReader reader;
  reader.Prepare(10);
  EXPECT_DEATH(reader.Commit(11), "more bytes were received than there is room for");
}

TEST(FrameReader, IsEmptyAfterAllFramesWereReturned) {
  FrameReader reader;
  EXPECT_TRUE(reader.empty());
  std::string bytes;
  AppendFrame(FrameType::kEnd, "ab", bytes);
  Feed(reader, bytes + "c");
  EXPECT_FALSE(reader.empty());
  ASSERT_TRUE(reader.Next().ok());
  EXPECT_FALSE(reader.empty()) << "a byte of another frame";
}

}  // namespace
}  // namespace tarn::protocol
