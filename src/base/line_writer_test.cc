#include "base/line_writer.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

namespace tarn {
namespace {

class LineWriterTest : public testing::Test {
 protected:
  LineWriterTest() {
    EXPECT_EQ(pipe(ends.data()), 0);
    writer = std::make_unique<LineWriter>(ends[1]);
  }
  ~LineWriterTest() override {
    writer = nullptr;
    for (const int end : ends) close(end);
  }

  // The result of one read(2): the text of at least one write(2). Waits for it.
  std::string ReadOnce() const {
    std::string text(size_t{1} << 20U, '\0');
    const ssize_t bytes = read(ends[0], text.data(), text.size());
    text.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
    return text;
  }

  bool IsEmpty() const {
    pollfd readable{.fd = ends[0], .events = POLLIN};
    return poll(&readable, 1, 0) == 0;
  }

  std::array<int, 2> ends{};
  std::unique_ptr<LineWriter> writer;
};

TEST_F(LineWriterTest, WritesALineAfterAPauseAtOnce) {
  writer->Write("first", false);
  EXPECT_FALSE(IsEmpty());
  EXPECT_EQ(ReadOnce(), "first\n");
}

TEST_F(LineWriterTest, WritesTheLinesOfABurstTogether) {
  constexpr int kLines = 1000;
  std::string expected;
  std::string text;
  int writes = 0;
  for (int i = 0; i < kLines; ++i) {
    writer->Write(std::to_string(i), false);
    expected += std::to_string(i) + "\n";
    if (!IsEmpty()) {
      text += ReadOnce();
      ++writes;
    }
  }
  while (text.size() < expected.size()) {
    text += ReadOnce();
    ++writes;
  }
  EXPECT_EQ(text, expected);
  EXPECT_LT(writes, kLines / 10);
}

TEST_F(LineWriterTest, WritesAnUrgentLineAndTheLinesBeforeItAtOnce) {
  writer->Write("a", false);
  writer->Write("b", false);
  writer->Write("c", true);
  EXPECT_EQ(ReadOnce(), "a\nb\nc\n");
}

TEST_F(LineWriterTest, WritesLinesBeyondTheLimitAtOnce) {
  writer->Write("a", false);
  const std::string large(LineWriter::kPendingBytesMax, 'x');
  std::string text;
  std::thread reader([&] {
    while (text.size() < large.size() + 3) text += ReadOnce();
  });
  writer->Write(large, false);
  reader.join();
  EXPECT_EQ(text, "a\n" + large + "\n");
}

TEST_F(LineWriterTest, WritesDelayedLinesWhenItIsFlushed) {
  writer->Write("a", false);
  writer->Write("b", false);
  writer->Flush();
  EXPECT_EQ(ReadOnce(), "a\nb\n");
}

TEST_F(LineWriterTest, WritesDelayedLinesWhenItIsDestroyed) {
  writer->Write("a", false);
  writer->Write("b", false);
  writer = nullptr;
  EXPECT_EQ(ReadOnce(), "a\nb\n");
}

TEST_F(LineWriterTest, KeepsWholeLinesOfManyThreads) {
  std::string text;
  std::thread reader([&] {
    while (text.size() < 4 * 500 * 11) text += ReadOnce();
  });
  std::vector<std::thread> threads;
  for (char name = 'a'; name < 'e'; ++name) {
    threads.emplace_back([&, name] {
      for (int i = 0; i < 500; ++i) writer->Write(std::string(10, name), i % 100 == 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  reader.join();
  for (size_t at = 0; at < text.size(); at += 11) {
    EXPECT_EQ(text.substr(at, 11), std::string(10, text[at]) + "\n");
  }
}

TEST_F(LineWriterTest, DropsLinesThatCannotBeWritten) {
  const int closed = dup(ends[1]);
  close(closed);
  LineWriter broken(closed);
  broken.Write("a", false);
  broken.Write("b", true);
  EXPECT_TRUE(IsEmpty());
}

}  // namespace
}  // namespace tarn
