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

constexpr auto kNever = std::chrono::steady_clock::time_point::max();
constexpr size_t kPipelinedBytesMax = 64 * 1024;
constexpr size_t kSliceBytes = 256 * 1024;
constexpr char kTlsHandshake = 0x16;  // The first byte of a connection with TLS.
constexpr auto kSlowAfter = std::chrono::seconds(1);

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

// The current time in the format of Date (RFC 9110, 5.6.7), formatted once per second on each
// thread.
std::string_view DateNow() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  if (const std::time_t now = std::time(nullptr); now != second || text.empty()) {
    text = fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(now));
    second = now;
  }
  return text;
}

// Appends a field. Replaces line breaks in the value, which would start another header.
void AppendField(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ");
  const size_t begin = text.size();
  text.append(value);
  std::replace_if(
      text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  text.append("\r\n");
}

struct Framing {
  unsigned version = 11;
  bool keep_alive = false;
  std::optional<size_t> content_length;
  bool chunked = false;
};

std::string HeaderText(const Response& response, const Request& request, const Framing& framing) {
  std::string text;
  text.reserve(640);
  text.append(framing.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ");
  text.append(fmt::format_int(response.status).c_str()).append(" ");
  text.append(ReasonPhrase(response.status)).append("\r\nServer: tarn\r\nDate: ");
  text.append(DateNow()).append("\r\nX-Query-Id: ").append(request.id);
  text.append("\r\n").append(WebSafety::kHeaders);
  if (!request.allowed_origin.empty()) WebSafety::AppendAllowOrigin(text, request.allowed_origin);
  if (!response.content_type.empty()) AppendField(text, "Content-Type", response.content_type);
  bool has_cache_control = false;
  bool has_policy = false;
  for (const auto& [name, value] : response.headers) {
    AppendField(text, name, value);
    has_cache_control = has_cache_control || EqualsIgnoreCase(name, "Cache-Control");
    has_policy = has_policy || EqualsIgnoreCase(name, "Content-Security-Policy");
  }
  if (!has_cache_control) text.append(WebSafety::kCacheControl);
  if (!has_policy) text.append(WebSafety::kContentSecurityPolicy);
  if (framing.chunked) {
    text.append("Transfer-Encoding: chunked\r\n");
    if (!response.trailer_names.empty()) {
      AppendField(text, "Trailer", fmt::format("{}", fmt::join(response.trailer_names, ", ")));
    }
  }
  if (framing.content_length) {
    text.append("Content-Length: ");
    text.append(fmt::format_int(*framing.content_length).c_str()).append("\r\n");
  }
  if (framing.version >= 11 && !framing.keep_alive) text.append("Connection: close\r\n");
  if (framing.version < 11 && framing.keep_alive) text.append("Connection: keep-alive\r\n");
  return text.append("\r\n");
}

// The first `bytes_max` bytes.
template <class Buffers>
Buffers Front(const Buffers& buffers, size_t bytes_max) {
  Buffers front;
  for (size_t i = 0; i < buffers.size(); ++i) {
    front[i] = asio::buffer(buffers[i], bytes_max);
    bytes_max -= front[i].size();
  }
  return front;
}

template <class Buffers>
void Skip(Buffers& buffers, size_t bytes) {
  for (asio::const_buffer& buffer : buffers) {
    const size_t here = std::min(bytes, buffer.size());
    buffer += here;
    bytes -= here;
  }
}

// The number of bytes in the kernel's send buffer.
int UnsentBytes(tcp::socket& socket) {
  int bytes = 0;
  return ioctl(socket.native_handle(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
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

// --- Reading ----------------------------------------------------------------------------------

void Session::StartRead() {
  if (reading_ || ended_ || closed_ || input_.size() >= input_bytes_max_) return;
  if (tls_) return ReadTls();
  reading_ = true;
  socket_.async_read_some(asio::buffer(*block_),
                          [self = shared_from_this()](const beast::error_code& code, size_t got) {
                            self->OnRead(code, got);
                          });
}

void Session::OnRead(const beast::error_code& code, size_t got) {
  reading_ = false;
  if (code) {
    ended_ = true;
    NotifyDisconnect();
  } else {
    std::memcpy(input_.prepare(got).data(), block_->data(), got);
    input_.commit(got);
    StartRead();
  }
  Wake();
}

void Session::Consume(size_t bytes) {
  input_.consume(bytes);
  StartRead();  // The read stops while the input is full.
}

asio::awaitable<Session::ParseOutcome> Session::Parse(Parser& parser, Duration timeout,
                                                      size_t bytes_max, beast::error_code& code) {
  const bool header = !parser.is_header_done();
  const auto done = [&] { return header ? parser.is_header_done() : parser.is_done(); };
  bool timed = false;
  size_t total = 0;
  for (;;) {
    while (input_.size() > 0 && !done()) {
      const size_t used = parser.put(input_.data(), code);
      Consume(used);
      total += used;
      // The parser limits only the bytes that it has not parsed yet, so a header that arrives line
      // by line would never reach its limit.
      if (header && total + (done() ? 0 : input_.size()) > bytes_max) {
        code = bhttp::error::header_limit;
      }
      if (code == bhttp::error::need_more) {
        code = {};
        break;
      }
      if (code) co_return ParseOutcome::kBad;
      if (!header && body_share_ && !body_share_->Resize(parser.get().body().size())) {
        co_return ParseOutcome::kOverBudget;
      }
    }
    if (done()) {
      ClearDeadline();
      co_return ParseOutcome::kComplete;
    }
    if (ended_ || closed_) co_return ParseOutcome::kEnd;
    if (!timed) SetDeadline(Deadline::After(timeout).At());
    timed = true;
    if (expired_) co_return ParseOutcome::kTimeout;
    co_await Wait();
  }
}

asio::awaitable<bool> Session::ReadHeader(Parser& parser) {
  const HttpSettings& limits = server_.limits_;
  idle_ = input_.size() == 0;
  if (idle_) {
    input_.shrink_to_fit();
    SetDeadline(Deadline::After(limits.idle_timeout).At());
    while (input_.size() == 0) {
      if (IsClosing() || ended_ || expired_) co_return false;
      co_await Wait();
    }
    ClearDeadline();
    idle_ = false;
  }
  if (closed_) co_return false;
  const auto bytes_max = static_cast<size_t>(limits.header_bytes_max);
  parser.header_limit(static_cast<uint32_t>(std::min<size_t>(bytes_max, UINT32_MAX)));
  parser.body_limit(boost::none);  // Set once the route is known.
  beast::error_code code;
  const ParseOutcome got = co_await Parse(parser, limits.header_timeout, bytes_max, code);
  const std::optional<FramingError> framing =
      got == ParseOutcome::kComplete ? CheckFraming(parser.get(), parser.get().version())
                                     : FramingErrorOf(code);
  if (framing) {
    server_.CountFramingError(peer_);
    co_await Refuse(framing->status, framing->detail);
    co_return false;
  }
  if (got == ParseOutcome::kComplete) co_return true;
  if (got == ParseOutcome::kTimeout) {
    co_await Refuse(408, "request header timeout");
  } else if (code == bhttp::error::header_limit) {
    co_await Refuse(431, "request header too large");
  } else if (got == ParseOutcome::kBad) {
    co_await Refuse(400, "not an HTTP request");
  }
  co_return false;
}

asio::awaitable<void> Session::Refuse(int status, std::string_view detail) {
  unread_ = true;
  Request request;
  request.id = RandomId();
  request_ = &request;
  Response response = RenderProblem(status, detail, false);
  co_await Write(response, request, 11, false);
  request_ = nullptr;
  server_.Count(nullptr, status, 0);
}

asio::awaitable<std::optional<Response>> Session::ReadBody(Parser& parser, const Route& route,
                                                           const Request& request) {
  const auto limit = static_cast<uint64_t>(route.body_bytes_max);
  const auto length = parser.content_length();
  const Error too_large{ErrorKind::kTooLarge, route.too_large_message};
  if (length && *length > limit) {
    unread_ = true;
    co_return RenderError(too_large, request);
  }
  if (parser.is_done()) co_return std::nullopt;
  // Not for HTTP/1.0, and not if the body is already arriving (RFC 9110, 10.1.1).
  if (parser.get().version() >= 11 && input_.size() == 0 &&
      EqualsIgnoreCase(request.Header("expect"), "100-continue")) {
    const std::string_view resume = "HTTP/1.1 100 Continue\r\n\r\n";
    // The following read reports a failure.
    const Buffers buffers{asio::buffer(resume)};
    co_await Send(buffers, nullptr);
  }
  // Checked while reading, for a body without Content-Length.
  parser.body_limit(limit);
  parser.eager(true);
  beast::error_code code;
  const ParseOutcome got = co_await Parse(parser, server_.limits_.body_timeout, 0, code);
  if (got == ParseOutcome::kComplete) co_return std::nullopt;
  unread_ = true;
  if (got == ParseOutcome::kTimeout) {
    co_return RenderProblem(408, "request body timeout", request.WantsProblemJson());
  }
  if (got == ParseOutcome::kOverBudget) co_return OverBudgetResponse(request);
  if (code == bhttp::error::body_limit) co_return RenderError(too_large, request);
  co_return RenderError(InvalidArgument("cannot read the request's body"), request);
}

asio::awaitable<std::optional<Response>> Session::DecodeBody(const std::string& coding,
                                                             const Route& route, Request& request) {
  const std::unique_ptr<ContentDecoder> decoder = ContentDecoder::Make(coding);
  const auto limit = static_cast<size_t>(route.body_bytes_max);
  std::string decoded;
  std::string_view rest = request.body;
  for (;;) {
    const size_t room = std::min(kSliceBytes, limit + 1 - decoded.size());
    const Result<bool> done = decoder->Decode(rest, decoded, room);
    if (!done.ok()) {
      co_return RenderError(done.error().Wrap("cannot decode the request's body"), request);
    }
    if (decoded.size() > limit) {
      co_return RenderError({ErrorKind::kTooLarge, route.too_large_message}, request);
    }
    if (!FitsBudget(request, decoded.size())) co_return OverBudgetResponse(request);
    if (*done) break;
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);  // Yields to other sessions.
  }
  request.body = std::move(decoded);
  co_return std::nullopt;
}

asio::awaitable<void> Session::Linger() {
  constexpr size_t kBytesMax = 1024 * 1024;
  constexpr auto kTimeMax = std::chrono::seconds(2);
  EndSending();
  SetDeadline(Clock::now() + kTimeMax);
  size_t total = 0;
  while (!ended_ && !closed_ && !expired_) {
    total += input_.size();
    if (total >= kBytesMax) break;
    Consume(input_.size());
    co_await Wait();
  }
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
    co_return co_await route->handler(request);
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
    response = OverBudgetResponse(request);
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

// --- Writing ----------------------------------------------------------------------------------

asio::awaitable<bool> Session::Write(Response& response, const Request& request, unsigned version,
                                     bool keep_alive) {
  const bool head = request.method == "HEAD";
  if (auto* stream = std::get_if<std::unique_ptr<BodyStream>>(&response.body)) {
    // HTTP/1.0 has no chunks: the end of the connection ends the body.
    const bool chunked = version >= 11;
    std::string header =
        HeaderText(response, request,
                   {.version = version, .keep_alive = keep_alive && chunked, .chunked = chunked});
    if (head) {
      const Buffers buffers{asio::buffer(header)};
      const bool sent = co_await Send(buffers, nullptr);
      co_return sent&& chunked;
    }
    Result<std::optional<std::string>> first = co_await (*stream)->Next();
    const bool fits = !first.ok() || !*first || FitsBudget(request, (*first)->size());
    if (first.ok() && fits) {
      const bool complete =
          co_await WriteStream(std::move(header), **stream, std::move(*first), request, chunked);
      co_return complete&& chunked;
    }
    response = fits ? RenderError(first.error(), request) : OverBudgetResponse(request);
  }

  const std::string& text = std::get<std::string>(response.body);
  Framing framing{.version = version, .keep_alive = keep_alive};
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body) framing.content_length = text.size();
  const std::string header = HeaderText(response, request, framing);
  Buffers buffers{asio::buffer(header)};
  if (has_body && !head) buffers[1] = asio::buffer(text);
  co_return co_await Send(buffers, nullptr);
}

asio::awaitable<bool> Session::WriteStream(std::string header, BodyStream& body,
                                           std::optional<std::string> bytes, const Request& request,
                                           bool chunked) {
  slow_reported_ = false;
  while (bytes) {
    if (!bytes->empty()) {  // An empty chunk would end the body.
      const std::string size = chunked ? fmt::format("{:x}\r\n", bytes->size()) : "";
      const std::string_view end = chunked ? "\r\n" : "";
      const Buffers buffers{asio::buffer(header), asio::buffer(size), asio::buffer(*bytes),
                            asio::buffer(end)};
      const bool sent = co_await Send(buffers, &body);
      if (!sent) co_return false;
      header.clear();
    }
    Result<std::optional<std::string>> next = co_await body.Next();
    if (!next.ok()) {
      log::Warn("response cut short", {{"query_id", request.id}, {"error", next.error().message}});
      truncated_ = true;
      // Without chunks, an orderly end would make the response look complete.
      if (!chunked) ResetOnClose();
      co_return false;
    }
    bytes = std::move(*next);
    if (bytes && body_share_) body_share_->Force(request.body.size() + bytes->size());
  }
  if (!chunked && body.NeedsTrailers()) {
    truncated_ = true;
    ResetOnClose();
    co_return false;
  }
  if (chunked) {
    header.append("0\r\n");
    for (const auto& [name, value] : body.Trailers()) AppendField(header, name, value);
    header.append("\r\n");
  }
  const Buffers rest{asio::buffer(header)};
  co_return co_await Send(rest, &body);
}

bool Session::FitsBudget(const Request& request, size_t response_bytes) {
  return !body_share_ || body_share_->Resize(request.body.size() + response_bytes);
}

Response Session::OverBudgetResponse(const Request& request) {
  server_.LogRefusedBody(peer_);
  return RenderError(Unavailable("too many large requests and responses are in memory "
                                 "(http.body_memory_max), try again later"),
                     request);
}

void Session::AwaitWritable() {
  if (awaiting_writable_) return;
  awaiting_writable_ = true;
  writable_ = false;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const beast::error_code&) {
                       self->awaiting_writable_ = false;
                       self->writable_ = true;  // Or failed: the next write reports it.
                       self->Wake();
                     });
}

void Session::ResetOnClose() {
  beast::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  reset_ = true;
}

asio::awaitable<bool> Session::Send(Buffers rest, BodyStream* body) {
  const Duration timeout = server_.limits_.write_timeout;
  Clock::time_point slow_at = kNever;
  Clock::time_point stalled_at = kNever;
  int unsent = 0;
  bool blocked = false;  // Since the call.
  bool progress = true;  // Since `stalled_at` was set.
  while (asio::buffer_size(rest) > 0) {
    if (closed_) co_return false;
    if (aborted_) {
      ResetOnClose();
      co_return false;
    }
    beast::error_code code;
    const size_t sent = WriteSome(Front(rest, kSliceBytes), code);
    if (!code) {
      Skip(rest, sent);
      progress = true;
      burst_bytes_ += sent;
      if (burst_bytes_ >= kSliceBytes) {
        burst_bytes_ = 0;
        co_await asio::post(socket_.get_executor(), asio::use_awaitable);
      }
      continue;
    }
    if (code != asio::error::would_block) co_return SendFailed(code.message());

    if (!blocked && body != nullptr && !slow_reported_) slow_at = Clock::now() + kSlowAfter;
    blocked = true;
    if (progress) {
      progress = false;
      stalled_at = Deadline::After(timeout).At();
      unsent = UnsentBytes(socket_);
    }
    burst_bytes_ = 0;
    AwaitWritable();
    SetDeadline(std::min(slow_at, stalled_at));
    while (!writable_ && !expired_ && !closed_ && !aborted_) co_await Wait();
    const auto now = Clock::now();
    if (now >= slow_at) {
      slow_at = kNever;
      slow_reported_ = true;
      body->OnSlowReader();
    }
    if (now >= stalled_at && !writable_) {
      // The kernel reports "writable" only when much of its buffer is free. A slow client may have
      // read less than that within the timeout, which still counts as progress.
      const int left = UnsentBytes(socket_);
      if (left >= unsent) {
        // Otherwise the kernel would keep the unsent bytes and retransmit for minutes.
        ResetOnClose();
        co_return SendFailed("nothing was read within http.write_timeout");
      }
      progress = true;
    }
  }
  ClearDeadline();
  co_return true;
}

bool Session::SendFailed(const std::string& why) {
  truncated_ = true;
  ClearDeadline();
  log::Info("client did not read the response", {{"query_id", request_->id}, {"error", why}});
  NotifyDisconnect();
  return false;
}

}  // namespace tarn::http
