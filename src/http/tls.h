#pragma once

// TLS of a server and of a client, without anything of OpenSSL: 1.2 and 1.3.

#include <memory>
#include <mutex>
#include <string>

#include "base/lakehouse.h"
#include "base/metrics.h"
#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX.

namespace tarn::http {

// The certificate that a server shows, as its files had it when they were last good. A connection
// keeps the one that it began with.
//
// Thread-safe.
class ServerTls {
 public:
  // Null where [tls] names no certificate. The error names the setting or the file, and what is
  // wrong. Warns of a certificate that has expired.
  static Result<std::unique_ptr<ServerTls>> Load(const TlsSettings& settings, Metrics& metrics);

  // For a new connection.
  std::shared_ptr<ssl_ctx_st> Context() const;

  // Reads the files again. What cannot be used is logged, and the former certificate stays. They
  // block: not for an I/O thread.
  void Reload();
  void ReloadIfChanged();

  // A handshake that came to nothing.
  void CountFailure() const { failed_handshakes_.Increment(); }

 private:
  struct Loaded;
  ServerTls(std::string cert_path, std::string key_path, Metrics& metrics);
  Result<Loaded> Read() const;
  std::string Stamps() const;
  void Use(Loaded loaded);     // Needs reload_mutex_, but for the first.
  void TryReload(bool asked);  // Needs reload_mutex_.

  const std::string cert_path_;
  const std::string key_path_;
  prometheus::Gauge& expiry_;
  prometheus::Counter& failed_handshakes_;
  prometheus::Counter& reloads_;
  prometheus::Counter& failed_reloads_;

  std::mutex reload_mutex_;
  std::string stamps_;      // guarded by reload_mutex_: of the files that were last looked at
  std::string last_error_;  // guarded by reload_mutex_: of the last reload; empty: it was good

  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;  // guarded by mutex_
};

// How a client looks at the server's certificate.
struct ClientTls {
  bool verify = true;
  std::string ca_path;  // PEM; empty: those of the system.

  // The error names the setting: a file that cannot be read or holds no certificate.
  static Result<ClientTls> FromSettings(const TlsSettings& settings);
};

}  // namespace tarn::http
