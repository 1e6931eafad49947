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
  explicit CatalogClient(http::Url url) : url_(std::move(url)) {}
  Result<catalog::Snapshot> List(Deadline deadline) override;

 private:
  const http::Url url_;
};

}  // namespace tarn::queryd
