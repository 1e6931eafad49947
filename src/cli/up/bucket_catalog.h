#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/up/listed_catalog.h"
#include "s3/client.h"

namespace tarn::cli {

// The catalogue of a bucket's Parquet objects below a prefix, with the ETags that the store gives
// them. Each Read is a request for each 1,000 objects, of whatever kind.
class BucketCatalog : public ListedCatalog {
 public:
  // Asked before each list: credentials may change. Where it fails, the former ones are used.
  using Open = std::function<Result<s3::Bucket>()>;

  // The prefix is empty or ends with '/'.
  BucketCatalog(Open open, std::string prefix, catalogd::Store& store)
      : ListedCatalog(store, std::move(prefix)), open_(std::move(open)) {}

 private:
  Result<std::vector<catalog::ObjectRef>> ListObjects(Deadline deadline,
                                                      const std::stop_token& stop) override;
  Result<> Connect();

  const Open open_;
  std::optional<protocol::Credentials> credentials_;  // Of client_.
  std::optional<s3::Client> client_;
};

}  // namespace tarn::cli
