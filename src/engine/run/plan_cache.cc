#include "engine/run/plan_cache.h"

namespace tarn::engine {

Plan* PlanCache::Find(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return nullptr;
  const auto entry = found->second;
  // With a size of 0, the cache still holds the plan of the last run: see Keep().
  if (entries_max_ == 0) {
    Forget(sql);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return &entry->plan;
}

Plan& PlanCache::Keep(std::string sql, Plan plan) {
  Forget(sql);
  // Keeps at least this plan, because its query is about to run.
  while (!entries_.empty() && entries_.size() >= entries_max_) {
    by_sql_.erase(entries_.back().sql);
    entries_.pop_back();
  }
  entries_.push_front({std::move(sql), std::move(plan)});
  by_sql_.emplace(entries_.front().sql, entries_.begin());
  return entries_.front().plan;
}

void PlanCache::Forget(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return;
  const auto entry = found->second;
  by_sql_.erase(found);
  entries_.erase(entry);
}

}  // namespace tarn::engine
