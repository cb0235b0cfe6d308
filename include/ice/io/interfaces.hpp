#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice::io {

/// An address of this host on an interface that is up and running.
struct InterfaceAddress {
  std::string interface;  ///< "eth0"
  std::uint32_t index = 0;
  Address address;  ///< with a scope id where it is link-local
  std::uint8_t prefix_length = 0;
  bool loopback = false;        ///< of a loopback interface
  bool point_to_point = false;  ///< of a tunnel, as VPNs have it
  bool temporary = false;       ///< made to prevent location tracking (RFC 8981)
  bool deprecated = false;      ///< not for new communication (RFC 4862 §5.5.4)

  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// The unicast addresses of this host, interface by interface in the system's order. Those that cannot be bound yet or
/// at all (duplicate address detection, RFC 4862 §5.4) are left out. Reads the system's tables at each call.
ICE_API result<std::vector<InterfaceAddress>> interface_addresses();

/// Those that RFC 8445 §5.1.1.1 lets an agent make host candidates of, in the same order: no loopback unless allowed;
/// no IPv4-compatible, site-local or IPv4-mapped IPv6 address; where an interface has a temporary IPv6 address, no
/// trackable one of the same prefix and no link-local one. Deprecated ones only where an interface has nothing better.
ICE_API std::vector<InterfaceAddress> host_candidate_addresses(std::span<const InterfaceAddress> all,
                                                               bool allow_loopback);

}  // namespace ice::io
