#pragma once

// TLS 1.2 and 1.3 for the server and the client, without types of OpenSSL.

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "config/lakehouse.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX.

namespace tarn::net {

// The server certificate as last loaded successfully. A connection keeps the certificate that it
// started with.
//
// Thread-safe.
class ServerTls {
 public:
  // Returns null if [tls] has no certificate. The error names the setting or the file, and the
  // reason. Logs a warning for an expired certificate.
  static Result<std::unique_ptr<ServerTls>> Load(const TlsSettings& settings, Metrics& metrics);

  // The context for a new connection.
  std::shared_ptr<ssl_ctx_st> Context() const;

  // Reload the files. Failures are logged, and the previous certificate stays in use. Both
  // functions block, so they must not run on an I/O thread.
  void Reload();
  void ReloadIfChanged();

  // Counts a failed handshake.
  void CountFailure() const { failed_handshakes_.Increment(); }

 private:
  struct Loaded;
  ServerTls(std::string cert_path, std::string key_path, Metrics& metrics);
  Result<Loaded> Read() const;
  std::string Stamps() const;
  void Use(Loaded loaded) TARN_REQUIRES(reload_mutex_);
  void TryReload(bool asked) TARN_REQUIRES(reload_mutex_);

  const std::string cert_path_;
  const std::string key_path_;
  prometheus::Gauge& expiry_;
  prometheus::Counter& failed_handshakes_;
  prometheus::Counter& reloads_;
  prometheus::Counter& failed_reloads_;

  Mutex reload_mutex_;
  std::string stamps_ TARN_GUARDED_BY(reload_mutex_);      // The files at the last reload.
  std::string last_error_ TARN_GUARDED_BY(reload_mutex_);  // Empty after a success.

  mutable Mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_ TARN_GUARDED_BY(mutex_);
};

// How a client verifies the server's certificate.
struct ClientTls {
  bool verify = true;
  std::string ca_path;  // PEM; empty: the system's CAs.

  // The error names the setting if its file cannot be read or holds no certificate.
  static Result<ClientTls> FromSettings(const TlsSettings& settings);
};

}  // namespace tarn::net
