#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
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

}  // namespace tarn
