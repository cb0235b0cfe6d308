#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/export.hpp"
#include "ice/sim/link.hpp"
#include "ice/sim/nat.hpp"

namespace ice::sim {

class Host;
class Network;

/// An address realm (RFC 2663 §2.1): everything in it reaches everything else in it by its address, over the links of
/// the two. The internet is one, and so is the inside of each NAT, whatever depth it is at; what has no address in it
/// goes to the NAT it is inside of. Lives as long as the network.
class ICE_API Realm {
 public:
  struct State;
  explicit Realm(std::unique_ptr<State> state) noexcept;  ///< for Network and add_nat()
  ~Realm();
  Realm(const Realm&) = delete;
  Realm& operator=(const Realm&) = delete;

  std::string_view name() const noexcept;
  Network& network() noexcept;

  /// A host with one interface here. An address must be free in this realm. More interfaces: Host::add_interface().
  Host& add_host(std::string name, std::vector<Address> addresses, const Link& link = {});

  /// A NAT whose outside is here and whose inside is a new realm. `external` may hold both families; it is empty for
  /// what translates nothing.
  Nat& add_nat(std::string name, const NatConfig& config, std::vector<Address> external, const Link& uplink = {});

  /// Whether packets to an address that nobody has are answered with ICMP host unreachable (3/1, ICMPv6 1/3); off
  /// unless set, as on most of the internet.
  void set_icmp_unreachable(bool on) noexcept;

  State& state() noexcept { return *state_; }  ///< internal

 private:
  std::unique_ptr<State> state_;
};

}  // namespace ice::sim
