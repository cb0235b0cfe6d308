// The tests of RFC 5780 §4, by hand: what they find out is what the NAT was built with.

#include <gtest/gtest.h>

#include "scenario/support/stun_world.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using sim::Behavior;
using test::StunWorld;

constexpr Behavior behaviors[] = {Behavior::endpoint_independent, Behavior::address_dependent,
                                  Behavior::address_and_port_dependent};

/// RFC 5780 §4.3.
Behavior discover_mapping(StunWorld& world) {
  const SocketId socket = world.fresh_socket();
  const BindingResult first = world.ask({.socket = socket, .server = StunWorld::a1p1()});
  EXPECT_EQ(first.other_address, StunWorld::a2p2());
  const Endpoint other_address{first.other_address.address, StunWorld::a1p1().port};
  const Endpoint second = world.ask({.socket = socket, .server = other_address}).mapped;
  if (second == first.mapped) return Behavior::endpoint_independent;
  const Endpoint third = world.ask({.socket = socket, .server = first.other_address}).mapped;
  return third == second ? Behavior::address_dependent : Behavior::address_and_port_dependent;
}

/// RFC 5780 §4.4.
Behavior discover_filtering(StunWorld& world) {
  const SocketId socket = world.fresh_socket();
  BindingRequest request{.socket = socket, .server = StunWorld::a1p1()};
  EXPECT_FALSE(world.ask(request).error);
  request.schedule = RetransmissionSchedule{.rto = 100ms, .rc = 3, .rm = 4};
  request.change_request = ChangeRequest{.change_ip = true, .change_port = true};
  if (const BindingResult both = world.ask(request); !both.error) {
    EXPECT_EQ(both.from, StunWorld::a2p2());
    return Behavior::endpoint_independent;
  }
  request.change_request = ChangeRequest{.change_port = true};
  if (const BindingResult port = world.ask(request); !port.error) {
    EXPECT_EQ(port.from, StunWorld::a1p2());
    return Behavior::address_dependent;
  }
  return Behavior::address_and_port_dependent;
}

TEST(NatDiscovery, FindsEachMappingWithEachFiltering) {
  for (const Behavior mapping : behaviors) {
    for (const Behavior filtering : behaviors) {
      sim::NatConfig config = sim::NatConfig::full_cone();
      config.mapping = mapping;
      config.filtering = filtering;
      StunWorld world{config};
      EXPECT_EQ(discover_mapping(world), mapping) << to_string(mapping) << " x " << to_string(filtering);
      EXPECT_EQ(discover_filtering(world), filtering) << to_string(mapping) << " x " << to_string(filtering);
    }
  }
}

/// RFC 5780 §4.6: whether an answer to a question from another port still gets in after `idle`.
bool lives(StunWorld& world, Duration idle) {
  const SocketId x = world.fresh_socket();
  const SocketId y = world.fresh_socket();
  const Endpoint mapping = world.ask({.socket = x, .server = StunWorld::a1p1()}).mapped;
  world.network.run_for(idle);
  const BindingResult result = world.ask({.socket = y,
                                          .server = StunWorld::a1p1(),
                                          .response_port = mapping.port,
                                          .schedule = RetransmissionSchedule::once(1s)});
  return !result.error && result.socket == x;
}

TEST(NatDiscovery, FindsTheLifetimeOfAMappingWithResponsePort) {
  sim::NatConfig config = sim::NatConfig::port_restricted_cone();
  config.udp_lifetime = 45s;
  StunWorld world{config};
  EXPECT_TRUE(lives(world, 44s));
  EXPECT_FALSE(lives(world, 46s));
}

TEST(NatDiscovery, FindsHowMuchAPathCarriesWithPadding) {  // RFC 5780 §3.5
  StunWorld world{sim::NatConfig::full_cone()};
  world.client_host.interfaces().front()->link().ingress.mtu = 1000;
  BindingRequest request{.socket = world.fresh_socket(), .server = StunWorld::a1p1()};
  request.schedule = RetransmissionSchedule::once(1s);
  request.padding = std::uint16_t{800};
  EXPECT_EQ(world.ask(request).padding, 800);
  request.padding = std::uint16_t{1200};
  EXPECT_EQ(world.ask(request).error, errc::timed_out) << "out it goes, but not back in";
  EXPECT_EQ(world.server.counters().successes, 2u);
}

}  // namespace
}  // namespace ice::stun
