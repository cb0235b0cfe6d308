#pragma once

#include <cstdint>
#include <istream>
#include <vector>

#include "ice/base/address.hpp"

namespace ice::io {

/// What Linux says of one address: IFA_F_… in `flags`.
struct InterfaceFlags {
  Address address;
  std::uint32_t index = 0;
  std::uint32_t flags = 0;
};

/// Reads /proc/net/if_inet6, where Linux tells of IPv6 addresses what getifaddrs() does not. Lines that
/// make no sense are skipped.
std::vector<InterfaceFlags> parse_if_inet6(std::istream& lines);

}  // namespace ice::io
