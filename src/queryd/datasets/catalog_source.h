#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "catalog/manifest.h"
#include "http/client.h"

namespace tarn::queryd {

// What the catalogue says of itself.
struct CatalogRead {
  // False: nothing has changed since the position that was asked from, and all below is empty.
  bool changed = true;
  // All there is; else only what has changed.
  bool is_whole = true;
  std::vector<catalog::Manifest> manifests;
  std::vector<std::string> deleted;  // Only where it is not the whole.
  uint64_t revision = 0;             // 0: the catalogue has none.
  // For the next read. Empty: the catalogue tells no changes, and cannot wait for any.
  std::string position;

  static CatalogRead From(catalog::Changes changes);
};

// Where the registrar reads the catalogue. Calls block.
class CatalogSource {
 public:
  virtual ~CatalogSource() = default;

  // What has changed since `position`, of an earlier read; empty: all there is. With `wait`, a
  // catalogue that can does not answer before something has changed, or this time is over.
  virtual Result<CatalogRead> Read(const std::string& position, Duration wait, Deadline deadline,
                                   const std::stop_token& stop) = 0;

  // How long a refresh that fails as the one before is not worth a warning.
  virtual Duration WarnAgainAfter() const { return Duration::zero(); }
};

// catalogd's GET /catalog/list.
class CatalogClient : public CatalogSource {
 public:
  // `token_path`: a file with the token to show; empty: none.
  CatalogClient(http::Url url, net::ClientTls tls, std::string token_path)
      : url_(std::move(url)), tls_(std::move(tls)), token_path_(std::move(token_path)) {}
  Result<CatalogRead> Read(const std::string& position, Duration wait, Deadline deadline,
                           const std::stop_token& stop) override;

 private:
  const http::Url url_;
  const net::ClientTls tls_;
  const std::string token_path_;
};

}  // namespace tarn::queryd
