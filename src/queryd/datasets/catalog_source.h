#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "catalog/manifest.h"
#include "http/client.h"

namespace tarn::queryd {

// The answer to a read of the catalogue.
struct CatalogRead {
  // False if nothing has changed since the given position. All other fields are empty then.
  bool changed = true;
  // True if `manifests` has all datasets, and false if it has only the changed ones.
  bool is_whole = true;
  std::vector<catalog::Manifest> manifests;
  std::vector<std::string> deleted;  // Empty if is_whole.
  uint64_t revision = 0;             // 0: the catalogue has no revisions.
  // The position for the next read. Empty if the catalogue cannot report changes.
  std::string position;

  static CatalogRead From(catalog::Changes changes);
};

// The catalogue, as the registrar reads it. Calls block.
class CatalogSource {
 public:
  virtual ~CatalogSource() = default;

  // Returns the changes since the position of an earlier read; all datasets if the position is
  // empty. A catalogue that can report changes answers at the next change, or when `wait` is over.
  virtual Result<CatalogRead> Read(const std::string& position, Duration wait, Deadline deadline,
                                   const std::stop_token& stop) = 0;

  // The time for which a refresh that fails with the same errors is not logged again.
  virtual Duration WarnAgainAfter() const { return Duration::zero(); }
};

// catalogd's GET /catalog/list.
class CatalogClient : public CatalogSource {
 public:
  // `token_path` is the file with the token for the catalogue; empty: no token.
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
