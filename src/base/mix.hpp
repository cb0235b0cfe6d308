#pragma once

#include <cstdint>

namespace ice {

/// The increment and the finaliser of splitmix64 (Steele, Lea, Flood, 2014): successive multiples of the increment,
/// finalised, look random, and each bit of the input changes half the bits of the output.
inline constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15;

constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace ice
