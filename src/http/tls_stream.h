#pragma once

// Private to src/http: TLS on the socket of one connection.

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <memory>
#include <span>
#include <string>

namespace tarn::http {

// The server's side of a connection. It does what can be done without waiting, and says what to
// wait for. It does not own the socket, and must not be used after that was closed.
//
// Not thread-safe.
class TlsStream {
 public:
  enum class Step {
    kDone,
    kWantRead,   // Again when the socket can be read.
    kWantWrite,  // Again when it can be written.
    kEnd,        // The client has closed its side.
    kFailed,     // Nothing more can be done; see failure().
  };

  TlsStream(SSL_CTX* context, int socket);

  Step Handshake();
  // Into `buffer`; `got` is more than 0 after kDone.
  Step Read(std::span<char> buffer, size_t& got);
  // The begin of `buffers`, in one record: `sent` bytes of it. After kWantWrite the same bytes must
  // come again, wherever they are by then.
  Step Write(std::span<const boost::asio::const_buffer> buffers, size_t& sent);
  // Tells the client that nothing follows, as well as it can be done without waiting. What ends
  // without it was cut short.
  void Close();

  const std::string& failure() const { return failure_; }

 private:
  Step Judge(int result);

  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  std::string failure_;
  bool failed_ = false;
};

}  // namespace tarn::http
