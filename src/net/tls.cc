#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>
#include <ctime>

#include "base/files.h"
#include "base/log.h"
#include "net/openssl.h"

// OpenSSL's macros are C.
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace tarn::net {
namespace {

// TLS 1.2 with forward secrecy and authenticated encryption; all ciphers of 1.3 have both.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio MemoryBio(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

// A password callback that fails instead of prompting on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

// The next certificate; null at the end of the text or at anything else.
Certificate NextCertificate(BIO* from) {
  return {PEM_read_bio_X509(from, nullptr, &NoPassword, nullptr), &X509_free};
}

// Selects a protocol for a client that offers a list (ALPN, RFC 7301), or fails the handshake.
int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                   const unsigned char* asked, unsigned asked_bytes, void*) {
  static constexpr std::array<unsigned char, 18> kOurs = {
      8, 'h', 't', 't', 'p', '/', '1', '.', '1', 8, 'h', 't', 't', 'p', '/', '1', '.', '0'};
  // OpenSSL takes a pointer to non-const and does not write to it.
  auto* out = const_cast<unsigned char*>(*chosen);  // NOLINT
  if (SSL_select_next_proto(&out, chosen_bytes, kOurs.data(), kOurs.size(), asked, asked_bytes) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

std::time_t UnixTime(const ASN1_TIME* time) {
  std::tm parts = {};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

}  // namespace

std::string OpenSslReason() {
  // The first error is the cause; the later ones are consequences.
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

struct ServerTls::Loaded {
  std::shared_ptr<SSL_CTX> context;
  std::time_t not_before = 0;
  std::time_t not_after = 0;
};

ServerTls::ServerTls(std::string cert_path, std::string key_path, Metrics& metrics)
    : cert_path_(std::move(cert_path)),
      key_path_(std::move(key_path)),
      expiry_(metrics.Gauge("tarn_tls_certificate_expiry_seconds",
                            "Expiry of the server certificate, as UNIX time")),
      failed_handshakes_(metrics.Counter("tarn_tls_handshake_failures_total",
                                         "Connections that ended in the TLS handshake")),
      reloads_(metrics.Counter("tarn_tls_reloads_total", "Reads of a changed certificate",
                               {{"result", "ok"}})),
      failed_reloads_(metrics.Counter("tarn_tls_reloads_total", "Reads of a changed certificate",
                                      {{"result", "error"}})) {}

Result<std::unique_ptr<ServerTls>> ServerTls::Load(const TlsSettings& settings, Metrics& metrics) {
  if (settings.cert_path.empty() && settings.key_path.empty()) return std::unique_ptr<ServerTls>();
  if (settings.cert_path.empty() || settings.key_path.empty()) {
    return InvalidArgument(fmt::format("tls.{} is required where tls.{} is set",
                                       settings.cert_path.empty() ? "cert_path" : "key_path",
                                       settings.cert_path.empty() ? "key_path" : "cert_path"));
  }
  std::unique_ptr<ServerTls> tls(new ServerTls(settings.cert_path, settings.key_path, metrics));
  const MutexLock lock(tls->reload_mutex_);
  tls->stamps_ = tls->Stamps();
  TARN_TRY(Loaded loaded, tls->Read());
  tls->Use(std::move(loaded));
  return tls;
}

Result<ServerTls::Loaded> ServerTls::Read() const {
  ERR_clear_error();
  const Result<std::string> chain_text = ReadFile(cert_path_);
  if (!chain_text.ok()) return chain_text.error().Wrap("tls.cert_path");
  Result<std::string> key_text = ReadSecretFile(key_path_);
  if (!key_text.ok()) return key_text.error().Wrap("tls.key_path");

  const Bio key_bio = MemoryBio(*key_text);
  const Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, &NoPassword, nullptr),
                &EVP_PKEY_free);
  OPENSSL_cleanse(key_text->data(), key_text->size());
  if (!key) {
    return InvalidArgument(
        fmt::format("tls.key_path: {} holds no private key in PEM without a password: {}",
                    key_path_, OpenSslReason()));
  }

  Loaded loaded;
  loaded.context = {SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
  SSL_CTX* const context = loaded.context.get();
  if (context == nullptr) return Internal("cannot set TLS up: " + OpenSslReason());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A partly written record may continue from another buffer, and an idle connection holds no
  // buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, &ChooseProtocol, nullptr);
  if (SSL_CTX_set_cipher_list(context, kCiphers) != 1) {
    return Internal("cannot set TLS up: " + OpenSslReason());
  }

  const Bio chain_bio = MemoryBio(*chain_text);
  const Certificate own = NextCertificate(chain_bio.get());
  if (!own) {
    return InvalidArgument(fmt::format("tls.cert_path: {} holds no certificate in PEM: {}",
                                       cert_path_, OpenSslReason()));
  }
  if (SSL_CTX_use_certificate(context, own.get()) != 1) {
    return InvalidArgument(
        fmt::format("tls.cert_path: {} cannot be used: {}", cert_path_, OpenSslReason()));
  }
  while (Certificate next = NextCertificate(chain_bio.get())) {
    // Takes ownership of the certificate on success.
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) {
      return InvalidArgument(
          fmt::format("tls.cert_path: {} cannot be used: {}", cert_path_, OpenSslReason()));
    }
    static_cast<void>(next.release());
  }
  const unsigned long end = ERR_peek_last_error();
  if (ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    return InvalidArgument(
        fmt::format("tls.cert_path: {} has a broken certificate in its chain: {}", cert_path_,
                    OpenSslReason()));
  }
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return InvalidArgument(fmt::format(
        "tls.key_path: the key in {} does not match the certificate in {}", key_path_, cert_path_));
  }
  loaded.not_before = UnixTime(X509_get0_notBefore(own.get()));
  loaded.not_after = UnixTime(X509_get0_notAfter(own.get()));
  return loaded;
}

std::string ServerTls::Stamps() const {
  std::string out;
  for (const std::string& path : {cert_path_, key_path_}) {
    struct stat status = {};
    if (stat(path.c_str(), &status) != 0) {
      out += "none;";
      continue;
    }
    // Includes the mode, because a key file with wrong permissions is rejected.
    out += fmt::format("{}.{}.{}.{}.{:o}.{}.{};", status.st_dev, status.st_ino, status.st_size,
                       status.st_mtim.tv_sec, status.st_mode, status.st_mtim.tv_nsec,
                       status.st_ctim.tv_nsec);
  }
  return out;
}

void ServerTls::Use(Loaded loaded) {
  const std::time_t now = std::time(nullptr);
  if (loaded.not_after <= now) {
    log::Warn("the TLS certificate has expired", {{"path", cert_path_}});
  } else if (loaded.not_before > now) {
    log::Warn("the TLS certificate is not valid yet", {{"path", cert_path_}});
  }
  expiry_.Set(static_cast<double>(loaded.not_after));
  const MutexLock lock(mutex_);
  context_ = std::move(loaded.context);
}

std::shared_ptr<ssl_ctx_st> ServerTls::Context() const {
  const MutexLock lock(mutex_);
  return context_;
}

void ServerTls::Reload() {
  const MutexLock lock(reload_mutex_);
  TryReload(true);
}

void ServerTls::ReloadIfChanged() {
  const MutexLock lock(reload_mutex_);
  // Certificate and key are replaced one after the other, so a pair that does not match is retried.
  if (last_error_.empty() && Stamps() == stamps_) return;
  TryReload(false);
}

void ServerTls::TryReload(bool asked) {
  stamps_ = Stamps();
  Result<Loaded> loaded = Read();
  if (loaded.ok()) {
    last_error_.clear();
    Use(std::move(*loaded));
    reloads_.Increment();
    log::Info("TLS certificate loaded", {{"path", cert_path_}});
    return;
  }
  const std::string error = loaded.error().message;
  if (error == last_error_ && !asked) return;
  last_error_ = error;
  failed_reloads_.Increment();
  log::Error("cannot use the TLS certificate, keeping the former one", {{"error", error}});
}

Result<ClientTls> ClientTls::FromSettings(const TlsSettings& settings) {
  ClientTls tls{.verify = settings.verify, .ca_path = settings.ca_path};
  if (tls.ca_path.empty()) return tls;
  const Result<std::string> text = ReadFile(tls.ca_path);
  if (!text.ok()) return text.error().Wrap("tls.ca_path");
  const Bio bio = MemoryBio(*text);
  if (!NextCertificate(bio.get())) {
    return InvalidArgument(fmt::format("tls.ca_path: {} holds no certificate in PEM: {}",
                                       tls.ca_path, OpenSslReason()));
  }
  return tls;
}

}  // namespace tarn::net
