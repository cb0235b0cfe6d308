#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/io/context.hpp"
#include "ice/io/driver.hpp"
#include "ice/stun/binding_server.hpp"

namespace ice::io {

/// A STUN server on UDP and TCP (RFC 8489 §12): it tells whoever asks where the question came from.
///
/// Threads: see Context. Destroying it closes everything.
class ICE_API StunServer {
 public:
  struct Bound {
    std::vector<Endpoint> primary;     ///< in the order they were asked for
    std::uint16_t alternate_port = 0;  ///< the second port of NAT behaviour discovery; 0 where it is off
  };

  explicit StunServer(Context context, stun::BindingServerConfig config = {});

  /// Listens on each address, UDP and TCP on the same port; all that ask for port 0 get one that is free on each of
  /// them. Two addresses of one family on one port turn NAT behaviour discovery on (RFC 5780 §6), for which UDP is
  /// bound to a second port of each, `alternate_port` or a free one. `external` tells, address by address, what clients
  /// see in its place behind a 1:1 NAT; it may be shorter, and none means the address itself.
  ///
  /// All or nothing: after an error nothing of this call is bound. errc::invalid_argument for no address at all,
  /// errc::limit_reached, else the system's errors. May be called again for more.
  result<Bound> listen(std::span<const Endpoint> addresses, std::uint16_t alternate_port = 0,
                       std::span<const Address> external = {});

  /// True if a client of this family can discover the behaviour of its NAT here.
  bool discovers_nat_behavior(Family family) const noexcept;

  const stun::BindingServerCounters& counters() const noexcept { return driver_.machine().counters(); }
  const DriverStatistics& statistics() const noexcept { return driver_.statistics(); }

 private:
  Driver<stun::BindingServer> driver_;
};

}  // namespace ice::io
