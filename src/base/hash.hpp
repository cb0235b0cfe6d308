#pragma once

#include <cstdint>
#include <cstring>

#include "base/mix.hpp"
#include "ice/base/endpoint.hpp"

/// Hashes of addresses and endpoints for unordered containers.
namespace ice {

inline std::uint64_t hash_of(const Address& address) noexcept {
  const Bytes bytes = address.bytes();
  std::uint64_t words[2] = {};
  if (!bytes.empty()) std::memcpy(words, bytes.data(), bytes.size());
  const std::uint64_t rest = std::uint64_t{address.scope()} << 8 | static_cast<std::uint64_t>(address.family());
  return mix(words[0] + golden_gamma * mix(words[1] + golden_gamma * mix(rest)));
}

inline std::uint64_t hash_of(const Endpoint& endpoint) noexcept {
  return mix(hash_of(endpoint.address) + endpoint.port);
}

}  // namespace ice
