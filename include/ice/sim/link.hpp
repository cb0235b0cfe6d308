#pragma once

#include <chrono>
#include <cstdint>

#include "ice/base/time.hpp"

namespace ice::sim {

/// One direction of a link. Every field may be changed while the network runs and counts from the next packet on;
/// packets already on their way keep the fate they were given, except that `up` is looked at again on arrival.
struct LinkProfile {
  Duration latency = std::chrono::milliseconds{5};
  Duration jitter{};  ///< each packet takes 0 to this much longer, evenly; the order is kept
  double loss = 0;    ///< probability that a packet vanishes
  double reordering =
      0;  ///< probability that a packet is held back for `reorder_delay`, so that later ones overtake it
  double duplication = 0;  ///< probability that a packet arrives twice
  Duration reorder_delay = std::chrono::milliseconds{20};
  /// Longest IP packet. Longer ones are dropped, but for IPv4 ones that may be fragmented, which arrive as if whole.
  std::uint32_t mtu = 1500;
  bool icmp_too_big = true;  ///< tell the sender of a dropped long packet (RFC 792, RFC 1191, RFC 4443 §3.2)
  bool up = true;            ///< false: everything vanishes
};

/// The link between an interface and its realm, each direction with its own properties.
struct Link {
  LinkProfile egress;   ///< from the host or the NAT into the realm
  LinkProfile ingress;  ///< from the realm to the host or the NAT

  static Link both(const LinkProfile& profile) { return {profile, profile}; }
};

}  // namespace ice::sim
