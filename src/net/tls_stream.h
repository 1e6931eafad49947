#pragma once

// For src/http only: TLS on the socket of one connection.

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <memory>
#include <span>
#include <string>

namespace tarn::net {

// The server's side of a TLS connection. Its functions never block; they return the event to wait
// for. Does not own the socket, and must not be used after the socket is closed.
//
// Not thread-safe.
class TlsStream {
 public:
  enum class Step {
    kDone,
    kWantRead,   // Retry when the socket is readable.
    kWantWrite,  // Retry when the socket is writable.
    kEnd,        // The client has closed its side.
    kFailed,     // The connection is unusable; see failure().
  };

  TlsStream(SSL_CTX* context, int socket);

  Step Handshake();
  // Reads into `buffer`; `got` is more than 0 after kDone.
  Step Read(std::span<char> buffer, size_t& got);
  // Writes the start of `buffers` in one record and sets `sent`. After kWantWrite the same bytes
  // must be passed again, from any address.
  Step Write(std::span<const boost::asio::const_buffer> buffers, size_t& sent);
  // Sends close_notify if that is possible without blocking. To the client, a stream that ends
  // without it is truncated.
  void Close();

  const std::string& failure() const { return failure_; }

 private:
  Step ToStep(int result);

  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  std::string failure_;
  bool failed_ = false;
};

}  // namespace tarn::net
