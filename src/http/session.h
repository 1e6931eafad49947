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
#include "http/tls_stream.h"

namespace tarn::http {

// One coroutine serves the connection's requests, one after the other. Beside it there is always a
// read under way, also while a request is handled and answered: so a client that goes is noticed
// then, and what it sends meanwhile (pipelining) is there for the next request. The coroutine waits
// in one place only, Wait(), until the read, a write or the alarm has something new.
//
// All fields but `draining_` belong to the strand, which is the socket's executor.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // `peer`: see ClientAddress().
  Session(boost::asio::ip::tcp::socket socket, Server& server, std::string peer);

  // Before Start: the connection is beyond this limit, and only health and metrics are served.
  void Reserve(ConnectionTable::Limit limit) { beyond_ = limit; }
  const std::string& peer() const { return peer_; }

  // Serves the connection's requests until it ends, then calls `on_end`.
  void Start(std::function<void()> on_end);

  // From any thread: ends the connection now if it is between requests, else after the request
  // that is under way.
  void Drain();
  // From any thread: ends the connection now.
  void Close();

 private:
  using Clock = std::chrono::steady_clock;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  // A header, the begin of a chunk, bytes and the end of a chunk.
  using Buffers = std::array<boost::asio::const_buffer, 4>;
  enum class Got { kAll, kTimeout, kEnd, kBad };

  static constexpr size_t kReadBytes = 16 * 1024;

  boost::asio::awaitable<void> Run();
  // False when the connection is to be closed.
  boost::asio::awaitable<bool> ShakeHands();
  // One request and its answer. False when the connection is to be closed.
  boost::asio::awaitable<bool> Serve();
  // Reads the header; false when there is none, or it has been answered with an error.
  boost::asio::awaitable<bool> ReadHeader(Parser& parser);
  // Reads the body within the route's limit. Returns the error answer on failure.
  boost::asio::awaitable<std::optional<Response>> ReadBody(Parser& parser, const Route& route,
                                                           const Request& request);
  // Gives the parser input until the header or the body is there. `bytes_max` is the header's.
  boost::asio::awaitable<Got> Parse(Parser& parser, Duration timeout, size_t bytes_max,
                                    boost::system::error_code& code);
  // Identifies the client. Returns the answer if it has no right to the route or sends an
  // unsupported body.
  boost::asio::awaitable<std::optional<Response>> Authorize(Request& request, const Route& route,
                                                            const WebSafety::Verdict& verdict,
                                                            bool has_body);
  // Decodes a body that was sent with this (supported) Content-Encoding, within the route's limit.
  // Returns the error answer on failure.
  boost::asio::awaitable<std::optional<Response>> DecodeBody(const std::string& coding,
                                                             const Route& route, Request& request);
  // Returns the refusal for a reserved connection, or nullopt for a route that it serves.
  std::optional<Response> RefuseBeyondLimit(const Route* route, const Request& request) const;
  boost::asio::awaitable<Response> Handle(Parser& parser, Request& request, const Route*& route,
                                          bool& keep_alive);
  boost::asio::awaitable<void> Refuse(int status, std::string_view detail);

  // False when the connection is to be closed. When a stream fails before its first bytes, the
  // response becomes that of the error.
  boost::asio::awaitable<bool> Write(Response& response, const Request& request, unsigned version,
                                     bool keep_alive);
  boost::asio::awaitable<bool> WriteStream(std::string header, BodyStream& body,
                                           std::optional<std::string> bytes, const Request& request,
                                           bool chunked);
  // Sends all of it. `body`, if any, is told when the client is slow.
  boost::asio::awaitable<bool> Send(Buffers rest, BodyStream* body);
  bool SendFailed(const std::string& why);
  // From here on the connection's end is a reset: the kernel drops what it has of the answer, and
  // the client cannot take it for whole.
  void ResetOnClose();

  // Lets the client read an answer that was sent before its request was read to the end: a
  // connection closed with bytes unread would be reset, and the answer lost.
  boost::asio::awaitable<void> Linger();

  void StartRead();
  void OnRead(const boost::system::error_code& code, size_t got);
  void Consume(size_t bytes);
  void ReadTls();
  void OnTlsReadable(const boost::system::error_code& code);
  // What goes without waiting.
  size_t WriteSome(const Buffers& buffers, boost::system::error_code& code);
  void AwaitReadable();
  void AwaitWritable();
  // Tells the client that nothing follows.
  void EndSending();

  // Until Wake(); the caller looks again for what it waits for.
  boost::asio::awaitable<void> Wait();
  void Wake();
  // When the deadline passes, `expired_` is set and Wake() called.
  void SetDeadline(Clock::time_point at);
  void ClearDeadline() { SetDeadline(Clock::time_point::max()); }
  void Arm(Clock::time_point at);

  void ClientHasGone();
  bool Closing() const { return draining_ || server_.draining_; }

  Server& server_;
  const std::string peer_;
  ConnectionTable::Limit beyond_ = ConnectionTable::Limit::kNone;
  boost::asio::ip::tcp::socket socket_;
  std::atomic<bool> draining_ = false;
  bool closed_ = false;
  bool reset_ = false;  // The client must not see an orderly end.
  bool sending_ended_ = false;
  bool cut_ = false;      // The last answer is not whole: TLS must not end in order.
  bool aborted_ = false;  // This request's answer, by its handler.

  // From the handshake on. Not used once the socket is closed.
  std::unique_ptr<TlsStream> tls_;
  bool tls_read_wants_write_ = false;  // A read can go on only after a write.
  bool tls_has_more_ = false;          // It may hold bytes that the socket says nothing of.

  // The read that is always under way, unless the input is full.
  std::unique_ptr<std::array<char, kReadBytes>> block_;
  boost::beast::flat_buffer input_;  // Read and not yet parsed.
  const size_t input_bytes_max_;
  bool reading_ = false;
  bool ended_ = false;                   // Nothing more will come.
  std::shared_ptr<ClientWatch> client_;  // Of the request that is handled.
  const Request* request_ = nullptr;     // The same, while it is handled or answered.

  bool awaiting_readable_ = false;  // In the handshake, which has no read under way.
  bool readable_ = false;
  bool awaiting_writable_ = false;
  bool writable_ = false;
  bool told_slow_ = false;  // This answer's body.
  size_t burst_bytes_ = 0;  // Sent since other sessions could last run.

  boost::asio::steady_timer signal_;  // Never expires: it is cancelled to wake the coroutine.
  bool waiting_ = false;
  // Set to the deadline or to an earlier time: a deadline that moves away, as each request moves
  // that of an idle connection, costs nothing.
  boost::asio::steady_timer alarm_;
  Clock::time_point armed_ = Clock::time_point::max();
  Clock::time_point deadline_ = Clock::time_point::max();
  bool expired_ = false;

  bool idle_ = true;        // No byte of a request has come.
  bool unread_ = false;     // The request was answered before it was read.
  bool is_served_ = false;  // A request was for a route that this connection may have.
};

}  // namespace tarn::http
