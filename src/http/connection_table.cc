#include "http/connection_table.h"

#include <algorithm>

#include "http/session.h"

namespace tarn::http {

ConnectionTable::Admission ConnectionTable::Add(const std::shared_ptr<Session>& session,
                                                const std::string& address) {
  const std::lock_guard lock(mutex_);
  Admission admission;
  const auto found = addresses_.find(address);
  const Session* gives_way = nullptr;
  const bool has_tighter_limit = limits_.per_address_max < limits_.connections_max;
  if (has_tighter_limit && found != addresses_.end() &&
      found->second.open >= limits_.per_address_max) {
    admission.limit = Limit::kAddress;
    if (!found->second.waiting.empty()) gives_way = found->second.waiting.front();
  } else if (open_ >= limits_.connections_max) {
    admission.limit = Limit::kConnections;
    if (!waiting_.empty()) gives_way = waiting_.front();
  }
  admission.is_reserved = admission.limit != Limit::kNone && gives_way == nullptr;
  if (admission.is_reserved) gives_way = OldestReserved(address);
  if (gives_way != nullptr) admission.evicted = Evict(gives_way);

  Entry& entry = entries_[session.get()];
  entry.session = session;
  entry.address = address;
  entry.is_reserved = admission.is_reserved;
  Address& own = addresses_[address];
  if (entry.is_reserved) {
    entry.in_all = reserved_.insert(reserved_.end(), session.get());
    ++own.reserved;
  } else {
    ++open_;
    ++own.open;
    StartWaiting(session.get(), entry);
  }
  return admission;
}

void ConnectionTable::Remove(const Session& session) {
  std::shared_ptr<Session> last;  // Not destroyed under the lock.
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(&session);
  if (found == entries_.end()) return;
  Forget(found->second);
  last = std::move(found->second.session);
  entries_.erase(found);
}

bool ConnectionTable::BeginRequest(const Session& session) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(&session);
  if (found == entries_.end() || found->second.is_evicted) return false;
  StopWaiting(found->second);
  return true;
}

void ConnectionTable::AwaitRequest(const Session& session) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(&session);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (!entry.is_evicted && !entry.is_reserved && !entry.is_waiting) StartWaiting(&session, entry);
}

void ConnectionTable::StartWaiting(const Session* session, Entry& entry) {
  Waiting& own = addresses_[entry.address].waiting;
  entry.in_all = waiting_.insert(waiting_.end(), session);
  entry.in_address = own.insert(own.end(), session);
  entry.is_waiting = true;
}

void ConnectionTable::StopWaiting(Entry& entry) {
  if (!entry.is_waiting) return;
  waiting_.erase(entry.in_all);
  addresses_[entry.address].waiting.erase(entry.in_address);
  entry.is_waiting = false;
}

void ConnectionTable::Forget(Entry& entry) {
  if (entry.is_evicted) return;
  StopWaiting(entry);
  const auto own = addresses_.find(entry.address);
  if (entry.is_reserved) {
    reserved_.erase(entry.in_all);
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
  // One address has at most half of them, so that its own flood leaves some to others.
  const size_t share = std::max<size_t>(1, limits_.reserved / 2);
  const auto own = addresses_.find(address);
  if (own != addresses_.end() && own->second.reserved >= share) {
    const auto oldest = std::find_if(reserved_.begin(), reserved_.end(), [&](const Session* each) {
      return entries_.at(each).address == address;
    });
    return *oldest;
  }
  return reserved_.size() < limits_.reserved ? nullptr : reserved_.front();
}

}  // namespace tarn::http
