#include "queryd/datasets/schema_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace tarn::queryd {
namespace {

Error BudgetError(uint64_t bytes, std::string_view limit) {
  return {ErrorKind::kTooLarge,
          fmt::format("the names and types of its columns take {} bytes, {}: use fewer columns or "
                      "shorter names, delete datasets, or raise the setting",
                      bytes, limit)};
}

}  // namespace

Result<> SchemaBudget::Take(const std::string& dataset, const std::string& owner, uint64_t bytes) {
  if (bytes > limits_.dataset_bytes) {
    return Error{ErrorKind::kTooLarge,
                 fmt::format("the names and types of its columns take {} bytes, at most {} are "
                             "allowed (queryd.schema_bytes_max): use fewer columns, shorter names, "
                             "or objects with the same columns",
                             bytes, limits_.dataset_bytes)};
  }
  const auto found = entries_.find(dataset);
  const Entry former = found == entries_.end() ? Entry() : found->second;
  Release(dataset);
  const auto of_owner = owners_.find(owner);
  const uint64_t owner_bytes = of_owner == owners_.end() ? 0 : of_owner->second;
  const uint64_t total_max = limits_.total_bytes;
  Result<> taken;
  if (bytes > total_max - std::min(bytes_, total_max)) {
    taken = BudgetError(bytes, fmt::format("and those of all datasets may take {} "
                                           "(queryd.schemas_bytes_max)",
                                           total_max));
  } else if (!owner.empty() && owner_bytes + bytes > total_max / 2) {
    taken = BudgetError(bytes, fmt::format("and those of all datasets of token \"{}\" may take {} "
                                           "(half of queryd.schemas_bytes_max)",
                                           owner, total_max / 2));
  }
  if (taken.ok()) {
    Count(entries_.insert_or_assign(dataset, Entry{owner, bytes}).first->second);
  } else if (former.bytes > 0) {
    Count(entries_.insert_or_assign(dataset, former).first->second);
  }
  return taken;
}

void SchemaBudget::Count(const Entry& entry) {
  bytes_ += entry.bytes;
  owners_[entry.owner] += entry.bytes;
}

void SchemaBudget::Release(const std::string& dataset) {
  const auto found = entries_.find(dataset);
  if (found == entries_.end()) return;
  bytes_ -= found->second.bytes;
  const auto owner = owners_.find(found->second.owner);
  owner->second -= found->second.bytes;
  if (owner->second == 0) owners_.erase(owner);
  entries_.erase(found);
}

}  // namespace tarn::queryd
