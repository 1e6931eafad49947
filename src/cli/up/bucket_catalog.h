#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/up/listed_catalog.h"
#include "s3/client.h"

namespace tarn::cli {

// The catalogue of the Parquet objects below a prefix of a bucket, with the ETags of the store.
// Each Read makes one request for each 1,000 objects of any kind.
class BucketCatalog : public ListedCatalog {
 public:
  // Called before each listing, because credentials may change. After an error, BucketCatalog uses
  // the former credentials.
  using Open = std::function<Result<s3::Bucket>()>;

  // The prefix is empty or ends with '/'.
  BucketCatalog(Open open, std::string prefix, catalogd::Store& store)
      : ListedCatalog(store, std::move(prefix)), open_(std::move(open)) {}

 private:
  Result<std::vector<catalog::ObjectRef>> ListObjects(Deadline deadline,
                                                      const std::stop_token& stop) override;
  Result<> Connect();

  const Open open_;
  std::optional<protocol::Credentials> credentials_;  // The credentials of client_.
  std::optional<s3::Client> client_;
};

}  // namespace tarn::cli
