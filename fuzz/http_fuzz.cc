// http: a real server on the loopback address, fed with the input as the bytes of one connection.
// The first byte determines the size of the pieces. For all inputs, the server sends a sequence of
// valid responses, and the connection ends.

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "fuzz.h"
#include "http/daemon_routes.h"
#include "http/server.h"

namespace {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using tarn::http::Request;
using tarn::http::Response;

// Echoes the request everywhere in the response that a handler can write to. No part of it may
// become another header or another response.
asio::awaitable<tarn::Result<Response>> Echo(const Request& request) {
  Response response = Response::Text(200, request.body);
  response.headers.emplace_back("X-Query", request.query);
  for (const std::string& argument : request.path_arguments) {
    response.headers.emplace_back("X-Argument", argument);
  }
  response.headers.emplace_back("X-Accept", request.Header("accept"));
  co_return response;
}

asio::awaitable<tarn::Result<Response>> Fail(const Request& request) {
  co_return tarn::http::RenderError(tarn::InvalidArgument("no: " + request.body), request);
}

// Streamed in pieces, like the result of a query.
class Pieces : public tarn::http::BodyStream {
 public:
  explicit Pieces(std::string text) : text_(std::move(text)) {}
  asio::awaitable<tarn::Result<std::optional<std::string>>> Next() override {
    if (text_.empty()) co_return std::optional<std::string>();
    std::string piece = text_.substr(0, 7);
    text_.erase(0, piece.size());
    co_return std::optional<std::string>(std::move(piece));
  }
  tarn::http::Headers Trailers() override { return {{"X-End", "true"}}; }

 private:
  std::string text_;
};

asio::awaitable<tarn::Result<Response>> Stream(const Request& request) {
  Response response;
  response.trailer_names = {"X-End"};
  response.body = std::make_unique<Pieces>(request.body + request.query);
  co_return response;
}

struct Server {
  asio::io_context io{1};
  tarn::Metrics metrics;
  tarn::http::Server server{io, tarn::http::Router(Routes(metrics)), Limits(), metrics};

  Server() {
    tarn::log::Configure("fuzz", tarn::log::Format::kText, tarn::log::Level::kError);
    FUZZ_CHECK(server.Listen("127.0.0.1:0").ok(), "cannot listen");
  }
  static tarn::HttpSettings Limits() {
    tarn::HttpSettings limits;
    limits.header_bytes_max = 2048;
    return limits;
  }
  static std::vector<tarn::http::Route> Routes(const tarn::Metrics& metrics) {
    std::vector<tarn::http::Route> routes = tarn::http::DaemonRoutes(
        metrics,
        []() -> asio::awaitable<tarn::Result<>> { co_return tarn::Unavailable("not yet"); }, "{}");
    for (const char* method : {"GET", "PUT", "DELETE"}) {
      routes.push_back({.method = method, .path = "/things/{name}/{part}", .handler = Echo});
    }
    routes.push_back({.method = "POST", .path = "/sql", .handler = Echo, .body_bytes_max = 1024});
    routes.push_back({.method = "POST", .path = "/fail", .handler = Fail});
    routes.push_back({.method = "POST", .path = "/stream", .handler = Stream});
    return routes;
  }
};

class Client {
 public:
  explicit Client(const std::string& address) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    // Closes without TIME_WAIT, which would use up all ports after some thousand connections.
    const linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    const auto* address_of = reinterpret_cast<const sockaddr*>(&to);  // NOLINT: the sockets API
    FUZZ_CHECK(connect(socket_, address_of, sizeof(to)) == 0, "cannot connect");
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Send(std::string_view bytes) {
    // The server may have closed the connection, so errors are ignored.
    (void)send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void EndSending() { shutdown(socket_, SHUT_WR); }
  // Returns false at the end of the connection.
  bool Receive(std::string& out) {
    char buffer[16 * 1024];
    const ssize_t got = recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got > 0) out.append(buffer, static_cast<size_t>(got));
    return got > 0 || (got < 0 && errno == EAGAIN);
  }

 private:
  const int socket_;
};

// Sends these bytes on one connection, and returns the responses until the server closes it.
std::string Answer(Server& server, std::string_view bytes, size_t piece) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::seconds(20);
  Client client(server.server.address());
  std::string answers;
  while (!bytes.empty()) {
    const size_t now = std::min(piece, bytes.size());
    client.Send(bytes.substr(0, now));
    bytes.remove_prefix(now);
    server.io.poll();
    if (!client.Receive(answers)) return answers;
  }
  client.EndSending();
  const auto until = Clock::now() + kPatience;
  while (client.Receive(answers)) {
    FUZZ_CHECK(Clock::now() < until, "the connection does not end\n" + answers);
    server.io.run_one_for(std::chrono::milliseconds(1));
    server.io.poll();
  }
  return answers;
}

// The methods of the requests are not known here, and a response to HEAD has no body. So the
// responses to an input that contains "HEAD" are not read to the end.
void CheckAnswers(std::string_view answers, bool may_be_head) {
  constexpr unsigned kKnown[] = {200, 204, 400, 403, 404, 405, 408, 413, 415, 431, 501, 503};
  while (!answers.empty()) {
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(boost::none);
    parser.eager(true);
    boost::beast::error_code code;
    const size_t used = parser.put(asio::buffer(answers.data(), answers.size()), code);
    if (code == bhttp::error::need_more) code = {};
    FUZZ_CHECK(!code, std::string(answers) + "\n" + code.message());
    FUZZ_CHECK(parser.is_header_done(), answers);
    const unsigned status = parser.get().result_int();
    if (status == 100) {
      answers.remove_prefix(used);
      continue;
    }
    FUZZ_CHECK(std::find(std::begin(kKnown), std::end(kKnown), status) != std::end(kKnown),
               answers);
    FUZZ_CHECK(parser.get().count("X-Query-Id") == 1, answers);
    FUZZ_CHECK(parser.get().count("Server") == 1, answers);
    if (may_be_head) return;
    FUZZ_CHECK(parser.is_done() || parser.need_eof(), answers);
    if (!parser.is_done()) return;  // In HTTP/1.0, the body ends with the connection.
    answers.remove_prefix(used);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* server = new Server();
  if (size == 0) return 0;
  // Mostly in one piece, otherwise in small pieces.
  const size_t piece = data[0] < 128 ? size : data[0] % 64 + 1;
  const std::string_view bytes = tarn::fuzz::Text(data + 1, size - 1);
  const std::string answers = Answer(*server, bytes, piece);
  CheckAnswers(answers, bytes.find("HEAD") != std::string_view::npos);
  return 0;
}
