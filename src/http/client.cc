#include "http/client.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "http/address.h"

namespace tarn::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Error Failed(const Url& url, std::string_view step, const beast::error_code& code) {
  const bool timeout = code == beast::error::timeout || code == asio::error::operation_aborted;
  return {timeout ? ErrorKind::kTimeout : ErrorKind::kUnavailable,
          fmt::format("{} {}:{}: {}", step, url.host, url.port,
                      timeout ? "timed out" : code.message())};
}

asio::awaitable<Result<ClientResponse>> Exchange(asio::io_context& io, const Url& url,
                                                 const ClientRequest& request, Deadline deadline) {
  asio::ip::tcp::resolver resolver(io);
  auto [resolve_code, endpoints] = co_await resolver.async_resolve(url.host, url.port, kTuple);
  if (resolve_code) co_return Failed(url, "resolve", resolve_code);

  beast::tcp_stream stream(io);
  if (!deadline.IsNever()) stream.expires_at(deadline.At());
  auto [connect_code, endpoint] = co_await stream.async_connect(endpoints, kTuple);
  if (connect_code) co_return Failed(url, "connect to", connect_code);

  bhttp::request<bhttp::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(url.path + request.path);
  message.set(bhttp::field::host, fmt::format("{}:{}", url.host, url.port));
  message.set(bhttp::field::user_agent, "tarn");
  message.set(bhttp::field::accept, "application/json");
  message.keep_alive(false);
  if (!request.bearer_token.empty()) {
    message.set(bhttp::field::authorization, "Bearer " + request.bearer_token);
  }
  if (!request.body.empty()) {
    message.set(bhttp::field::content_type, "application/json");
    message.body() = request.body;
    message.prepare_payload();
  }
  auto [write_code, sent] = co_await bhttp::async_write(stream, message, kTuple);
  if (write_code) co_return Failed(url, "send to", write_code);

  beast::flat_buffer buffer;
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(request.answer_bytes_max);
  auto [read_code, got] = co_await bhttp::async_read(stream, buffer, parser, kTuple);
  if (read_code) co_return Failed(url, "read from", read_code);
  co_return ClientResponse{static_cast<int>(parser.get().result_int()),
                           std::move(parser.get().body())};
}

}  // namespace

Result<Url> ParseHttpUrl(const std::string& text) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with("https://")) {
    return InvalidArgument("\"" + text + "\": https is not supported yet, write http://");
  }
  if (!text.starts_with(kScheme)) {
    return InvalidArgument("\"" + text + "\" is not a URL, as in http://127.0.0.1:3212");
  }
  const std::string rest = text.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  TARN_TRY(const HostPort where, ParseHostPort(rest.substr(0, slash), "80"));
  std::string path = rest.substr(slash);
  while (path.ends_with('/')) path.pop_back();
  if (path.find_first_of("?# ") != std::string::npos) {
    return InvalidArgument("\"" + text + "\": a query or fragment does not belong here");
  }
  return Url{where.host, where.port, path};
}

Result<ClientResponse> Send(const Url& url, const ClientRequest& request, Deadline deadline) {
  asio::io_context io(1);
  Result<ClientResponse> result =
      Error{ErrorKind::kTimeout, fmt::format("resolve {}: timed out", url.host)};
  asio::co_spawn(io, Exchange(io, url, request, deadline),
                 [&result](const std::exception_ptr& error, Result<ClientResponse> answer) {
                   if (!error) {
                     result = std::move(answer);
                     return;
                   }
                   try {
                     std::rethrow_exception(error);
                   } catch (const std::exception& e) {
                     result = Internal(e.what());
                   }
                 });
  if (deadline.IsNever()) {
    io.run();
  } else {
    // The stream keeps the deadline itself; the grace is for looking up the name.
    io.run_until(deadline.At() + std::chrono::milliseconds(100));
  }
  return result;
}

}  // namespace tarn::http
