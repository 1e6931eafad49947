#include "http/connection_table.h"

#include <algorithm>

#include "http/session.h"

namespace tarn::http {

ConnectionTable::Admission ConnectionTable::Add(const std::shared_ptr<Session>& session,
                                                const std::string& address, bool is_loopback) {
  const MutexLock lock(mutex_);
  Admission admission;
  const auto found = addresses_.find(address);
  const Session* to_evict = nullptr;
  const size_t own_max = is_loopback ? limits_.per_loopback_max : limits_.per_address_max;
  const bool has_tighter_limit = own_max < limits_.connections_max;
  if (has_tighter_limit && found != addresses_.end() && found->second.open >= own_max) {
    admission.limit = Limit::kAddress;
    if (!found->second.waiting.empty()) to_evict = found->second.waiting.front();
  } else if (open_ >= limits_.connections_max) {
    admission.limit = Limit::kConnections;
    if (!ranks_.empty()) to_evict = ranks_.begin()->oldest;
  }
  admission.is_reserved = admission.limit != Limit::kNone && to_evict == nullptr;
  if (admission.is_reserved) to_evict = OldestReserved(address);
  if (to_evict != nullptr) admission.evicted = Evict(to_evict);

  Entry& entry = entries_[session.get()];
  entry.session = session;
  entry.address = address;
  entry.is_reserved = admission.is_reserved;
  Address& own = addresses_[address];
  if (entry.is_reserved) {
    entry.position = reserved_.insert(reserved_.end(), session.get());
    ++own.reserved;
  } else {
    ++open_;
    ++own.open;
    StartWaiting(session.get(), entry);
  }
  return admission;
}

void ConnectionTable::Remove(const Session& session) {
  std::shared_ptr<Session> last;  // Destroyed after the lock is released.
  const MutexLock lock(mutex_);
  const auto found = entries_.find(&session);
  if (found == entries_.end()) return;
  Forget(found->second);
  last = std::move(found->second.session);
  entries_.erase(found);
}

bool ConnectionTable::BeginRequest(const Session& session) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(&session);
  if (found == entries_.end() || found->second.is_evicted) return false;
  StopWaiting(found->second);
  return true;
}

void ConnectionTable::AwaitRequest(const Session& session) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(&session);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (!entry.is_evicted && !entry.is_reserved && !entry.is_waiting) StartWaiting(&session, entry);
}

void ConnectionTable::StartWaiting(const Session* session, Entry& entry) {
  Address& own = addresses_[entry.address];
  ranks_.erase(RankOf(own));
  entry.position = own.waiting.insert(own.waiting.end(), session);
  entry.waits_since = ++waits_;
  entry.is_waiting = true;
  ranks_.insert(RankOf(own));
}

void ConnectionTable::StopWaiting(Entry& entry) {
  if (!entry.is_waiting) return;
  Address& own = addresses_[entry.address];
  ranks_.erase(RankOf(own));
  own.waiting.erase(entry.position);
  entry.is_waiting = false;
  if (!own.waiting.empty()) ranks_.insert(RankOf(own));
}

ConnectionTable::Rank ConnectionTable::RankOf(const Address& address) const {
  if (address.waiting.empty()) return {};
  const Session* const oldest = address.waiting.front();
  return {.waiting = address.waiting.size(),
          .since = entries_.at(oldest).waits_since,
          .oldest = oldest};
}

void ConnectionTable::Forget(Entry& entry) {
  if (entry.is_evicted) return;
  StopWaiting(entry);
  const auto own = addresses_.find(entry.address);
  if (entry.is_reserved) {
    reserved_.erase(entry.position);
    --own->second.reserved;
  } else {
    --open_;
    --own->second.open;
  }
  if (own->second.open == 0 && own->second.reserved == 0) addresses_.erase(own);
}

std::shared_ptr<Session> ConnectionTable::Evict(const Session* session) {
  Entry& entry = entries_.at(session);
  Forget(entry);
  entry.is_evicted = true;
  return entry.session;
}

const Session* ConnectionTable::OldestReserved(const std::string& address) const {
  // One address gets at most half of the reserved slots, so that a flood leaves some to others.
  const size_t share = std::max<size_t>(1, limits_.reserved / 2);
  const auto own = addresses_.find(address);
  if (own != addresses_.end() && own->second.reserved >= share) {
    const auto oldest = std::find_if(reserved_.begin(), reserved_.end(),
                                     [&](const Session* each) TARN_REQUIRES(mutex_) {
                                       return entries_.at(each).address == address;
                                     });
    return *oldest;
  }
  return reserved_.size() < limits_.reserved ? nullptr : reserved_.front();
}

}  // namespace tarn::http
