#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace tarn {

// A queue that takes turns between owners: the next item is the oldest one of the owner that has
// waited longest for a turn. An owner with many items delays others by one item each.
//
// Not thread-safe.
template <class Item>
class OwnerTurns {
 public:
  bool empty() const { return turns_.empty(); }
  size_t size() const { return size_; }

  void Push(const std::string& owner, Item item) {
    const auto [queue, is_new] = queues_.try_emplace(owner);
    queue->second.push_back(std::move(item));
    ++size_;
    if (is_new) turns_.push_back(queue);
  }

  // Removes and returns the next item. Must not be called for an empty queue.
  Item Pop() {
    const auto queue = turns_.front();
    turns_.pop_front();
    Item item = std::move(queue->second.front());
    queue->second.pop_front();
    --size_;
    if (queue->second.empty()) {
      queues_.erase(queue);
    } else {
      turns_.push_back(queue);
    }
    return item;
  }

  // Like Pop, but skips the owners for which `may_pop(owner)` returns false. Returns nullopt if it
  // returns false for all owners.
  template <class MayPop>
  std::optional<Item> PopIf(const MayPop& may_pop) {
    const auto turn = std::find_if(turns_.begin(), turns_.end(),
                                   [&](const auto& queue) { return may_pop(queue->first); });
    if (turn == turns_.end()) return std::nullopt;
    const auto queue = *turn;
    turns_.erase(turn);
    turns_.push_front(queue);
    return Pop();
  }

  // Removes an item of the owner. It is no error if there is none.
  void Remove(const std::string& owner, const Item& item) {
    const auto queue = queues_.find(owner);
    if (queue == queues_.end()) return;
    size_ -= std::erase(queue->second, item);
    if (!queue->second.empty()) return;
    turns_.erase(std::find(turns_.begin(), turns_.end(), queue));
    queues_.erase(queue);
  }

 private:
  using Queues = std::map<std::string, std::deque<Item>>;
  Queues queues_;                                // By owner; none is empty.
  std::deque<typename Queues::iterator> turns_;  // All queues_, in the order of their turns.
  size_t size_ = 0;
};

// True if an owner may use one more of `max` places. `own` places are in use by the owner, `used`
// by all owners. An owner gets at most three times the number of free places, so other owners
// always find a free one. The empty owner (a server without tokens) may use all places.
inline bool MayUseOneMore(const std::string& owner, size_t own, size_t used, size_t max) {
  if (used >= max) return false;
  return owner.empty() || own < 3 * (max - used);
}

}  // namespace tarn
