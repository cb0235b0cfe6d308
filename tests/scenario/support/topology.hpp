#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ice/agent.hpp"
#include "ice/sim/host.hpp"
#include "ice/sim/nat.hpp"
#include "ice/sim/network.hpp"
#include "ice/sim/realm.hpp"

namespace ice::test {

using namespace std::chrono_literals;

/// How one side of a call is connected, and how its agent is set.
struct SideConfig {
  std::optional<sim::NatConfig> nat{};    ///< none: the host is on the internet itself
  std::optional<sim::NatConfig> outer{};  ///< a second NAT, in front of that one
  sim::Link link{};                       ///< of the host
  AgentConfig agent{};                    ///< role and servers are the call's to set
  bool ipv4 = true;
  bool ipv6 = false;     ///< a global IPv6 address beside it; behind a NAT it is filtered, not translated
  bool use_stun = true;  ///< ask the call's STUN server
  std::optional<stun::Login> relay_login{};  ///< at the call's TURN server, if there is one; none: one that it takes
};

/// Both sides of a call as they are connected; one network after another can be made of it.
struct Topology {
  SideConfig caller{};
  SideConfig callee{};
  bool same_nat = false;  ///< the callee is behind the caller's NATs, and its own are not built

  struct Place {
    sim::Nat* nat = nullptr;  ///< the innermost one
    sim::Host* host = nullptr;
  };

  /// Where everybody's reflexive address is asked for.
  static Endpoint server_v4() { return {Address::v4(198, 51, 100, 1), 3478}; }
  static Endpoint server_v6() { return {*Address::parse("2001:db8:ffff::1"), 3478}; }
  static sim::Host& add_server(sim::Network& network) {
    return network.internet().add_host("server", {server_v4().address, server_v6().address});
  }

  std::array<Place, 2> build(sim::Network& network) const {
    std::array<Place, 2> places;
    places[0] = build_side(network, caller, 1, nullptr);
    places[1] = build_side(network, callee, 2, same_nat ? places[0].nat : nullptr);
    return places;
  }

 private:
  static Place build_side(sim::Network& network, const SideConfig& side, std::uint8_t id, sim::Nat* shared) {
    Place place{shared};
    const std::string name = std::to_string(id);
    if (shared == nullptr && side.nat) {
      sim::Realm* outside = &network.internet();
      Address external = Address::v4(203, 0, 113, id);
      if (side.outer) {
        outside = &outside->add_nat("outer" + name, *side.outer, {external}).inside();
        external = Address::v4(100, 64, id, 2);
      }
      place.nat = &outside->add_nat("nat" + name, *side.nat, {external});
    }
    std::vector<Address> addresses;
    if (side.ipv4)
      addresses.push_back(place.nat != nullptr ? Address::v4(192, 168, 1, id) : Address::v4(192, 0, 2, id));
    if (side.ipv6) addresses.push_back(*Address::parse("2001:db8::" + name));
    sim::Realm& realm = place.nat != nullptr ? place.nat->inside() : network.internet();
    place.host = &realm.add_host("host" + name, std::move(addresses), side.link);
    return place;
  }
};

}  // namespace ice::test
