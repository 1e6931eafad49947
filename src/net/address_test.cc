#include "net/address.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/address.hpp>

namespace tarn::net {
namespace {

TEST(Address, UsesTheNetworkOfAnIpv6Address) {
  const auto of = [](const char* text) {
    return ClientAddress(boost::asio::ip::make_address(text));
  };
  EXPECT_EQ(of("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(of("::1"), "::1");
  EXPECT_EQ(of("fe80::1"), "fe80::1");
}

TEST(Address, RecognisesLoopbackAddresses) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopback(boost::asio::ip::make_address(text))) << text;
  }
  for (const char* text : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1", "0.0.0.0"}) {
    EXPECT_FALSE(IsLoopback(boost::asio::ip::make_address(text))) << text;
  }
}

}  // namespace
}  // namespace tarn::net
