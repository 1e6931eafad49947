#pragma once

// Hash tables of texts that clients choose. The hash functions of the standard library have a fixed
// seed, so a client could choose texts with equal hashes, and a table of 100,000 keys would take
// half a minute to fill.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tarn {

struct SipKey {
  uint64_t low = 0;
  uint64_t high = 0;
};

// SipHash, a keyed hash function for hash tables (Aumasson and Bernstein, 2012,
// https://www.aumasson.jp/siphash/siphash.pdf). `block_rounds` and `end_rounds` are 2 and 4 in the
// paper; 1 and 3 are usual for hash tables.
uint64_t SipHash(const SipKey& key, std::string_view text, int block_rounds, int end_rounds);

// SipHash-1-3 with a random key of this process.
struct TextHash {
  size_t operator()(std::string_view text) const;
};

template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash>;
using TextSet = std::unordered_set<std::string, TextHash>;

// The owner of the texts must outlive these.
template <class Value>
using TextViewMap = std::unordered_map<std::string_view, Value, TextHash>;
using TextViewSet = std::unordered_set<std::string_view, TextHash>;

}  // namespace tarn
