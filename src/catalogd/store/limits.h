#pragma once

// Private to src/catalogd: limits for datasets, in total and for each tenant. A tenant is a token
// that is limited to datasets. A dataset belongs to the token of its last change.

#include <cstdint>
#include <string>

#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

// 0 means no limit.
struct DatasetLimits {
  int64_t bytes_max = 0;               // catalogd.datasets_bytes_max
  int64_t bytes_max_per_token = 0;     // catalogd.datasets_bytes_max_per_token
  int64_t datasets_max_per_token = 0;  // catalogd.datasets_max_per_token
};

// Datasets and the bytes of their manifests in the list.
struct DatasetUsage {
  uint64_t datasets = 0;
  uint64_t bytes = 0;
};

// Reads the usage of a token. The database stores the sums, so the cost does not depend on the
// number of datasets.
Result<DatasetUsage> ReadUsage(SqliteDatabase& database, const std::string& token);

// A change to a dataset.
struct SizeChange {
  std::string token;       // The token that makes the change; empty without tokens.
  bool is_tenant = false;  // The token is limited to datasets.
  uint64_t bytes_before = 0;
  std::string token_before;  // The token of the last change; unused for a new dataset.
  uint64_t bytes_after = 0;
  bool is_new = false;  // The dataset does not exist.
};
// kTooLarge if the change would exceed a limit. A change that does not add to a sum is allowed even
// if the sum exceeds its limit, which may have been lowered.
Result<> CheckLimits(const DatasetLimits& limits, SqliteDatabase& database,
                     const SizeChange& change);

}  // namespace tarn::catalogd
