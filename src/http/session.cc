#include "http/session.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "http/request_framing.h"
#include "net/awaitable.h"

namespace tarn::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr size_t kPipelinedBytesMax = 64 * 1024;
constexpr char kTlsHandshake = 0x16;  // The first byte of a connection with TLS.

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// True for an id that is safe in a log line and in a path: 1 to 64 letters, digits, '-', '_' and
// '.'.
bool IsQueryId(std::string_view text) {
  constexpr size_t kLengthMax = 64;
  return !text.empty() && text.size() <= kLengthMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_' || c == '.';
         });
}

// Removes "http://host:port" from a target in absolute-form (RFC 9112, 3.2.2) and returns
// host:port.
std::optional<std::string> ConsumeAuthority(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualsIgnoreCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t end = std::min(target.find_first_of("/?#"), target.size());
    std::string authority(target.substr(0, end));
    target.remove_prefix(end);
    return authority;
  }
  return std::nullopt;
}

void FillRequest(const bhttp::request<bhttp::string_body>& message, Request& request) {
  request.method = View(message.method_string());
  std::string_view target = View(message.target());
  request.authority = ConsumeAuthority(target);
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (request.authority && request.path.empty()) request.path = "/";
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  request.headers.reserve(8);
  for (const auto& field : message.base()) {
    request.headers.emplace_back(View(field.name_string()), View(field.value()));
  }
}

}  // namespace

Session::Session(tcp::socket socket, Server& server, std::string peer)
    : server_(server),
      peer_(std::move(peer)),
      socket_(std::move(socket)),
      block_(std::make_unique<std::array<char, kReadBytes>>()),
      input_bytes_max_(static_cast<size_t>(server.limits_.header_bytes_max) + kPipelinedBytesMax),
      signal_(socket_.get_executor(), kNever),
      alarm_(socket_.get_executor()) {
  beast::error_code ignored;
  // Writes are tried at once; the session waits only if the send buffer is full.
  socket_.non_blocking(true, ignored);
}

void Session::Start(std::function<void()> on_end) {
  asio::co_spawn(
      socket_.get_executor(), Run(),
      [self = shared_from_this(), on_end = std::move(on_end)](const std::exception_ptr& error) {
        if (error) {
          try {
            std::rethrow_exception(error);
          } catch (const std::exception& e) {
            log::Error("a connection failed", {{"error", e.what()}});
          }
          beast::error_code ignored;
          self->tls_ = nullptr;
          self->socket_.close(ignored);
        }
        self->client_ = nullptr;
        self->alarm_.cancel();
        on_end();
      });
}

void Session::Drain() {
  draining_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Wake(); });
}

void Session::Close() {
  draining_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->closed_ = true;
    beast::error_code ignored;
    self->tls_ = nullptr;
    self->socket_.close(ignored);
    self->NotifyDisconnect();
    self->Wake();
  });
}

asio::awaitable<void> Session::Run() {
  bool keep_open = true;
  if (server_.tls_ != nullptr) keep_open = co_await Handshake();
  if (keep_open) StartRead();
  while (keep_open) keep_open = co_await Serve();
  if (unread_) co_await Linger();
  EndSending();
  tls_ = nullptr;
  beast::error_code ignored;
  socket_.close(ignored);
  if (beyond_ != ConnectionTable::Limit::kNone && !is_served_) server_.CountRefused(beyond_);
}

void Session::EndSending() {
  if (reset_ || closed_ || sending_ended_) return;
  sending_ended_ = true;
  if (tls_ && !truncated_) tls_->Close();
  beast::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

// --- TLS --------------------------------------------------------------------------------------

asio::awaitable<bool> Session::Handshake() {
  using Step = net::TlsStream::Step;
  SetDeadline(Deadline::After(server_.limits_.header_timeout).At());
  Step step = Step::kWantRead;
  while (step != Step::kDone) {
    const bool to_write = step == Step::kWantWrite;
    to_write ? AwaitWritable() : AwaitReadable();
    while (!(to_write ? writable_ : readable_) && !expired_ && !IsClosing()) co_await Wait();
    if (closed_ || IsClosing()) co_return false;
    if (expired_) {
      server_.tls_->CountFailure();
      co_return false;
    }
    if (!tls_) {
      char first = 0;
      const ssize_t got = recv(socket_.native_handle(), &first, 1, MSG_PEEK);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) co_return false;
      if (first != kTlsHandshake) {
        // Plain HTTP on a TLS port gets a readable error.
        ClearDeadline();
        server_.tls_->CountFailure();
        StartRead();
        co_await Refuse(400, "this port speaks HTTPS: write https://");
        co_return false;
      }
      tls_ =
          std::make_unique<net::TlsStream>(server_.tls_->Context().get(), socket_.native_handle());
    }
    step = tls_->Handshake();
    if (step == Step::kEnd || step == Step::kFailed) {
      server_.tls_->CountFailure();
      log::Debug("TLS handshake failed", {{"error", tls_->failure()}});
      co_return false;
    }
  }
  ClearDeadline();
  tls_has_more_ = true;
  co_return true;
}

void Session::AwaitReadable() {
  if (awaiting_readable_) return;
  awaiting_readable_ = true;
  readable_ = false;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const beast::error_code&) {
    self->awaiting_readable_ = false;
    self->readable_ = true;
    self->Wake();
  });
}

void Session::ReadTls() {
  reading_ = true;
  const auto resume = [self = shared_from_this()](const beast::error_code& code) {
    self->OnTlsReadable(code);
  };
  if (tls_has_more_) {
    asio::post(socket_.get_executor(), [resume] { resume({}); });
  } else {
    socket_.async_wait(tls_read_wants_write_ ? tcp::socket::wait_write : tcp::socket::wait_read,
                       resume);
  }
}

void Session::OnTlsReadable(const beast::error_code& code) {
  using Step = net::TlsStream::Step;
  reading_ = false;
  tls_has_more_ = false;
  bool ended = code || !tls_;
  while (!ended) {
    if (input_.size() >= input_bytes_max_) {
      tls_has_more_ = true;
      break;
    }
    size_t got = 0;
    const Step step = tls_->Read(*block_, got);
    if (step == Step::kDone) {
      std::memcpy(input_.prepare(got).data(), block_->data(), got);
      input_.commit(got);
      continue;
    }
    ended = step == Step::kEnd || step == Step::kFailed;
    tls_read_wants_write_ = step == Step::kWantWrite;
    break;
  }
  if (ended) {
    ended_ = true;
    NotifyDisconnect();
  } else {
    StartRead();
  }
  Wake();
}

size_t Session::WriteSome(const Buffers& buffers, beast::error_code& code) {
  if (!tls_) return socket_.write_some(buffers, code);
  size_t sent = 0;
  const net::TlsStream::Step step = tls_->Write(buffers, sent);
  code = {};
  if (step == net::TlsStream::Step::kWantWrite) {
    code = asio::error::would_block;
  } else if (step != net::TlsStream::Step::kDone) {
    code = asio::error::connection_reset;
  }
  return sent;
}

// --- Waiting ----------------------------------------------------------------------------------

asio::awaitable<void> Session::Wait() {
  waiting_ = true;
  co_await signal_.async_wait(net::kAsTuple);
  waiting_ = false;
}

void Session::Wake() {
  if (waiting_) signal_.cancel();
}

void Session::SetDeadline(Clock::time_point at) {
  expired_ = false;
  deadline_ = at;
  if (at < armed_) Arm(at);
}

void Session::Arm(Clock::time_point at) {
  armed_ = at;
  alarm_.expires_at(at);
  alarm_.async_wait([self = shared_from_this()](const beast::error_code& code) {
    if (code) return;  // Rearmed, or the session has ended.
    self->armed_ = kNever;
    if (self->deadline_ > Clock::now()) {
      if (self->deadline_ != kNever) self->Arm(self->deadline_);
      return;
    }
    self->expired_ = true;
    self->Wake();
  });
}

void Session::NotifyDisconnect() {
  // A copy, because the callback may end the request.
  if (const auto client = client_) client->MarkDisconnected();
}

// --- A request --------------------------------------------------------------------------------

std::optional<Response> Session::RefuseBeyondLimit(const Route* route,
                                                   const Request& request) const {
  if (beyond_ == ConnectionTable::Limit::kNone) return std::nullopt;
  if (route != nullptr && route->is_operational) return std::nullopt;
  return RenderError(Unavailable(beyond_ == ConnectionTable::Limit::kAddress
                                     ? "too many connections from this address"
                                     : "too many connections"),
                     request);
}

asio::awaitable<Response> Session::Handle(Parser& parser, Request& request, const Route*& route,
                                          bool& keep_alive) {
  const auto leave_body = [&] {
    keep_alive = keep_alive && parser.is_done();
    unread_ = !parser.is_done();
  };
  const WebSafety::Verdict verdict = server_.web_safety_.Check(request, parser.get().version());
  if (verdict.refusal) {
    unread_ = !parser.is_done();
    keep_alive = false;
    co_return RenderProblem(verdict.refusal->status, verdict.refusal->detail,
                            request.WantsProblemJson());
  }
  request.allowed_origin = verdict.allowed_origin;
  Router::Match match = server_.router_.Find(request.method, request.path);
  route = match.route;
  if (std::optional<Response> refusal = RefuseBeyondLimit(route, request)) {
    leave_body();
    co_return std::move(*refusal);
  }
  is_served_ = true;
  if (route == nullptr) {
    leave_body();
    if (!match.allow.empty() && WebSafety::IsPreflight(request, verdict)) {
      co_return WebSafety::PreflightResponse(match.allow);
    }
    if (match.allow.empty()) {
      co_return RenderProblem(404, "no such path", request.WantsProblemJson());
    }
    Response response = RenderProblem(405, "method not allowed, allowed: " + match.allow,
                                      request.WantsProblemJson());
    response.headers.emplace_back("Allow", match.allow);
    co_return response;
  }
  const bool has_body = !parser.is_done();
  std::optional<Response> refused = co_await Authorize(request, *route, verdict, has_body);
  if (refused) {
    leave_body();
    co_return std::move(*refused);
  }
  body_share_.emplace(server_.body_budget_, request.identity->name);
  request.reserve_response = [this, &request](uint64_t bytes) {
    return FitsBudget(request, bytes) ? Result<>() : OverBudgetError(request.body.size() + bytes);
  };
  const std::string coding = has_body ? ContentDecoder::CodingOf(request) : "";
  if (!coding.empty() && !ContentDecoder::IsSupported(coding)) {
    leave_body();
    Response response = RenderProblem(415, "Content-Encoding must be gzip or zstd, or left out",
                                      request.WantsProblemJson());
    response.headers.emplace_back("Accept-Encoding", ContentDecoder::kSupported);
    co_return response;
  }
  if (std::optional<Response> refusal = co_await ReadBody(parser, *route, request)) {
    keep_alive = false;
    co_return std::move(*refusal);
  }
  if (!server_.connections_.BeginRequest(*this)) {
    // The connection was evicted and is about to be closed.
    keep_alive = false;
    co_return RenderError(Unavailable("too many connections"), request);
  }
  if (match.bad_encoding) {
    co_return RenderError(InvalidArgument("path: a '%' must be followed by two hex digits"),
                          request);
  }
  request.path_arguments = std::move(match.arguments);
  request.body = std::move(parser.get().body());
  if (!coding.empty()) {
    if (std::optional<Response> refusal = co_await DecodeBody(coding, *route, request)) {
      co_return std::move(*refusal);
    }
  }
  std::string failure;
  try {
    Result<Response> response = co_await route->handler(request);
    if (response.ok()) co_return std::move(*response);
    co_return RenderError(response.error(), request);
  } catch (const std::exception& e) {
    failure = e.what();
  }
  log::Error("a handler threw",
             {{"query_id", request.id}, {"route", route->path}, {"error", failure}});
  co_return RenderError(Internal("internal error, see the log for query_id " + request.id),
                        request);
}

asio::awaitable<std::optional<Response>> Session::Authorize(Request& request, const Route& route,
                                                            const WebSafety::Verdict& verdict,
                                                            bool has_body) {
  std::optional<Response> refusal = co_await server_.authorization_->Refuse(request, route, peer_);
  if (refusal || !has_body) co_return std::move(refusal);
  const std::optional<WebSafety::Refusal> bad_body = WebSafety::CheckBody(request, verdict);
  if (!bad_body) co_return std::nullopt;
  co_return RenderProblem(bad_body->status, bad_body->detail, request.WantsProblemJson());
}

asio::awaitable<bool> Session::Serve() {
  Parser parser;
  const bool got_header = co_await ReadHeader(parser);
  if (!got_header) co_return false;
  if (parser.is_done() && !server_.connections_.BeginRequest(*this)) co_return false;
  const auto start = Clock::now();

  Request request;
  FillRequest(parser.get(), request);
  // A client that wants to cancel its query must know the id before the response arrives.
  const std::string_view asked = request.Header("X-Query-Id");
  request.id = IsQueryId(asked) ? std::string(asked) : RandomId();
  request.client = std::make_shared<ClientWatch>();
  client_ = request.client;
  aborted_ = false;
  client_->OnAbort([this] {
    aborted_ = true;
    Wake();
  });
  request_ = &request;
  if (ended_ || closed_) NotifyDisconnect();
  const Route* route = nullptr;
  const bool is_reserved = beyond_ != ConnectionTable::Limit::kNone;
  bool keep_alive = parser.get().keep_alive() && !IsClosing() && !is_reserved;
  const unsigned version = parser.get().version();
  Response response = co_await Handle(parser, request, route, keep_alive);
  if (const auto* text = std::get_if<std::string>(&response.body);
      text != nullptr && !FitsBudget(request, text->size())) {
    response = RenderError(OverBudgetError(request.body.size() + text->size()), request);
  }
  if (server_.error_document_ && !response.problem.empty() &&
      request.path.starts_with(server_.error_prefix_)) {
    server_.error_document_(response);
  }
  keep_alive = keep_alive && !IsClosing();
  const bool written = co_await Write(response, request, version, keep_alive);
  server_.connections_.AwaitRequest(*this);
  client_->OnDisconnect(nullptr);
  client_->OnAbort(nullptr);
  client_ = nullptr;
  request_ = nullptr;
  body_share_.reset();
  const std::chrono::duration<double> took = Clock::now() - start;
  server_.Count(route, response.status, took.count());
  if (log::Enabled(log::Level::kDebug)) {
    log::Debug("request", {{"query_id", request.id},
                           {"method", request.method},
                           {"path", request.path},
                           {"status", response.status},
                           {"ms", took.count() * 1000}});
  }
  co_return written&& keep_alive;
}

}  // namespace tarn::http
