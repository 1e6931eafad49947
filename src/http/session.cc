#include "http/session.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>

#include "base/log.h"
#include "base/text.h"

namespace tarn::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadBytes = 8192;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

void FillRequest(const bhttp::request<bhttp::string_body>& message, Request& request) {
  request.method = View(message.method_string());
  const std::string_view target = View(message.target());
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message.base()) {
    request.headers.emplace_back(View(field.name_string()), View(field.value()));
  }
}

// What every answer carries, whatever its body.
template <class Message>
void FillHeader(Message& message, const Response& response, const Request& request,
                bool keep_alive) {
  message.set(bhttp::field::server, "tarn");
  message.set(bhttp::field::date, fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                                              fmt::gmtime(std::chrono::system_clock::to_time_t(
                                                  std::chrono::system_clock::now()))));
  message.set("X-Query-Id", request.id);
  message.set("X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) {
    message.set(bhttp::field::content_type, response.content_type);
  }
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
}

}  // namespace

Session::Session(tcp::socket socket, Server& server)
    : server_(server), stream_(std::move(socket)) {}

void Session::Start(std::function<void()> on_end) {
  asio::co_spawn(
      stream_.get_executor(), Run(),
      [self = shared_from_this(), on_end = std::move(on_end)](const std::exception_ptr& error) {
        if (error) {
          try {
            std::rethrow_exception(error);
          } catch (const std::exception& e) {
            log::Error("a connection failed", {{"error", e.what()}});
          }
        }
        on_end();
      });
}

void Session::Drain() {
  draining_ = true;
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    if (self->idle_) self->stream_.cancel();
  });
}

void Session::Close() {
  draining_ = true;
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->stream_.close(); });
}

asio::awaitable<void> Session::Run() {
  for (;;) {
    const bool again = co_await Serve();
    if (!again) break;
  }
  if (unread_) co_await Linger();
  beast::error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.close();
}

asio::awaitable<bool> Session::ReadHeader(Parser& parser) {
  idle_ = buffer_.size() == 0;
  if (idle_) {
    if (Closing()) co_return false;
    stream_.expires_after(server_.limits_.idle_timeout);
    const auto [code, got] = co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kTuple);
    if (code) co_return false;
    buffer_.commit(got);
    idle_ = false;
  }
  parser.header_limit(static_cast<uint32_t>(server_.limits_.header_bytes_max));
  parser.body_limit(boost::none);  // Known only when the route is.
  stream_.expires_after(server_.limits_.header_timeout);
  const auto [code, got] = co_await bhttp::async_read_header(stream_, buffer_, parser, kTuple);
  if (!code) co_return true;

  Request request;
  request.id = RandomId();
  int status = 0;
  std::string_view detail;
  if (code == bhttp::error::header_limit || code == bhttp::error::buffer_overflow) {
    status = 431;
    detail = "request header too large";
  } else if (code.category() == bhttp::make_error_code(bhttp::error::bad_method).category() &&
             code != bhttp::error::end_of_stream && code != bhttp::error::partial_message) {
    status = 400;
    detail = "not an HTTP request";
  }
  if (status != 0) {
    unread_ = true;
    co_await Write(RenderProblem(status, detail, false), request, 11, false);
    server_.Count(nullptr, status, 0);
  }
  co_return false;
}

asio::awaitable<Result<>> Session::ReadBody(Parser& parser, const Route& route) {
  const auto limit = static_cast<uint64_t>(route.body_bytes_max);
  const auto length = parser.content_length();
  if (length && *length > limit) {
    unread_ = true;
    co_return Error{ErrorKind::kTooLarge, route.too_large_message};
  }
  if (parser.is_done()) co_return Result<>();
  if (EqualsIgnoreCase(View(parser.get()[bhttp::field::expect]), "100-continue")) {
    const bhttp::response<bhttp::empty_body> go_on(bhttp::status::continue_, 11);
    const auto [code, sent] = co_await bhttp::async_write(stream_, go_on, kTuple);
    if (code) co_return Error{ErrorKind::kCancelled, "the client has gone"};
  }
  // Counted while reading, for a body that does not tell its length beforehand.
  parser.body_limit(limit);
  stream_.expires_after(server_.limits_.body_timeout);
  const auto [code, got] = co_await bhttp::async_read(stream_, buffer_, parser, kTuple);
  if (!code) co_return Result<>();
  unread_ = true;
  if (code == bhttp::error::body_limit) {
    co_return Error{ErrorKind::kTooLarge, route.too_large_message};
  }
  co_return Error{ErrorKind::kInvalidArgument, "cannot read the request's body"};
}

asio::awaitable<Response> Session::Handle(Parser& parser, Request& request, const Route*& route,
                                          bool& keep_alive) {
  Router::Match match = server_.router_.Find(request.method, request.path);
  route = match.route;
  if (route == nullptr) {
    // Whatever body it has is not read.
    keep_alive = keep_alive && parser.is_done();
    unread_ = !parser.is_done();
    if (match.allow.empty()) {
      co_return RenderProblem(404, "no such path", request.WantsProblemJson());
    }
    Response response = RenderProblem(405, "method not allowed, allowed: " + match.allow,
                                      request.WantsProblemJson());
    response.headers.emplace_back("Allow", match.allow);
    co_return response;
  }
  if (const Result<> body = co_await ReadBody(parser, *route); !body.ok()) {
    keep_alive = false;
    co_return RenderError(body.error(), request);
  }
  if (match.bad_encoding) {
    co_return RenderError(InvalidArgument("path: a '%' must be followed by two hex digits"),
                          request);
  }
  request.path_arguments = std::move(match.arguments);
  request.body = std::move(parser.get().body());
  std::string failure;
  try {
    co_return co_await route->handler(request);
  } catch (const std::exception& e) {
    failure = e.what();
  }
  log::Error("a handler threw",
             {{"query_id", request.id}, {"route", route->path}, {"error", failure}});
  co_return RenderError(Internal("internal error, see the log for query_id " + request.id),
                        request);
}

asio::awaitable<bool> Session::Serve() {
  Parser parser;
  const bool got_header = co_await ReadHeader(parser);
  if (!got_header) co_return false;
  const auto start = std::chrono::steady_clock::now();

  Request request;
  request.id = RandomId();
  FillRequest(parser.get(), request);
  const Route* route = nullptr;
  bool keep_alive = parser.get().keep_alive() && !Closing();
  const unsigned version = parser.get().version();
  Response response = co_await Handle(parser, request, route, keep_alive);
  keep_alive = keep_alive && !Closing();
  const int status = response.status;
  const bool written = co_await Write(std::move(response), request, version, keep_alive);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  server_.Count(route, status, took.count());
  log::Debug("request", {{"query_id", request.id},
                         {"method", request.method},
                         {"path", request.path},
                         {"status", status},
                         {"ms", took.count() * 1000}});
  co_return written&& keep_alive;
}

asio::awaitable<bool> Session::Write(Response response, const Request& request, unsigned version,
                                     bool keep_alive) {
  const bool head = request.method == "HEAD";
  stream_.expires_after(server_.limits_.write_timeout);
  if (auto* text = std::get_if<std::string>(&response.body)) {
    const size_t size = text->size();
    bhttp::response<bhttp::string_body> message(
        bhttp::int_to_status(static_cast<unsigned>(response.status)), version);
    FillHeader(message, response, request, keep_alive);
    if (response.status != 204) message.content_length(size);
    if (!head) message.body() = std::move(*text);
    const auto [code, sent] = co_await bhttp::async_write(stream_, message, kTuple);
    co_return !code;
  }

  bhttp::response<bhttp::empty_body> message(
      bhttp::int_to_status(static_cast<unsigned>(response.status)), version);
  // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
  const bool chunked = version >= 11;
  FillHeader(message, response, request, keep_alive && chunked);
  if (chunked) message.chunked(true);
  bhttp::response_serializer<bhttp::empty_body> serializer(message);
  const auto [code, sent] = co_await bhttp::async_write_header(stream_, serializer, kTuple);
  if (code) co_return false;
  if (head) co_return true;
  auto& body = *std::get<std::unique_ptr<BodyStream>>(response.body);
  const bool complete = co_await WriteChunks(body, request, chunked);
  co_return complete&& chunked;
}

asio::awaitable<bool> Session::WriteChunks(BodyStream& body, const Request& request, bool chunked) {
  for (;;) {
    stream_.expires_never();  // The time that the next bytes take is the query's.
    Result<std::optional<std::string>> bytes = co_await body.Next();
    if (!bytes.ok()) {
      log::Warn("response cut short", {{"query_id", request.id}, {"error", bytes.error().message}});
      co_return false;
    }
    stream_.expires_after(server_.limits_.write_timeout);
    beast::error_code code;
    if (!*bytes) {
      if (!chunked) co_return true;
      std::tie(code, std::ignore) =
          co_await asio::async_write(stream_, bhttp::make_chunk_last(), kTuple);
      co_return !code;
    }
    if ((*bytes)->empty()) continue;  // An empty chunk would end the body.
    const auto buffer = asio::buffer(**bytes);
    if (chunked) {
      std::tie(code, std::ignore) =
          co_await asio::async_write(stream_, bhttp::make_chunk(buffer), kTuple);
    } else {
      std::tie(code, std::ignore) = co_await asio::async_write(stream_, buffer, kTuple);
    }
    if (code) {
      log::Info("client did not take its answer",
                {{"query_id", request.id}, {"error", code.message()}});
      co_return false;
    }
  }
}

asio::awaitable<void> Session::Linger() {
  constexpr size_t kBytesMax = 1024 * 1024;
  constexpr auto kTimeMax = std::chrono::seconds(2);
  beast::error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kTimeMax);
  size_t total = 0;
  while (total < kBytesMax) {
    buffer_.clear();
    const auto [code, got] = co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kTuple);
    if (code) co_return;
    total += got;
  }
}

}  // namespace tarn::http
