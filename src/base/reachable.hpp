#pragma once

#include "ice/base/endpoint.hpp"

namespace ice {

/// Whether one host can be meant by it, so that a packet may be sent there and another may have come from there.
inline bool is_reachable(const Endpoint& endpoint) noexcept {
  return endpoint && endpoint.port != 0 && !endpoint.address.is_unspecified() && !endpoint.address.is_multicast();
}

/// A packet to a global address cannot leave from a loopback or link-local one, nor the other way round.
inline bool same_reach(const Address& a, const Address& b) noexcept {
  return a.family() == b.family() && a.is_loopback() == b.is_loopback() && a.is_link_local() == b.is_link_local();
}

}  // namespace ice
