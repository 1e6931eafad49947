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

// The key for limits on one client: the IPv4 address (also of an IPv4 address in IPv6), or the /64
// network of an IPv6 address ("2001:db8:1:2::/64"), because one host can use all of it. Loopback
// and link-local addresses stay whole.
std::string ClientAddress(const boost::asio::ip::address& address);

// True for 127.0.0.0/8, also as an IPv4 address in IPv6, and ::1.
bool IsLoopback(const boost::asio::ip::address& address);

std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace tarn::http
