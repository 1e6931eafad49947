#pragma once

// Private to src/http: one connection of a Server.

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "http/server.h"

namespace tarn::http {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, Server& server);

  // Serves the connection's requests until it ends, then calls `on_end`.
  void Start(std::function<void()> on_end);

  // From any thread: ends the connection now if it is between requests, else after the request
  // that is under way.
  void Drain();
  // From any thread: ends the connection now.
  void Close();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  boost::asio::awaitable<void> Run();
  // One request and its answer. False when the connection is to be closed.
  boost::asio::awaitable<bool> Serve();
  // Reads the header; false when there is none to answer.
  boost::asio::awaitable<bool> ReadHeader(Parser& parser);
  // Reads the body within the route's limit; an error to answer when it cannot.
  boost::asio::awaitable<Result<>> ReadBody(Parser& parser, const Route& route);
  boost::asio::awaitable<Response> Handle(Parser& parser, Request& request, const Route*& route,
                                          bool& keep_alive);
  boost::asio::awaitable<bool> Write(Response response, const Request& request, unsigned version,
                                     bool keep_alive);
  boost::asio::awaitable<bool> WriteChunks(BodyStream& body, const Request& request, bool chunked);
  // Lets the client read an answer that was sent before its request was read to the end: a
  // connection closed with bytes unread would be reset, and the answer lost.
  boost::asio::awaitable<void> Linger();
  bool Closing() const { return draining_ || server_.draining_; }

  Server& server_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::atomic<bool> draining_ = false;
  bool idle_ = true;     // Only on the strand: no byte of a request has come.
  bool unread_ = false;  // Only on the strand: the request was answered before it was read.
};

}  // namespace tarn::http
