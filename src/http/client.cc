#include "http/client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/address.h"
#include "net/awaitable.h"
#include "net/openssl.h"

// OpenSSL's macros are C.
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace tarn::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

namespace {

constexpr size_t kPieceBytes = 256 * 1024;

Error StepError(const Url& url, std::string_view step, const beast::error_code& code) {
  const bool timeout = code == beast::error::timeout || code == asio::error::operation_aborted;
  return {timeout ? ErrorKind::kTimeout : ErrorKind::kUnavailable,
          fmt::format("{} {}:{}: {}", step, url.host, url.port,
                      timeout ? "timed out" : code.message())};
}

using TlsClientStream = asio::ssl::stream<beast::tcp_stream>;

// A connection with or without TLS. The class reads bytes and the caller parses them: Beast's own
// operations on two stream types take a minute to compile.
class Connection {
 public:
  explicit Connection(beast::tcp_stream stream) : plain_(std::move(stream)) {}

  TlsClientStream& AddTls(asio::ssl::context& context) {
    return tls_.emplace(std::move(plain_), context);
  }

  asio::awaitable<beast::error_code> Write(const std::array<asio::const_buffer, 2>& buffers) {
    beast::error_code code;
    if (tls_) {
      std::tie(code, std::ignore) = co_await asio::async_write(*tls_, buffers, net::kAsTuple);
    } else {
      std::tie(code, std::ignore) = co_await asio::async_write(plain_, buffers, net::kAsTuple);
    }
    co_return code;
  }

  // Waits for bytes and appends them. Returns asio::error::eof at the end of the stream.
  asio::awaitable<beast::error_code> Read(beast::flat_buffer& buffer) {
    beast::error_code code;
    size_t got = 0;
    const auto room = buffer.prepare(kPieceBytes);
    if (tls_) {
      std::tie(code, got) = co_await tls_->async_read_some(room, net::kAsTuple);
    } else {
      std::tie(code, got) = co_await plain_.async_read_some(room, net::kAsTuple);
    }
    buffer.commit(got);
    co_return code;
  }

 private:
  beast::tcp_stream plain_;  // Moved from if there is TLS.
  std::optional<TlsClientStream> tls_;
};

using AnswerParser = bhttp::response_parser<bhttp::buffer_body>;

// Parses the bytes in `buffer`, and reads more if the parser needs them to make progress.
asio::awaitable<beast::error_code> ParseStep(Connection& connection, beast::flat_buffer& buffer,
                                             AnswerParser& parser) {
  beast::error_code code;
  do {
    if (buffer.size() == 0) code = bhttp::error::need_more;
    if (buffer.size() > 0) buffer.consume(parser.put(buffer.data(), code));
    if (code != bhttp::error::need_more) break;
    code = co_await connection.Read(buffer);
    if (code == asio::error::eof) {
      code = bhttp::make_error_code(bhttp::error::end_of_stream);
      if (parser.got_some()) parser.put_eof(code);
      break;
    }
  } while (!code);
  co_return code;
}

// Reads a response. A truncated response is an error.
asio::awaitable<Result<ClientResponse>> ReadAnswer(Connection& connection, const Url& url,
                                                   const ClientRequest& request) {
  beast::flat_buffer buffer;
  AnswerParser parser;
  parser.body_limit(boost::none);
  while (!parser.is_header_done()) {
    const beast::error_code code = co_await ParseStep(connection, buffer, parser);
    if (code) co_return StepError(url, "read from", code);
  }
  ClientResponse response{.status = static_cast<int>(parser.get().result_int()), .body = ""};
  const bool is_streamed = response.status == 200 && request.on_body != nullptr;
  std::vector<char> piece(kPieceBytes);
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    const beast::error_code code = co_await ParseStep(connection, buffer, parser);
    if (code && code != bhttp::error::need_buffer) co_return StepError(url, "read from", code);
    const std::string_view bytes(piece.data(), piece.size() - parser.get().body().size);
    if (is_streamed) {
      const Result<> taken = request.on_body(bytes);
      if (!taken.ok()) co_return taken.error();
    } else if (response.body.size() + bytes.size() > request.answer_bytes_max) {
      co_return StepError(url, "read from", bhttp::make_error_code(bhttp::error::body_limit));
    } else {
      response.body += bytes;
    }
  }
  for (const auto& field : parser.get()) {
    response.headers.emplace_back(field.name_string(), field.value());
  }
  co_return response;
}

// The request line and the header fields.
std::string HeadOf(const ClientRequest& request, const Url& url) {
  bhttp::request_header<> head;
  head.version(11);
  head.method_string(request.method);
  head.target(url.path + request.path);
  const bool is_v6 = url.host.find(':') != std::string::npos;
  head.set(bhttp::field::host, is_v6 ? fmt::format("[{}]:{}", url.host, url.port)
                                     : fmt::format("{}:{}", url.host, url.port));
  head.set(bhttp::field::user_agent, "tarn");
  head.set(bhttp::field::accept, request.accept);
  for (const auto& [name, value] : request.headers) head.set(name, value);
  head.set(bhttp::field::connection, "close");
  if (!request.bearer_token.empty()) {
    head.set(bhttp::field::authorization, "Bearer " + request.bearer_token);
  }
  if (!request.body.empty()) {
    head.set(bhttp::field::content_type, "application/json");
    head.set(bhttp::field::content_length, std::to_string(request.body.size()));
  }
  std::ostringstream text;
  text << head;
  return text.str();
}

asio::awaitable<Result<ClientResponse>> RoundTrip(Connection& connection, const Url& url,
                                                  const ClientRequest& request) {
  const std::string head = HeadOf(request, url);
  const std::array<asio::const_buffer, 2> message = {asio::buffer(head),
                                                     asio::buffer(request.body)};
  const beast::error_code code = co_await connection.Write(message);
  if (code) co_return StepError(url, "send to", code);
  co_return co_await ReadAnswer(connection, url, request);
}

// Describes a failed certificate check.
std::string CertificateProblem(long code) {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is for another name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its certificate is signed by an unknown CA (set tls.ca_path to trust that CA)";
    default:
      return fmt::format("its certificate is not trusted: {}", X509_verify_cert_error_string(code));
  }
}

Result<> ConfigureContext(asio::ssl::context& context, const net::ClientTls& tls) {
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  if (!tls.verify) return {};
  const int loaded = tls.ca_path.empty() ? SSL_CTX_set_default_verify_paths(native)
                                         : SSL_CTX_load_verify_file(native, tls.ca_path.c_str());
  if (loaded == 1) return {};
  return Unavailable(fmt::format("cannot read the CAs in {}: {}",
                                 tls.ca_path.empty() ? "the system's folder" : tls.ca_path,
                                 net::OpenSslReason()));
}

// Requires a certificate for the host of the URL, and sends the host name (SNI) to a server with
// several certificates.
void ConfigureVerification(SSL* ssl, const std::string& host, bool verify) {
  beast::error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (!verify) return;
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  if (not_an_address) {
    X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
  }
}

asio::awaitable<Result<ClientResponse>> RoundTripTls(Connection& connection, const Url& url,
                                                     const ClientRequest& request,
                                                     const net::ClientTls& tls) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  if (const Result<> ready = ConfigureContext(context, tls); !ready.ok()) co_return ready.error();
  TlsClientStream& stream = connection.AddTls(context);
  SSL* const ssl = stream.native_handle();
  ConfigureVerification(ssl, url.host, tls.verify);
  auto [code] = co_await stream.async_handshake(asio::ssl::stream_base::client, net::kAsTuple);
  if (code) {
    const long verified = SSL_get_verify_result(ssl);
    if (tls.verify && verified != X509_V_OK) {
      co_return Unavailable(
          fmt::format("TLS to {}:{}: {}", url.host, url.port, CertificateProblem(verified)));
    }
    if (code.category() == asio::error::get_ssl_category() &&
        ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_WRONG_VERSION_NUMBER) {
      co_return Unavailable(
          fmt::format("TLS to {}:{}: the server does not speak TLS", url.host, url.port));
    }
    co_return StepError(url, "TLS to", code);
  }
  co_return co_await RoundTrip(connection, url, request);
}

asio::awaitable<Result<ClientResponse>> Exchange(asio::io_context& io, const Url& url,
                                                 const ClientRequest& request, Deadline deadline,
                                                 const net::ClientTls& tls) {
  asio::ip::tcp::resolver resolver(io);
  auto [resolve_code, endpoints] =
      co_await resolver.async_resolve(url.host, url.port, net::kAsTuple);
  if (resolve_code) co_return StepError(url, "resolve", resolve_code);

  beast::tcp_stream stream(io);
  if (!deadline.IsNever()) stream.expires_at(deadline.At());
  auto [connect_code, endpoint] = co_await stream.async_connect(endpoints, net::kAsTuple);
  if (connect_code) co_return StepError(url, "connect to", connect_code);
  Connection connection(std::move(stream));
  if (!url.https) co_return co_await RoundTrip(connection, url, request);
  co_return co_await RoundTripTls(connection, url, request, tls);
}

}  // namespace

std::string_view ClientResponse::Header(std::string_view name) const {
  for (const auto& [each, value] : headers) {
    if (EqualsIgnoreCase(each, name)) return value;
  }
  return "";
}

Result<Url> ParseHttpUrl(const std::string& text) {
  const bool https = text.starts_with("https://");
  const std::string_view scheme = https ? "https://" : "http://";
  if (!text.starts_with(scheme)) {
    return InvalidArgument("\"" + text + "\" is not a URL, as in http://127.0.0.1:3212");
  }
  const std::string rest = text.substr(scheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  TARN_TRY(const net::HostPort where,
           net::ParseHostPort(rest.substr(0, slash), https ? "443" : "80"));
  std::string path = rest.substr(slash);
  while (path.ends_with('/')) path.pop_back();
  if (path.find_first_of("?# ") != std::string::npos) {
    return InvalidArgument("\"" + text + "\": a URL with a query or fragment is not supported");
  }
  return Url{where.host, where.port, path, https};
}

Result<ClientResponse> Send(const Url& url, const ClientRequest& request, Deadline deadline,
                            const net::ClientTls& tls, const std::stop_token& stop) {
  asio::io_context io(1);
  Result<ClientResponse> result =
      Error{ErrorKind::kTimeout, fmt::format("resolve {}: timed out", url.host)};
  asio::co_spawn(io, Exchange(io, url, request, deadline, tls),
                 [&result](const std::exception_ptr& error, Result<ClientResponse> answer) {
                   if (!error) {
                     result = std::move(answer);
                     return;
                   }
                   try {
                     std::rethrow_exception(error);
                   } catch (const std::exception& e) {
                     result = Internal(e.what());
                   }
                 });
  const std::stop_callback on_stop(stop, [&io] { io.stop(); });
  if (deadline.IsNever()) {
    io.run();
  } else {
    // The stream enforces the deadline; the grace period covers name resolution.
    io.run_until(deadline.At() + std::chrono::milliseconds(100));
  }
  if (stop.stop_requested()) {
    return Error{ErrorKind::kCancelled, fmt::format("{}: stopped", url.host)};
  }
  return result;
}

}  // namespace tarn::http
