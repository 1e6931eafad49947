#include "net/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/network_v6.hpp>

namespace tarn::net {

Result<HostPort> ParseHostPort(std::string_view text, std::string_view default_port) {
  const auto bad = [&] {
    return InvalidArgument(fmt::format("\"{}\" is not host:port, as in 127.0.0.1:3214", text));
  };
  HostPort out;
  std::string_view rest = text;
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return bad();
    out.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    const size_t colon = std::min(rest.find(':'), rest.size());
    out.host = rest.substr(0, colon);
    rest.remove_prefix(colon);
  }
  if (rest.starts_with(':')) {
    out.port = rest.substr(1);
  } else if (rest.empty()) {
    out.port = default_port;
  } else {
    return bad();
  }
  const bool digits =
      !out.port.empty() && out.port.size() <= 5 &&
      std::all_of(out.port.begin(), out.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (out.host.empty() || !digits || std::stoi(out.port) > 65535) return bad();
  return out;
}

std::string ClientAddress(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (!address.is_v6()) return address.to_string();
  const ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  if (v6.is_loopback() || v6.is_link_local()) return v6.to_string();
  return ip::network_v6(v6, 64).canonical().to_string();
}

bool IsLoopback(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
  return ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback();
}

std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace tarn::net
