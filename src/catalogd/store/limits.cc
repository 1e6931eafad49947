#include "catalogd/store/limits.h"

#include <fmt/format.h>

#include <utility>

#include "catalogd/store/database.h"
#include "catalogd/store/rows.h"

namespace tarn::catalogd {
namespace {

constexpr const char* kBytesAdvice = "delete datasets, or register fewer and larger objects";

Error TooLargeError(std::string message) { return {ErrorKind::kTooLarge, std::move(message)}; }

bool Exceeds(uint64_t sum, int64_t limit) { return limit > 0 && sum > ToCount(limit); }

}  // namespace

Result<DatasetUsage> ReadUsage(SqliteDatabase& database, const std::string& token) {
  TARN_TRY(SqliteStatement query,
           database.Prepare("SELECT datasets, bytes FROM token_usage WHERE token = ?"));
  TARN_TRY(const bool row, query.Bind(1, token).Step());
  if (!row) return DatasetUsage{};
  return DatasetUsage{ToCount(query.Integer(0)), ToCount(query.Integer(1))};
}

Result<> CheckLimits(const DatasetLimits& limits, SqliteDatabase& database,
                     const SizeChange& change) {
  if (change.bytes_after > change.bytes_before) {
    TARN_TRY(const Catalogue all, ReadCatalogue(database));
    const uint64_t sum = all.bytes - change.bytes_before + change.bytes_after;
    if (Exceeds(sum, limits.bytes_max)) {
      // Omits the sum, which tenants must not see.
      return TooLargeError(
          fmt::format("the manifests of all datasets would have more than {} bytes "
                      "(catalogd.datasets_bytes_max): {}",
                      limits.bytes_max, kBytesAdvice));
    }
  }
  if (!change.is_tenant) return {};
  const bool has_it = !change.is_new && change.token_before == change.token;
  const uint64_t before = has_it ? change.bytes_before : 0;
  TARN_TRY(const DatasetUsage own, ReadUsage(database, change.token));
  const uint64_t sum = own.bytes - before + change.bytes_after;
  if (change.bytes_after > before && Exceeds(sum, limits.bytes_max_per_token)) {
    return TooLargeError(
        fmt::format("the manifests of this token's datasets would have {} bytes, more than {} "
                    "(catalogd.datasets_bytes_max_per_token): {}",
                    sum, limits.bytes_max_per_token, kBytesAdvice));
  }
  if (!has_it && Exceeds(own.datasets + 1, limits.datasets_max_per_token)) {
    return TooLargeError(fmt::format(
        "this token would have {} datasets, more than {} (catalogd.datasets_max_per_token): delete "
        "datasets",
        own.datasets + 1, limits.datasets_max_per_token));
  }
  return {};
}

}  // namespace tarn::catalogd
