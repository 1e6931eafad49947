#include "http/peer_log.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <vector>

namespace tarn::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

TEST(PeerLog, WritesOneLineForEachAddressAndInterval) {
  asio::io_context io;
  std::vector<PeerLog::Line> lines;
  const auto log =
      std::make_shared<PeerLog>(30ms, [&](const PeerLog::Line& line) { lines.push_back(line); });
  for (int i = 0; i < 5; ++i) log->Add(io.get_executor(), "a", std::to_string(i));
  log->Add(io.get_executor(), "b", "x");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].peer, "a");
  EXPECT_EQ(lines[0].detail, "0");
  EXPECT_EQ(lines[0].suppressed, 0U);
  EXPECT_EQ(lines[1].peer, "b");
  io.run();  // Until both intervals have ended without a line.
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2].peer, "a");
  EXPECT_EQ(lines[2].detail, "4");
  EXPECT_EQ(lines[2].suppressed, 4U);
  log->Add(io.get_executor(), "a");
  EXPECT_EQ(lines.size(), 4U);
}

TEST(PeerLog, LogsAddressesBeyondTheLimitTogether) {
  asio::io_context io;
  std::vector<PeerLog::Line> lines;
  const auto log =
      std::make_shared<PeerLog>(30ms, [&](const PeerLog::Line& line) { lines.push_back(line); });
  for (size_t i = 0; i < PeerLog::kPeersMax + 50; ++i) {
    log->Add(io.get_executor(), std::to_string(i));
  }
  EXPECT_EQ(lines.size(), PeerLog::kPeersMax + 1);
  EXPECT_EQ(lines.back().peer, "others");
  io.run();
  EXPECT_EQ(lines.back().suppressed, 49U);
  EXPECT_EQ(lines.size(), PeerLog::kPeersMax + 2);
}

}  // namespace
}  // namespace tarn::http
