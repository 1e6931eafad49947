#pragma once

// Private to src/http: one connection of a Server.

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "http/content_decoder.h"
#include "http/server.h"
#include "net/tls_stream.h"

namespace tarn::http {

// One coroutine serves the connection's requests in order. A read is always pending beside it, also
// while a request is handled and answered, so that a disconnect is noticed at once and pipelined
// requests are buffered. The coroutine blocks only in Wait(), until the read, a write or the timer
// reports progress.
//
// All fields except `draining_` belong to the strand, which is the socket's executor.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // `peer`: see ClientAddress().
  Session(boost::asio::ip::tcp::socket socket, Server& server, std::string peer);

  // Call before Start: the connection is beyond this limit and serves only health and metrics.
  void Reserve(ConnectionTable::Limit limit) { beyond_ = limit; }
  const std::string& peer() const { return peer_; }

  // Serves requests until the connection ends, then calls `on_end`.
  void Start(std::function<void()> on_end);

  // Ends the connection after the current request, or now if it is idle. Callable from any thread.
  void Drain();
  // Closes the connection now. Callable from any thread.
  void Close();

 private:
  using Clock = std::chrono::steady_clock;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  // A header, the start of a chunk, its bytes and the end of the chunk.
  using Buffers = std::array<boost::asio::const_buffer, 4>;
  enum class ParseOutcome { kComplete, kTimeout, kEnd, kBad, kOverBudget };

  static constexpr auto kNever = Clock::time_point::max();
  static constexpr size_t kReadBytes = 16 * 1024;
  // The most bytes that are written or decoded before other sessions run.
  static constexpr size_t kSliceBytes = 256 * 1024;

  boost::asio::awaitable<void> Run();
  // Returns false if the connection is to be closed.
  boost::asio::awaitable<bool> Handshake();
  // Serves one request. Returns false if the connection is to be closed.
  boost::asio::awaitable<bool> Serve();
  // Reads the header. Returns false if none arrived or an error response has been sent.
  boost::asio::awaitable<bool> ReadHeader(Parser& parser);
  // Reads the body within the route's limit. Returns the error response on failure.
  boost::asio::awaitable<std::optional<Response>> ReadBody(Parser& parser, const Route& route,
                                                           const Request& request);
  // Feeds the parser until the header or the body is complete. `bytes_max` limits the header.
  boost::asio::awaitable<ParseOutcome> Parse(Parser& parser, Duration timeout, size_t bytes_max,
                                             boost::system::error_code& code);
  // Authenticates the client. Returns the error response if the client may not use the route or the
  // body has an unsupported type.
  boost::asio::awaitable<std::optional<Response>> Authorize(Request& request, const Route& route,
                                                            const WebSafety::Verdict& verdict,
                                                            bool has_body);
  // Decodes a body with this (supported) Content-Encoding within the route's limit. Returns the
  // error response on failure.
  boost::asio::awaitable<std::optional<Response>> DecodeBody(const std::string& coding,
                                                             const Route& route, Request& request);
  // Returns the error response for a reserved connection, or nullopt for a route that it may use.
  std::optional<Response> RefuseBeyondLimit(const Route* route, const Request& request) const;
  boost::asio::awaitable<Response> Handle(Parser& parser, Request& request, const Route*& route,
                                          bool& keep_alive);
  boost::asio::awaitable<void> Refuse(int status, std::string_view detail);

  // Returns false if the connection is to be closed. If a stream fails before its first bytes,
  // `response` becomes the error response.
  boost::asio::awaitable<bool> Write(Response& response, const Request& request, unsigned version,
                                     bool keep_alive);
  boost::asio::awaitable<bool> WriteStream(std::string header, BodyStream& body,
                                           std::optional<std::string> bytes, const Request& request,
                                           bool chunked);
  // Counts the bytes of a response in addition to those of the request. Returns false if they
  // exceed the budget for bodies. While a handler runs, it may be called on another thread.
  bool FitsBudget(const Request& request, size_t response_bytes);
  // The error for bodies of this size. kTooLarge if they never fit. Logs the refusal.
  Error OverBudgetError(size_t bytes);
  // Sends all of `rest`. Notifies `body`, if not null, of a slow client.
  boost::asio::awaitable<bool> Send(Buffers rest, BodyStream* body);
  bool SendFailed(const std::string& why);
  // Makes the close of the connection a reset: the kernel drops unsent bytes, and the client cannot
  // take the response for complete.
  void ResetOnClose();

  // Reads and drops the rest of a request that was answered early. Otherwise the close with unread
  // bytes would reset the connection and lose the response.
  boost::asio::awaitable<void> Linger();

  void StartRead();
  void OnRead(const boost::system::error_code& code, size_t got);
  void Consume(size_t bytes);
  void ReadTls();
  void OnTlsReadable(const boost::system::error_code& code);
  // Writes as many bytes as possible without blocking.
  size_t WriteSome(const Buffers& buffers, boost::system::error_code& code);
  void AwaitReadable();
  void AwaitWritable();
  // Sends the end of the stream.
  void EndSending();

  // Blocks until Wake(). The caller then checks its condition again.
  boost::asio::awaitable<void> Wait();
  void Wake();
  // After the deadline, `expired_` is set and Wake() called.
  void SetDeadline(Clock::time_point at);
  void ClearDeadline() { SetDeadline(Clock::time_point::max()); }
  void Arm(Clock::time_point at);

  void NotifyDisconnect();
  bool IsClosing() const { return draining_ || server_.draining_; }

  Server& server_;
  const std::string peer_;
  ConnectionTable::Limit beyond_ = ConnectionTable::Limit::kNone;
  boost::asio::ip::tcp::socket socket_;
  std::atomic<bool> draining_ = false;
  bool closed_ = false;
  bool reset_ = false;  // The connection must not end in an orderly way.
  bool sending_ended_ = false;
  bool truncated_ = false;  // The response is incomplete: no TLS close_notify.
  bool aborted_ = false;    // Set by the handler of this request.

  // Set by the handshake. Not used after the socket is closed.
  std::unique_ptr<net::TlsStream> tls_;
  bool tls_read_wants_write_ = false;  // The next read requires a write.
  bool tls_has_more_ = false;          // May hold bytes that the socket does not report.

  // The pending read, except while the input is full.
  std::unique_ptr<std::array<char, kReadBytes>> block_;
  boost::beast::flat_buffer input_;  // Bytes read but not yet parsed.
  const size_t input_bytes_max_;
  bool reading_ = false;
  bool ended_ = false;                   // The input has ended.
  std::shared_ptr<ClientWatch> client_;  // For the current request.
  const Request* request_ = nullptr;     // The current request.
  // The bodies of the current request and its response; set once the client is authorized.
  std::optional<BodyBudget::Share> body_share_;

  bool awaiting_readable_ = false;  // Used in the handshake, which has no pending read.
  bool readable_ = false;
  bool awaiting_writable_ = false;
  bool writable_ = false;
  bool slow_reported_ = false;  // The body of this response has been notified.
  size_t burst_bytes_ = 0;      // Sent since the last yield to other sessions.

  boost::asio::steady_timer signal_;  // Never expires; cancelled to wake the coroutine.
  bool waiting_ = false;
  // Set to the deadline or an earlier time, so that moving a deadline back, as each request does
  // for an idle connection, needs no system call.
  boost::asio::steady_timer alarm_;
  Clock::time_point armed_ = Clock::time_point::max();
  Clock::time_point deadline_ = Clock::time_point::max();
  bool expired_ = false;

  bool idle_ = true;        // No byte of the next request has arrived.
  bool unread_ = false;     // The response was sent before the request was read.
  bool is_served_ = false;  // A request matched a route that this connection may use.
};

}  // namespace tarn::http
