// How a Session reads: the pending read, the parser and the body.

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/text.h"
#include "http/request_framing.h"
#include "http/session.h"
#include "net/awaitable.h"

namespace tarn::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

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
  if (got == ParseOutcome::kOverBudget) {
    const uint64_t bytes = std::max<uint64_t>(parser.get().body().size(), length.value_or(0));
    co_return RenderError(OverBudgetError(bytes), request);
  }
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
    if (!FitsBudget(request, decoded.size())) {
      co_return RenderError(OverBudgetError(request.body.size() + decoded.size()), request);
    }
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

}  // namespace tarn::http
