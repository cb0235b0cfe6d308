#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "support/sim_nat_world.hpp"

// RFC 4787 §4: address and port mapping.
namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::NatWorld;
using test::Peer;

NatConfig with_mapping(Behavior mapping) {
  NatConfig config;
  config.mapping = mapping;
  config.ports = PortAllocation::sequential;
  return config;
}

TEST(SimNatMapping, TheOutsideSeesTheExternalAddressAndAnswersComeBack) {
  NatWorld world{{}};
  const Endpoint external = world.seen_by_s1();
  EXPECT_EQ(external.address, ip("198.51.100.1"));
  EXPECT_EQ(world.nat.external_of(world.inside.local(world.socket)), external);
  ASSERT_TRUE(world.gets_in(world.s, world.s1, external));
  EXPECT_EQ(world.inside.heard[0].from, NatWorld::at_s1());
  EXPECT_EQ(world.inside.heard[0].ip.local, ip("10.0.0.2"));
}

TEST(SimNatMapping, EndpointIndependentReusesTheMappingForEveryRemote) {
  NatWorld world{with_mapping(Behavior::endpoint_independent)};
  const Endpoint first = world.seen_by_s1();
  EXPECT_EQ(world.seen_by_s2(), first);
  EXPECT_EQ(world.seen_by_t1(), first);
  EXPECT_EQ(world.nat.live_mappings(), 1U);
}

TEST(SimNatMapping, AddressDependentReusesItForOneAddress) {
  NatWorld world{with_mapping(Behavior::address_dependent)};
  const Endpoint first = world.seen_by_s1();
  EXPECT_EQ(world.seen_by_s2(), first);
  EXPECT_NE(world.seen_by_t1(), first);
  EXPECT_EQ(world.seen_by_s1(), first);
  EXPECT_EQ(world.nat.live_mappings(), 2U);
}

TEST(SimNatMapping, AddressAndPortDependentReusesItForOneRemoteAlone) {
  NatWorld world{with_mapping(Behavior::address_and_port_dependent)};
  const Endpoint first = world.seen_by_s1();
  EXPECT_NE(world.seen_by_s2(), first);
  EXPECT_NE(world.seen_by_t1(), first);
  EXPECT_EQ(world.seen_by_s1(), first);
  EXPECT_EQ(world.nat.live_mappings(), 3U);
}

TEST(SimNatMapping, EachInternalEndpointHasMappingsOfItsOwn) {
  NatWorld world{{}};
  const SocketId second = world.inside.udp(5001);
  const SocketId neighbours = world.neighbour.udp(5000);
  const Endpoint first = world.seen_by_s1();
  EXPECT_NE(world.seen(world.inside, second, world.s, NatWorld::at_s1()), first);
  EXPECT_NE(world.seen(world.neighbour, neighbours, world.s, NatWorld::at_s1()), first);
}

TEST(SimNatPorts, PreservingKeepsTheInternalPort) {
  NatWorld world{{}};
  EXPECT_EQ(world.seen_by_s1().port, 5000);
}

TEST(SimNatPorts, PreservingTakesTheNextFreePortOnACollision) {
  NatWorld world{{}};
  const SocketId neighbours = world.neighbour.udp(5000);
  EXPECT_EQ(world.seen_by_s1().port, 5000);
  EXPECT_EQ(world.seen(world.neighbour, neighbours, world.s, NatWorld::at_s1()).port, 5001);
}

// RFC 4787 REQ-3: a well-known port is kept by who has it, and given to nobody instead of another.
TEST(SimNatPorts, PreservingGivesNoWellKnownPortOnACollision) {
  NatWorld world{{}};
  const SocketId first = world.inside.udp(500);
  const SocketId second = world.neighbour.udp(500);
  EXPECT_EQ(world.seen(world.inside, first, world.s, NatWorld::at_s1()).port, 500);
  EXPECT_EQ(world.seen(world.neighbour, second, world.s, NatWorld::at_s1()).port, 1024);
}

TEST(SimNatPorts, SequentialCountsUp) {
  NatConfig config = with_mapping(Behavior::address_and_port_dependent);
  NatWorld world{config};
  const std::uint16_t first = world.seen_by_s1().port;
  EXPECT_NE(first, 5000);
  EXPECT_EQ(world.seen_by_s2().port, first + 1);
  EXPECT_EQ(world.seen_by_t1().port, first + 2);
}

TEST(SimNatPorts, RandomJumps) {
  NatConfig config;
  config.ports = PortAllocation::random;
  NatWorld world{config};
  std::set<int> ports;
  std::set<int> steps;
  int last = 0;
  for (std::uint16_t port = 6000; port < 6020; ++port) {
    const int now = world.seen(world.inside, world.inside.udp(port), world.s, NatWorld::at_s1()).port;
    ports.insert(now);
    steps.insert(now - last);
    last = now;
    EXPECT_GE(now, 1024);
  }
  EXPECT_EQ(ports.size(), 20U) << "each is free when it is given";
  EXPECT_GT(steps.size(), 15U);
}

TEST(SimNatPorts, RandomPortsFollowFromTheSeed) {
  NatConfig config;
  config.ports = PortAllocation::random;
  EXPECT_EQ((NatWorld{config, {ip("198.51.100.1")}, 5}.seen_by_s1()),
            (NatWorld{config, {ip("198.51.100.1")}, 5}.seen_by_s1()));
  EXPECT_NE((NatWorld{config, {ip("198.51.100.1")}, 5}.seen_by_s1()),
            (NatWorld{config, {ip("198.51.100.1")}, 6}.seen_by_s1()));
}

TEST(SimNatPorts, WhenEveryPortIsTakenThePacketIsDropped) {
  NatConfig config = with_mapping(Behavior::address_and_port_dependent);
  config.udp_lifetime = 1h;
  NatWorld world{config};
  // 64,512 ports above the well-known ones, one for each remote port
  for (std::uint32_t port = 1; port <= 64'512; ++port) {
    ASSERT_TRUE(world.inside.send(world.socket, {ip("203.0.113.2"), static_cast<std::uint16_t>(port)}, "x"));
    if (port % 1000 == 0) world.run();
  }
  world.run();
  EXPECT_EQ(world.nat.counters().of(Drop::no_external), 0U);
  EXPECT_FALSE(world.seen_by_s1());
  EXPECT_EQ(world.nat.counters().of(Drop::no_external), 1U);
}

std::vector<Address> four_addresses() {
  return {ip("198.51.100.1"), ip("198.51.100.2"), ip("198.51.100.3"), ip("198.51.100.4")};
}

TEST(SimNatPooling, PairedGivesOneInternalAddressOneExternalAddress) {
  NatConfig config = with_mapping(Behavior::address_and_port_dependent);
  config.pooling = Pooling::paired;
  NatWorld world{config, four_addresses()};
  const Address first = world.seen_by_s1().address;
  EXPECT_EQ(world.seen_by_s2().address, first);
  EXPECT_EQ(world.seen_by_t1().address, first);
  const Address other = world.seen(world.neighbour, world.neighbour.udp(), world.s, NatWorld::at_s1()).address;
  EXPECT_NE(other, first) << "another internal address takes the next";
}

TEST(SimNatPooling, ArbitraryGivesEachMappingTheNextAddress) {
  NatConfig config = with_mapping(Behavior::address_and_port_dependent);
  config.pooling = Pooling::arbitrary;
  NatWorld world{config, four_addresses()};
  const std::set<Address> seen{world.seen_by_s1().address, world.seen_by_s2().address, world.seen_by_t1().address};
  EXPECT_EQ(seen.size(), 3U);
}

NatConfig with_lifetime(Duration lifetime) {
  NatConfig config;
  config.udp_lifetime = lifetime;
  return config;
}

TEST(SimNatLifetime, AMappingThatSendsNothingIsForgottenAndComesBackAtAnotherPort) {
  NatWorld world{with_lifetime(30s)};
  const Endpoint first = world.seen_by_s1();
  world.network.run_for(31s);
  EXPECT_EQ(world.nat.live_mappings(), 0U);
  EXPECT_FALSE(world.gets_in(world.s, world.s1, first));
  EXPECT_EQ(world.nat.counters().of(Drop::mapping_expired), 1U);
  EXPECT_EQ(world.nat.counters().of(Drop::no_mapping), 0U);
  const Endpoint second = world.seen_by_s1();
  EXPECT_NE(second, first);
  EXPECT_FALSE(world.gets_in(world.s, world.s1, first)) << "the old port stays dead";
  EXPECT_TRUE(world.gets_in(world.s, world.s1, second));
}

TEST(SimNatLifetime, ThePreservedPortMayComeBackWhereTheNatIsSoMade) {
  NatConfig config = with_lifetime(30s);
  config.new_port_after_expiry = false;
  NatWorld world{config};
  const Endpoint first = world.seen_by_s1();
  world.network.run_for(31s);
  EXPECT_EQ(world.seen_by_s1(), first);
}

TEST(SimNatLifetime, EndsExactlyWhenItEnds) {
  NatWorld world{with_lifetime(30s)};
  ASSERT_TRUE(world.inside.send(world.socket, NatWorld::at_s1(), "x"));
  world.network.run_for(5ms);  // the packet has reached the NAT
  world.network.run_for(30s - 1ns);
  EXPECT_EQ(world.nat.live_mappings(), 1U);
  world.network.run_for(1ns);
  EXPECT_EQ(world.nat.live_mappings(), 0U);
}

TEST(SimNatLifetime, OutboundPacketsRefresh) {
  NatWorld world{with_lifetime(30s)};
  const Endpoint first = world.seen_by_s1();
  for (int i = 0; i < 5; ++i) {
    world.network.run_for(20s);
    EXPECT_EQ(world.seen_by_s1(), first);
  }
}

TEST(SimNatLifetime, InboundPacketsRefreshOnlyWhereTheNatIsSoMade) {
  for (const Refresh refresh : {Refresh::outbound, Refresh::both}) {
    NatConfig config = with_lifetime(30s);
    config.refresh = refresh;
    NatWorld world{config};
    const Endpoint first = world.seen_by_s1();
    world.network.run_for(20s);
    EXPECT_TRUE(world.gets_in(world.s, world.s1, first));
    world.network.run_for(20s);
    EXPECT_EQ(world.gets_in(world.s, world.s1, first), refresh == Refresh::both);
  }
}

TEST(SimNatLifetime, WhatIsNotLetInRefreshesNothing) {
  NatConfig config = with_lifetime(30s);
  config.refresh = Refresh::both;
  NatWorld world{config};
  const Endpoint first = world.seen_by_s1();
  world.network.run_for(20s);
  EXPECT_FALSE(world.gets_in(world.t, world.t1, first));
  world.network.run_for(20s);
  EXPECT_FALSE(world.gets_in(world.s, world.s1, first));
}

TEST(SimNatLifetime, RebootForgetsEverything) {
  NatWorld world{{}};
  const Endpoint first = world.seen_by_s1();
  world.nat.reboot();
  EXPECT_EQ(world.nat.live_mappings(), 0U);
  EXPECT_FALSE(world.nat.external_of(world.inside.local(world.socket)));
  EXPECT_FALSE(world.gets_in(world.s, world.s1, first));
  EXPECT_EQ(world.nat.counters().of(Drop::no_mapping), 1U);
}

TEST(SimNatLifetime, ANewExternalAddressReplacesTheOldOne) {
  NatWorld world{{}};
  const Endpoint first = world.seen_by_s1();
  world.nat.set_external_addresses({ip("198.51.100.9")});
  EXPECT_FALSE(world.gets_in(world.s, world.s1, first));
  EXPECT_EQ(world.network.counters().of(Drop::no_route), 1U);
  const Endpoint second = world.seen_by_s1();
  EXPECT_EQ(second.address, ip("198.51.100.9"));
  EXPECT_TRUE(world.gets_in(world.s, world.s1, second));
}

TEST(SimNatMapping, AChangedConfigurationCountsForNewMappings) {
  NatWorld world{with_mapping(Behavior::endpoint_independent)};
  const Endpoint first = world.seen_by_s1();
  world.nat.config().mapping = Behavior::address_and_port_dependent;
  EXPECT_NE(world.seen_by_t1(), first);
  EXPECT_TRUE(world.gets_in(world.s, world.s1, first));
}

TEST(SimNatMapping, ANatWithoutAnAddressOfTheFamilyLetsNothingOut) {
  NatConfig config;
  config.translate_ipv6 = true;
  NatWorld world{config};
  Host& host = world.nat.inside().add_host("six", {ip("fd00::2")});
  Host& server = world.network.internet().add_host("server6", {ip("2001:db8::1")});
  Peer inside{host};
  Peer outside{server};
  const SocketId to = outside.udp(1000);
  ASSERT_TRUE(inside.send(inside.udp(), outside.local(to), "x"));
  world.run();
  EXPECT_TRUE(outside.heard.empty());
  EXPECT_EQ(world.nat.counters().of(Drop::no_external), 1U);
}

TEST(SimNatMapping, Ipv6IsTranslatedWhereTheNatIsSoMade) {
  NatConfig config;
  config.translate_ipv6 = true;
  NatWorld world{config, {ip("198.51.100.1"), ip("2001:db8:1::1")}};
  Host& host = world.nat.inside().add_host("six", {ip("fd00::2")});
  Host& server = world.network.internet().add_host("server6", {ip("2001:db8::1")});
  Peer inside{host};
  Peer outside{server};
  const SocketId to = outside.udp(1000);
  const SocketId from = inside.udp();
  const Endpoint external = world.seen(inside, from, outside, outside.local(to));
  EXPECT_EQ(external.address, ip("2001:db8:1::1"));
  ASSERT_TRUE(outside.send(to, external, "back"));
  world.run();
  EXPECT_EQ(inside.texts(), std::vector<std::string>{"back"});
}

}  // namespace
}  // namespace ice::sim
