#pragma once

#include "ice/base/endpoint.hpp"

namespace ice {

/// Whether one host can be meant by it, so that a packet may be sent there and another may have come from there.
inline bool is_reachable(const Endpoint& endpoint) noexcept {
  return endpoint && endpoint.port != 0 && !endpoint.address.is_unspecified() && !endpoint.address.is_multicast();
}

}  // namespace ice
