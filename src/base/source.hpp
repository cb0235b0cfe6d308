#pragma once

#include <algorithm>
#include <array>

#include "ice/base/address.hpp"

namespace ice {

/// The part of a remote address that counts as one source where each has a share: an IPv4 address, or the /64 of an
/// IPv6 one, which one subscriber has all of (RFC 6177).
inline Address source_of(const Address& address) noexcept {
  const Address plain = address.canonical().without_scope();
  if (!plain.is_v6()) return plain;
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(plain.bytes().begin(), 8, bytes.begin());
  return Address::v6(bytes);
}

}  // namespace ice
