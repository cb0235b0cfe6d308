#include "ice/base/random.hpp"

#include <bit>
#include <cassert>

#include "base/mix.hpp"

namespace ice {

std::uint64_t RandomSource::next() noexcept {
  std::array<std::uint8_t, 8> bytes;
  fill(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << 8 * i;
  return value;
}

std::uint64_t RandomSource::below(std::uint64_t bound) noexcept {
  assert(bound != 0);
  // The first 2^64 modulo `bound` numbers would make the small results likelier by one draw: they are drawn again.
  const std::uint64_t surplus = (0 - bound) % bound;
  std::uint64_t value = next();
  while (value < surplus) value = next();
  return value % bound;
}

SeededRandom::SeededRandom(std::uint64_t seed) noexcept {
  // splitmix64, as the authors of xoshiro advise: seeds that differ in one bit give states that have nothing in
  // common, and never the all-zero state.
  for (std::uint64_t& word : state_) word = mix(seed += golden_gamma);
}

/// xoshiro256** 1.0 (Blackman, Vigna, 2018).
std::uint64_t SeededRandom::step() noexcept {
  const std::uint64_t value = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return value;
}

void SeededRandom::fill(MutableBytes out) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) word = step();
    out[i] = static_cast<std::uint8_t>(word & 0xff);
    word >>= 8;
  }
}

}  // namespace ice
