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

std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace tarn::http
