#pragma once

#include <cstdint>
#include <cstring>

#include "ice/base/endpoint.hpp"

/// Hashes of addresses and endpoints for unordered containers.
namespace ice {

/// The finaliser of splitmix64: each bit of the input changes half the bits of the output.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

inline std::uint64_t hash_of(const Address& address) noexcept {
  const Bytes bytes = address.bytes();
  std::uint64_t words[2] = {};
  if (!bytes.empty()) std::memcpy(words, bytes.data(), bytes.size());
  const std::uint64_t rest = std::uint64_t{address.scope()} << 8 | static_cast<std::uint64_t>(address.family());
  return mix(words[0] + 0x9e3779b97f4a7c15 * mix(words[1] + 0x9e3779b97f4a7c15 * mix(rest)));
}

inline std::uint64_t hash_of(const Endpoint& endpoint) noexcept {
  return mix(hash_of(endpoint.address) + endpoint.port);
}

}  // namespace ice
