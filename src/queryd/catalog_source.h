#pragma once

#include "base/deadline.h"
#include "base/result.h"
#include "catalog/manifest.h"
#include "http/client.h"

namespace tarn::queryd {

// Where the registrar reads the catalogue. Calls block.
class CatalogSource {
 public:
  virtual ~CatalogSource() = default;
  virtual Result<catalog::Snapshot> List(Deadline deadline) = 0;
};

// catalogd's GET /catalog/list.
class CatalogClient : public CatalogSource {
 public:
  // `token_path`: a file with the token to show; empty: none.
  CatalogClient(http::Url url, http::ClientTls tls, std::string token_path)
      : url_(std::move(url)), tls_(std::move(tls)), token_path_(std::move(token_path)) {}
  Result<catalog::Snapshot> List(Deadline deadline) override;

 private:
  const http::Url url_;
  const http::ClientTls tls_;
  const std::string token_path_;
};

}  // namespace tarn::queryd
