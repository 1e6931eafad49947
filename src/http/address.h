#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::http {

struct HostPort {
  std::string host;
  std::string port;
};

// "host:port", "[::1]:port"; with `default_port`, the port may be missing.
Result<HostPort> ParseHostPort(std::string_view text, std::string_view default_port = "");

// The address that limits for each client count by: of IPv6 the network of 64 bits, all of which
// one host can have ("2001:db8:1:2::/64"), but for loopback and link-local addresses; of an IPv4
// address in IPv6 the IPv4 address.
std::string ClientAddress(const boost::asio::ip::address& address);

std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace tarn::http
