#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::net {

struct HostPort {
  std::string host;
  std::string port;
};

// Parses "host:port" or "[::1]:port". The port is optional if `default_port` is given.
Result<HostPort> ParseHostPort(std::string_view text, std::string_view default_port = "");

// The key for per-client limits: the IPv4 address (also for an IPv4-mapped IPv6 address), or the
// /64 network of an IPv6 address ("2001:db8:1:2::/64"), because one host can use the whole network.
// Loopback and link-local addresses are used as they are.
std::string ClientAddress(const boost::asio::ip::address& address);

// True for 127.0.0.0/8, its IPv4-mapped IPv6 form, and ::1.
bool IsLoopback(const boost::asio::ip::address& address);

std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace tarn::net
