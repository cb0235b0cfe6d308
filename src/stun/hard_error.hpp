#pragma once

#include <cstdint>

#include "ice/base/socket.hpp"

namespace ice::stun {

/// RFC 1122 §4.2.3.9 for ICMP (protocol and port unreachable; "fragmentation needed" is path MTU discovery today), and
/// what RFC 5461 §2.2 makes of it for ICMPv6.
inline bool is_hard(const SocketUnreachable& icmp) noexcept {
  constexpr std::uint8_t icmp_destination_unreachable = 3;
  constexpr std::uint8_t icmpv6_destination_unreachable = 1;
  if (icmp.to.canonical().address.is_v4())
    return icmp.icmp_type == icmp_destination_unreachable && (icmp.icmp_code == 2 || icmp.icmp_code == 3);
  return icmp.icmp_type == icmpv6_destination_unreachable && (icmp.icmp_code == 1 || icmp.icmp_code == 4);
}

}  // namespace ice::stun
