#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ice/base/export.hpp"

namespace ice::sim {

/// Why a packet did not arrive. It is the truth that a test may hold a report against.
enum class Drop : std::uint8_t {
  loss,             ///< LinkProfile::loss
  link_down,        ///< LinkProfile::up was false
  too_big,          ///< longer than the MTU of the link
  no_route,         ///< nobody has the address and there is no way out
  hops,             ///< went in circles until its hop limit was used up
  host_dead,        ///< Host::kill()
  port_closed,      ///< no socket at that address and port
  no_mapping,       ///< NAT: nothing inside ever had this external address and port
  mapping_expired,  ///< NAT: something had, and sent nothing for too long
  filtered,         ///< NAT or firewall: the mapping lives, and this remote is not allowed in (RFC 4787 §5)
  hairpin,          ///< NAT: hairpinning is off (RFC 4787 §6)
  blocked,          ///< firewall: this protocol is not allowed out or in
  no_external,      ///< NAT: no address of this family, or no port is left on it
};
inline constexpr std::size_t drop_causes = static_cast<std::size_t>(Drop::no_external) + 1;

/// "filtered", "mapping-expired", …
ICE_API std::string_view to_string(Drop cause) noexcept;

/// What happened to packets. The network counts for all, each host and NAT for itself.
struct Counters {
  std::uint64_t sent = 0;       ///< put onto a link; one more for each NAT on the way
  std::uint64_t delivered = 0;  ///< given to a socket, or to the stream of one
  std::array<std::uint64_t, drop_causes> dropped{};

  std::uint64_t of(Drop cause) const noexcept { return dropped[static_cast<std::size_t>(cause)]; }
};

}  // namespace ice::sim
