// How a Session writes: the header, the body in slices, and streams.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "http/session.h"
#include "net/awaitable.h"

namespace tarn::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

namespace {

constexpr auto kSlowAfter = std::chrono::seconds(1);

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
    response = RenderError(
        fits ? first.error() : OverBudgetError(request.body.size() + (*first)->size()), request);
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
      log::WriteForClient(peer_, log::Level::kWarn, "response cut short",
                          {{"query_id", request.id}, {"error", next.error().message}});
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

Error Session::OverBudgetError(size_t bytes) {
  server_.LogRefusedBody(peer_);
  if (bytes > body_share_->bytes_max()) {
    return {ErrorKind::kTooLarge,
            fmt::format("the request and its response take more than {} bytes of memory "
                        "(http.body_memory_max)",
                        body_share_->bytes_max())};
  }
  return Unavailable(
      "too many large requests and responses are in memory (http.body_memory_max), try again "
      "later");
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
  log::WriteForClient(peer_, log::Level::kInfo, "client did not read the response",
                      {{"query_id", request_->id}, {"error", why}});
  NotifyDisconnect();
  return false;
}

}  // namespace tarn::http
