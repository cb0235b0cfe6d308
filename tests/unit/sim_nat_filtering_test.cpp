#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/sim_nat_world.hpp"

// RFC 4787 §5 and §6: filtering and hairpinning; plain firewalls; ICMP through NATs (RFC 5508); NAT behind NAT.
namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::NatWorld;
using test::Peer;

NatConfig with_filtering(Behavior filtering) {
  NatConfig config;
  config.filtering = filtering;
  return config;
}

/// After a packet to s1: who gets in?
struct LetIn {
  bool s1, s2, t1;
  friend bool operator==(const LetIn&, const LetIn&) = default;
};
LetIn let_in(NatWorld& world) {
  const Endpoint external = world.seen_by_s1();
  return {world.gets_in(world.s, world.s1, external), world.gets_in(world.s, world.s2, external),
          world.gets_in(world.t, world.t1, external)};
}

TEST(SimNatFiltering, EndpointIndependentLetsEverybodyIn) {
  NatWorld world{with_filtering(Behavior::endpoint_independent)};
  EXPECT_EQ(let_in(world), (LetIn{true, true, true}));
}

TEST(SimNatFiltering, AddressDependentLetsInTheAddressesThatWereSentTo) {
  NatWorld world{with_filtering(Behavior::address_dependent)};
  EXPECT_EQ(let_in(world), (LetIn{true, true, false}));
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 1U);
}

TEST(SimNatFiltering, AddressAndPortDependentLetsInWhatWasSentToAlone) {
  NatWorld world{with_filtering(Behavior::address_and_port_dependent)};
  EXPECT_EQ(let_in(world), (LetIn{true, false, false}));
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 2U);
}

TEST(SimNatFiltering, IsApartFromMapping) {
  NatConfig config = with_filtering(Behavior::endpoint_independent);
  config.mapping = Behavior::address_and_port_dependent;
  NatWorld world{config};
  EXPECT_EQ(let_in(world), (LetIn{true, true, true}));
}

TEST(SimNatFiltering, WhatWasNeverMappedIsNoMappingAndNotFiltered) {
  NatWorld world{{}};
  EXPECT_FALSE(world.gets_in(world.s, world.s1, {ip("198.51.100.1"), 5000}));
  EXPECT_EQ(world.nat.counters().of(Drop::no_mapping), 1U);
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 0U);
}

TEST(SimNatFiltering, ARemoteThatIsNotSentToAnyMoreIsShutOutWhileTheMappingLives) {
  NatConfig config;
  config.udp_lifetime = 30s;
  NatWorld world{config};
  const Endpoint external = world.seen_by_s1();
  EXPECT_EQ(world.seen_by_t1(), external);
  for (int i = 0; i < 2; ++i) {
    world.network.run_for(20s);
    EXPECT_EQ(world.seen_by_t1(), external);
  }
  EXPECT_TRUE(world.gets_in(world.t, world.t1, external));
  EXPECT_FALSE(world.gets_in(world.s, world.s1, external));
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 1U);
}

TEST(SimNatFiltering, ClassicKindsAreWhatTheirNamesSay) {
  const auto run = [](const NatConfig& config) {
    NatWorld world{config};
    return let_in(world);
  };
  EXPECT_EQ(run(NatConfig::full_cone()), (LetIn{true, true, true}));
  EXPECT_EQ(run(NatConfig::restricted_cone()), (LetIn{true, true, false}));
  EXPECT_EQ(run(NatConfig::port_restricted_cone()), (LetIn{true, false, false}));
  EXPECT_EQ(run(NatConfig::symmetric()), (LetIn{true, false, false}));
  for (const NatConfig& cone :
       {NatConfig::full_cone(), NatConfig::restricted_cone(), NatConfig::port_restricted_cone()}) {
    NatWorld world{cone};
    EXPECT_EQ(world.seen_by_s1(), world.seen_by_t1());
  }
  NatWorld symmetric{NatConfig::symmetric()};
  EXPECT_NE(symmetric.seen_by_s1(), symmetric.seen_by_s2());
}

// ---- hairpinning

/// What the host hears from its neighbour through the external address, and from where it seems to come.
struct Hairpin {
  explicit Hairpin(Hairpinning hairpinning) : world{config(hairpinning)} {
    target = world.seen_by_s1();
    source = world.seen(world.neighbour, socket, world.s, NatWorld::at_s1());
    EXPECT_TRUE(world.neighbour.send(socket, target, "around"));
    world.run();
  }
  static NatConfig config(Hairpinning hairpinning) {
    NatConfig config;
    config.filtering = Behavior::endpoint_independent;
    config.hairpinning = hairpinning;
    return config;
  }
  NatWorld world;
  SocketId socket = world.neighbour.udp(7000);
  Endpoint target;
  Endpoint source;
};

TEST(SimNatHairpinning, OffDrops) {
  Hairpin hairpin{Hairpinning::off};
  EXPECT_TRUE(hairpin.world.inside.heard.empty());
  EXPECT_EQ(hairpin.world.nat.counters().of(Drop::hairpin), 1U);
}

TEST(SimNatHairpinning, ExternalSourceShowsTheExternalEndpointOfTheSender) {
  Hairpin hairpin{Hairpinning::external_source};
  ASSERT_EQ(hairpin.world.inside.heard.size(), 1U);
  EXPECT_EQ(hairpin.world.inside.heard[0].from, hairpin.source);
  hairpin.world.neighbour.heard.clear();
  ASSERT_TRUE(hairpin.world.inside.send(hairpin.world.socket, hairpin.source, "back"));
  hairpin.world.run();
  ASSERT_EQ(hairpin.world.neighbour.heard.size(), 1U);
  EXPECT_EQ(hairpin.world.neighbour.heard[0].from, hairpin.target);
}

TEST(SimNatHairpinning, InternalSourceShowsTheInternalEndpointOfTheSender) {
  Hairpin hairpin{Hairpinning::internal_source};
  ASSERT_EQ(hairpin.world.inside.heard.size(), 1U);
  EXPECT_EQ(hairpin.world.inside.heard[0].from, (Endpoint{ip("10.0.0.3"), 7000}));
}

TEST(SimNatHairpinning, PassesTheFilterOfTheOneWhoIsCalled) {
  NatConfig config;
  config.hairpinning = Hairpinning::external_source;
  NatWorld world{config};
  const SocketId socket = world.neighbour.udp(7000);
  const Endpoint target = world.seen_by_s1();
  const Endpoint source = world.seen(world.neighbour, socket, world.s, NatWorld::at_s1());
  ASSERT_TRUE(world.neighbour.send(socket, target, "too early"));
  world.run();
  EXPECT_TRUE(world.inside.heard.empty());
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 1U);
  ASSERT_TRUE(world.inside.send(world.socket, source, "now"));
  world.run();
  ASSERT_TRUE(world.neighbour.send(socket, target, "welcome"));
  world.run();
  EXPECT_EQ(world.inside.texts(), std::vector<std::string>{"welcome"});
}

// ---- firewalls

struct Firewalled {
  explicit Firewalled(const NatConfig& config) : nat{network.internet().add_nat("fw", config, {})} {}
  Network network{1};
  Nat& nat;
  Host& in = nat.inside().add_host("in", {ip("2001:db8:1::1"), ip("198.51.100.7")});
  Host& out = network.internet().add_host("out", {ip("2001:db8::9"), ip("203.0.113.9")});
  Peer inside{in};
  Peer outside{out};

  /// Whether outside gets in unasked, and whether the answer to a packet from inside does.
  std::pair<bool, bool> try_family(std::string_view in_address, std::string_view out_address) {
    inside.heard.clear();
    const SocketId here = inside.udp(ip(in_address));
    const SocketId there = outside.udp(ip(out_address));
    EXPECT_TRUE(outside.send(there, inside.local(here), "unasked"));
    network.run_for(1s);
    const bool unasked = !inside.heard.empty();
    inside.heard.clear();
    outside.heard.clear();
    EXPECT_TRUE(inside.send(here, outside.local(there), "hello"));
    network.run_for(1s);
    const bool untranslated = outside.heard.size() == 1 && outside.heard[0].from == inside.local(here);
    EXPECT_TRUE(untranslated);
    EXPECT_TRUE(outside.send(there, inside.local(here), "answer"));
    network.run_for(1s);
    return {unasked, !inside.heard.empty()};
  }
};

TEST(SimFirewall, LetsAnswersInAndNothingElseInBothFamilies) {
  Firewalled world{NatConfig::firewall()};
  EXPECT_EQ(world.try_family("2001:db8:1::1", "2001:db8::9"), std::make_pair(false, true));
  EXPECT_EQ(world.try_family("198.51.100.7", "203.0.113.9"), std::make_pair(false, true));
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 2U);
}

TEST(SimFirewall, OpenLetsEverythingThrough) {
  Firewalled world{NatConfig::open()};
  EXPECT_EQ(world.try_family("2001:db8:1::1", "2001:db8::9"), std::make_pair(true, true));
  EXPECT_EQ(world.try_family("198.51.100.7", "203.0.113.9"), std::make_pair(true, true));
}

TEST(SimFirewall, AHomeRouterTranslatesIpv4AndFiltersIpv6) {
  NatWorld world{{}};
  Host& host = world.nat.inside().add_host("dual", {ip("10.0.0.9"), ip("2001:db8:1::1")});
  Host& server = world.network.internet().add_host("dual-server", {ip("203.0.113.9"), ip("2001:db8::9")});
  Peer inside{host};
  Peer outside{server};
  const SocketId four = inside.udp(ip("10.0.0.9"));
  const SocketId six = inside.udp(ip("2001:db8:1::1"));
  const SocketId to4 = outside.udp(ip("203.0.113.9"));
  const SocketId to6 = outside.udp(ip("2001:db8::9"));
  EXPECT_EQ(world.seen(inside, four, outside, outside.local(to4)).address, ip("198.51.100.1"));
  EXPECT_EQ(world.seen(inside, six, outside, outside.local(to6)), inside.local(six));
  ASSERT_TRUE(outside.send(to6, {ip("2001:db8:1::1"), 9}, "unasked"));
  world.run();
  EXPECT_EQ(world.nat.counters().of(Drop::filtered), 1U);
}

TEST(SimFirewall, UdpBlockedLetsNoUdpPassInEitherDirection) {
  NatWorld world{NatConfig::udp_blocked()};
  EXPECT_FALSE(world.seen_by_s1());
  EXPECT_FALSE(world.gets_in(world.s, world.s1, {ip("198.51.100.1"), 5000}));
  EXPECT_EQ(world.nat.counters().of(Drop::blocked), 2U);
  EXPECT_TRUE(world.inside.events.empty());
}

TEST(SimFirewall, SaysThatUdpIsBlockedWhereItIsSoMade) {
  NatConfig config = NatConfig::udp_blocked();
  config.icmp_prohibited = true;
  NatWorld world{config};
  EXPECT_FALSE(world.seen_by_s1());
  const auto told = world.inside.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].to, NatWorld::at_s1());
  EXPECT_EQ(told[0].icmp_type, 3);
  EXPECT_EQ(told[0].icmp_code, 13);
  // To those outside it says nothing, and nothing of them to those inside.
  const std::uint64_t sent = world.nat.counters().sent;
  EXPECT_FALSE(world.gets_in(world.s, world.s1, {ip("198.51.100.1"), 5000}));
  EXPECT_EQ(world.nat.counters().sent, sent);
}

// ---- ICMP

TEST(SimNatIcmp, AnErrorFromOutsideReachesTheSocketInsideUntranslated) {
  NatWorld world{{}};
  const Endpoint closed{ip("203.0.113.1"), 9};
  ASSERT_TRUE(world.inside.send(world.socket, closed, "x"));
  world.run();
  const auto told = world.inside.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].socket, world.socket);
  EXPECT_EQ(told[0].to, closed);
}

TEST(SimNatIcmp, ErrorsAboutUdpPassWhereTcpIsBlocked) {
  NatConfig config;
  config.tcp = false;
  NatWorld world{config};
  ASSERT_TRUE(world.inside.send(world.socket, {ip("203.0.113.1"), 9}, "x"));
  world.run();
  EXPECT_EQ(world.inside.of<SocketUnreachable>().size(), 1U);
}

TEST(SimNatIcmp, AnErrorFromInsideNamesTheExternalEndpointOutside) {
  NatWorld world{NatConfig::full_cone()};
  const Endpoint external = world.seen_by_s1();
  ASSERT_EQ(world.seen_by_t1(), external);
  world.host.close(world.socket);
  ASSERT_TRUE(world.t.send(world.t1, external, "x"));
  world.run();
  const auto told = world.t.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].to, external);
}

// RFC 5508 §4.3: the error itself comes from the external address too, or it would tell who is inside.
TEST(SimNatIcmp, AnErrorFromInsideComesFromTheExternalAddress) {
  NatWorld world{NatConfig::full_cone()};
  const Endpoint external = world.seen_by_s1();
  world.host.close(world.socket);
  std::vector<std::uint8_t> log;
  world.network.capture(&log);
  ASSERT_TRUE(world.t.send(world.t1, external, "x"));
  world.run();
  world.network.capture(nullptr);
  // An IPv4 header: the protocol, two bytes of checksum, source and destination.
  const auto logs_icmp_from = [&](const Address& source) {
    std::vector<std::uint8_t> both{source.bytes().begin(), source.bytes().end()};
    const Address destination = NatWorld::at_t1().address;
    both.insert(both.end(), destination.bytes().begin(), destination.bytes().end());
    for (auto at = log.begin(); (at = std::search(at, log.end(), both.begin(), both.end())) != log.end(); ++at)
      if (at[-3] == 1) return true;
    return false;
  };
  EXPECT_TRUE(logs_icmp_from(external.address));
}

TEST(SimNatIcmp, AnErrorAboutAHairpinnedPacketComesBackTheSameWay) {
  NatConfig config = NatConfig::full_cone();
  config.hairpinning = Hairpinning::external_source;
  NatWorld world{config};
  const SocketId socket = world.neighbour.udp(7000);
  const Endpoint target = world.seen_by_s1();
  world.host.close(world.socket);
  ASSERT_TRUE(world.neighbour.send(socket, target, "around"));
  world.run();
  const auto told = world.neighbour.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].to, target);
}

TEST(SimNatIcmp, TooBigBehindTheNatIsToldToTheOneInside) {
  NatWorld world{{}};
  world.nat.uplink().egress.mtu = 1280;
  ASSERT_TRUE(world.inside.send(world.socket, NatWorld::at_s1(), std::string(1400, 'x')));
  world.run();
  const auto told = world.inside.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].icmp_code, 4);
  EXPECT_EQ(told[0].to, NatWorld::at_s1());
}

TEST(SimNatIcmp, AFirewallLetsInErrorsAboutItsOwnFlows) {
  Firewalled world{NatConfig::firewall()};
  const SocketId here = world.inside.udp(ip("2001:db8:1::1"));
  ASSERT_TRUE(world.inside.send(here, {ip("2001:db8::9"), 9}, "x"));
  world.network.run_for(1s);
  EXPECT_EQ(world.inside.of<SocketUnreachable>().size(), 1U);
}

// ---- NAT behind NAT

struct Nested {
  explicit Nested(Hairpinning hairpinning) {
    outer.config().hairpinning = hairpinning;
    outer.config().filtering = Behavior::endpoint_independent;
  }
  Network network{1};
  Nat& outer = network.internet().add_nat("carrier", {}, {ip("198.51.100.1")});
  Nat& home1 = outer.inside().add_nat("home1", {}, {ip("100.64.0.1")});
  Nat& home2 = outer.inside().add_nat("home2", {}, {ip("100.64.0.2")});
  Host& a = home1.inside().add_host("a", {ip("192.168.1.2")});
  Host& b = home2.inside().add_host("b", {ip("192.168.1.2")});
  Host& server = network.internet().add_host("server", {ip("203.0.113.1")});
  Peer alice{a};
  Peer bob{b};
  Peer carol{server};
  SocketId from_a = alice.udp(5000);
  SocketId from_b = bob.udp(5000);
  SocketId at_server = carol.udp(1000);

  Endpoint reflexive(Peer& peer, SocketId socket) {
    carol.heard.clear();
    EXPECT_TRUE(peer.send(socket, carol.local(at_server), "?"));
    network.run_for(1s);
    return carol.heard.empty() ? Endpoint{} : carol.heard[0].from;
  }
};

TEST(SimNatBehindNat, TheOutsideSeesTheOutermostAddressAndAnswersFindTheirWay) {
  Nested world{Hairpinning::off};
  const Endpoint a = world.reflexive(world.alice, world.from_a);
  const Endpoint b = world.reflexive(world.bob, world.from_b);
  EXPECT_EQ(a.address, ip("198.51.100.1"));
  EXPECT_EQ(b.address, ip("198.51.100.1"));
  EXPECT_NE(a, b) << "the same private endpoint in two homes";
  ASSERT_TRUE(world.carol.send(world.at_server, b, "for b"));
  world.network.run_for(1s);
  EXPECT_TRUE(world.alice.heard.empty());
  EXPECT_EQ(world.bob.texts(), std::vector<std::string>{"for b"});
}

TEST(SimNatBehindNat, TwoHomesOfOneCarrierMeetByItsHairpinAlone) {
  for (const Hairpinning hairpinning : {Hairpinning::off, Hairpinning::external_source}) {
    Nested world{hairpinning};
    const Endpoint a = world.reflexive(world.alice, world.from_a);
    const Endpoint b = world.reflexive(world.bob, world.from_b);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(world.alice.send(world.from_a, b, "from a"));
      ASSERT_TRUE(world.bob.send(world.from_b, a, "from b"));
      world.network.run_for(1s);
    }
    EXPECT_EQ(!world.alice.heard.empty(), hairpinning != Hairpinning::off);
    EXPECT_EQ(!world.bob.heard.empty(), hairpinning != Hairpinning::off);
  }
}

TEST(SimNatBehindNat, WorksAtAnyDepthUntilTheHopsAreUsedUp) {
  Network network{1};
  Host& server = network.internet().add_host("server", {ip("203.0.113.1")});
  Peer outside{server};
  const SocketId to = outside.udp(1000);
  Realm* realm = &network.internet();
  for (int depth = 1; depth <= 70; ++depth) {
    const auto octet = static_cast<std::uint8_t>(depth);
    realm = &realm->add_nat("nat" + std::to_string(depth), {}, {Address::v4(100, 64, octet, 1)}).inside();
    if (depth != 5 && depth != 70) continue;
    Host& host = realm->add_host("deep", {Address::v4(100, 65, octet, 2)});
    Peer inside{host};
    const SocketId from = inside.udp();
    outside.heard.clear();
    ASSERT_TRUE(inside.send(from, outside.local(to), "x"));
    network.run_for(1s);
    ASSERT_EQ(outside.heard.size(), depth == 5 ? 1U : 0U);
    if (depth == 70) continue;
    ASSERT_TRUE(outside.send(to, outside.heard[0].from, "back"));
    network.run_for(1s);
    EXPECT_EQ(inside.texts(), std::vector<std::string>{"back"});
  }
  EXPECT_EQ(network.counters().of(Drop::hops), 1U);
}

}  // namespace
}  // namespace ice::sim
