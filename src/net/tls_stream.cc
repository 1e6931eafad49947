#include "net/tls_stream.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "net/openssl.h"

namespace tarn::net {

namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

}  // namespace

TlsStream::TlsStream(SSL_CTX* context, int socket) : ssl_(SSL_new(context), &SSL_free) {
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket) != 1) throw std::bad_alloc();
  SSL_set_accept_state(ssl_.get());
}

TlsStream::Step TlsStream::ToStep(int result) {
  if (result > 0) return Step::kDone;
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kEnd;
    case SSL_ERROR_SYSCALL:
      failure_ = system_error == 0 ? "the connection has ended" : std::strerror(system_error);
      break;
    default:
      failure_ = OpenSslReason();
      break;
  }
  ERR_clear_error();
  failed_ = true;
  return Step::kFailed;
}

TlsStream::Step TlsStream::Handshake() {
  ERR_clear_error();
  return ToStep(SSL_do_handshake(ssl_.get()));
}

TlsStream::Step TlsStream::Read(std::span<char> buffer, size_t& got) {
  got = 0;
  if (failed_) return Step::kFailed;
  ERR_clear_error();
  return ToStep(SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got));
}

TlsStream::Step TlsStream::Write(std::span<const boost::asio::const_buffer> buffers, size_t& sent) {
  sent = 0;
  if (failed_) return Step::kFailed;
  // Copies small buffers together: a record and a packet for each of header, size and bytes would
  // cost more than the copy.
  thread_local std::array<char, kRecordBytes> together;
  const void* data = nullptr;
  size_t bytes = 0;
  for (const boost::asio::const_buffer& buffer : buffers) {
    if (buffer.size() == 0) continue;
    if (bytes == 0 && buffer.size() >= kRecordBytes) {
      data = buffer.data();
      bytes = kRecordBytes;
      break;
    }
    const size_t part = std::min(buffer.size(), kRecordBytes - bytes);
    std::memcpy(together.data() + bytes, buffer.data(), part);
    bytes += part;
    data = together.data();
  }
  if (bytes == 0) return Step::kDone;
  ERR_clear_error();
  const Step step = ToStep(SSL_write_ex(ssl_.get(), data, bytes, &sent));
  // Reached only if the client splits its own handshake messages, which no known client does.
  if (step == Step::kWantRead) {
    failure_ = "incomplete TLS message";
    failed_ = true;
    return Step::kFailed;
  }
  return step;
}

void TlsStream::Close() {
  if (failed_ || !SSL_is_init_finished(ssl_.get())) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace tarn::net
