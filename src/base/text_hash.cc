#include "base/text_hash.h"

#include <bit>
#include <cstring>
#include <random>

namespace tarn {
namespace {

struct State {
  uint64_t v0;
  uint64_t v1;
  uint64_t v2;
  uint64_t v3;

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void Add(uint64_t block, int rounds) {
    v3 ^= block;
    Rounds(rounds);
    v0 ^= block;
  }
};

SipKey RandomKey() {
  std::random_device random;
  const auto number = [&random] { return (uint64_t{random()} << 32U) | random(); };
  return {.low = number(), .high = number()};
}

}  // namespace

uint64_t SipHash(const SipKey& key, std::string_view text, int block_rounds, int end_rounds) {
  State state{.v0 = key.low ^ 0x736f6d6570736575,
              .v1 = key.high ^ 0x646f72616e646f6d,
              .v2 = key.low ^ 0x6c7967656e657261,
              .v3 = key.high ^ 0x7465646279746573};
  uint64_t last = static_cast<uint64_t>(text.size()) << 56U;
  for (; text.size() >= sizeof(uint64_t); text.remove_prefix(sizeof(uint64_t))) {
    uint64_t block = 0;  // Little-endian, as are all supported machines.
    std::memcpy(&block, text.data(), sizeof(block));
    state.Add(block, block_rounds);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, text.data(), text.size());
  last |= rest;
  state.Add(last, block_rounds);
  state.v2 ^= 0xff;
  state.Rounds(end_rounds);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

size_t TextHash::operator()(std::string_view text) const {
  static const SipKey kKey = RandomKey();
  constexpr int kBlockRounds = 1;
  constexpr int kEndRounds = 3;
  return SipHash(kKey, text, kBlockRounds, kEndRounds);
}

}  // namespace tarn
