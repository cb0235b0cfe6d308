// Hairpinning, fragments, the lifetime of mappings, and long ways: what is found out is what the network was built
// with.

#include <gtest/gtest.h>

#include "scenario/support/discovery_world.hpp"

namespace ice::nat {
namespace {

using namespace std::chrono_literals;
using test::DiscoveryWorld;

constexpr sim::Behavior behaviors[] = {sim::Behavior::endpoint_independent, sim::Behavior::address_dependent,
                                       sim::Behavior::address_and_port_dependent};

/// Every kind of mapping, filtering and port allocation, otherwise as `nat`.
template <class F>
void for_each_nat(sim::NatConfig nat, F f) {
  for (const sim::Behavior mapping : behaviors)
    for (const sim::Behavior filtering : behaviors)
      for (const auto ports :
           {sim::PortAllocation::preserving, sim::PortAllocation::sequential, sim::PortAllocation::random}) {
        nat.mapping = mapping;
        nat.filtering = filtering;
        nat.ports = ports;
        SCOPED_TRACE(std::string{to_string(mapping)} + " x " + std::string{to_string(filtering)} + " ports " +
                     std::to_string(static_cast<int>(ports)));
        f(nat);
      }
}

TEST(ADiscovery, LooksAtIpv6AsItIs) {
  // A home router that translates IPv4 and only filters IPv6.
  for (const sim::Behavior filtering : behaviors) {
    sim::NatConfig router = sim::NatConfig::symmetric();
    router.filtering = filtering;
    DiscoveryWorld world{{.nat = router}};
    const Behavior found = world.discover({DiscoveryWorld::six_a1p1()});
    EXPECT_EQ(found.family, Family::ipv6);
    EXPECT_EQ(found.translated, false);
    EXPECT_EQ(found.mapping.value, Mapping::endpoint_independent);
    EXPECT_EQ(to_string(found.filtering.value), to_string(filtering));
    EXPECT_EQ(found.port_allocation.value, PortAllocation::untranslated);
  }
  sim::NatConfig nat66;
  nat66.translate_ipv6 = true;
  for_each_nat(nat66, [](const sim::NatConfig& nat) {
    DiscoveryWorld world{{.nat = nat}};
    const Behavior found = world.discover({DiscoveryWorld::six_a1p1()});
    EXPECT_EQ(found.translated, true);
    EXPECT_EQ(to_string(found.mapping.value), to_string(nat.mapping));
    EXPECT_EQ(to_string(found.filtering.value), to_string(nat.filtering));
  });
}

TEST(ADiscovery, FindsOutHairpinningWhereItCanBeSeen) {  // RFC 5780 §3.4
  constexpr Hairpinning named[] = {Hairpinning::unsupported, Hairpinning::external_source,
                                   Hairpinning::internal_source};
  for (const auto hairpinning :
       {sim::Hairpinning::off, sim::Hairpinning::external_source, sim::Hairpinning::internal_source}) {
    sim::NatConfig config;
    config.hairpinning = hairpinning;
    for_each_nat(config, [&](const sim::NatConfig& nat) {
      DiscoveryWorld world{{.nat = nat}};
      const Behavior found = world.discover();
      const bool visible =
          nat.mapping == sim::Behavior::endpoint_independent || nat.filtering == sim::Behavior::endpoint_independent;
      if (visible) {
        EXPECT_EQ(to_string(found.hairpinning.value), to_string(named[static_cast<int>(hairpinning)]));
      } else {
        EXPECT_EQ(found.hairpinning.value, Hairpinning::unknown);
        EXPECT_EQ(found.hairpinning.doubt, Doubt::cannot_be_seen);
      }
      EXPECT_EQ(to_string(found.mapping.value), to_string(nat.mapping)) << "and the rest is not disturbed";
      EXPECT_EQ(to_string(found.filtering.value), to_string(nat.filtering));
      EXPECT_LE(world.took, 12s);
    });
  }
}

TEST(ADiscovery, IsNeverWrongAboutHairpinningWithLoss) {
  unsigned known = 0;
  for (const auto hairpinning : {sim::Hairpinning::off, sim::Hairpinning::external_source})
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      sim::NatConfig nat = sim::NatConfig::port_restricted_cone();
      nat.hairpinning = hairpinning;
      DiscoveryWorld world{{.nat = nat, .loss = seed % 2 == 0 ? 0.1 : 0.3, .seed = seed}};
      const Hairpinning found = world.discover().hairpinning.value;
      if (found == Hairpinning::unknown) continue;
      ++known;
      EXPECT_EQ(found == Hairpinning::external_source, hairpinning == sim::Hairpinning::external_source) << seed;
    }
  EXPECT_GE(known, 50u);
}

TEST(ADiscovery, DoesNotLookForHairpinningWhereNothingIsTranslated) {
  DiscoveryWorld world{{.nat = sim::NatConfig::firewall()}};
  const Behavior found = world.discover();
  EXPECT_EQ(found.hairpinning.value, Hairpinning::unknown);
  EXPECT_EQ(found.hairpinning.doubt, Doubt::cannot_be_seen);
}

TEST(ADiscovery,
     FindsOutWhetherLongDatagramsArrive) {  // RFC 5780 §3.5; the simulator drops what is longer than the MTU
  DiscoveryWorld narrow{{.nat = sim::NatConfig::full_cone(), .mtu = 1500}};
  EXPECT_EQ(narrow.discover().fragments.value, Fragments::dropped);
  DiscoveryWorld wide{{.nat = sim::NatConfig::full_cone(), .mtu = 1600}};
  const Behavior found = wide.discover();
  EXPECT_EQ(found.fragments.value, Fragments::passed);
  EXPECT_EQ(found.fragments.confidence, Confidence::high) << "its answer was as long";
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    DiscoveryWorld lossy{{.nat = sim::NatConfig::full_cone(), .loss = 0.3, .seed = seed, .mtu = 1600}};
    EXPECT_NE(lossy.discover().fragments.value, Fragments::dropped) << seed;
  }
}

TEST(ADiscovery, NamesEveryKindOfNatAtTheEndOfALongWay) {
  for (const Duration latency : {50ms, 100ms, 200ms})
    for_each_nat({}, [&](const sim::NatConfig& nat) {
      DiscoveryWorld world{{.nat = nat, .latency = latency}};
      const Behavior found = world.discover();
      EXPECT_EQ(to_string(found.mapping.value), to_string(nat.mapping));
      EXPECT_EQ(to_string(found.filtering.value), to_string(nat.filtering));
      EXPECT_LE(world.took, 12s);
    });
}

TEST(ADiscovery, MeasuresTheLifetimeOfAMapping) {  // RFC 5780 §4.6
  for (const Duration lifetime : {20s, 30s, 65s, 120s, 300s})
    for (sim::NatConfig nat : {sim::NatConfig::full_cone(), sim::NatConfig::symmetric(), sim::NatConfig::firewall()}) {
      nat.udp_lifetime = lifetime;
      DiscoveryWorld world{{.nat = nat, .lifetime = true}};
      const Behavior found = world.discover();
      EXPECT_EQ(found.lifetime.confidence, Confidence::high);
      EXPECT_LE(found.lifetime.value, lifetime);
      EXPECT_GE(found.lifetime_below.value_or(0s) + 100ms, lifetime) << "a round trip is not measured";
      EXPECT_LE(*found.lifetime_below - found.lifetime.value, std::max<Duration>(1s, *found.lifetime_below / 32));
      EXPECT_LE(world.took, 4 * lifetime + 60s);
    }
}

TEST(ADiscovery, KnowsAMappingThatOutlivesTheTest) {
  sim::NatConfig nat = sim::NatConfig::port_restricted_cone();
  nat.udp_lifetime = 10min;
  DiscoveryWorld world{{.nat = nat, .lifetime = true}};
  const Behavior found = world.discover();
  EXPECT_EQ(found.lifetime.value, 320s);
  EXPECT_FALSE(found.lifetime_below);
}

TEST(ADiscovery, IsNeverWrongAboutALifetimeWithLoss) {
  unsigned known = 0;
  for (const double loss : {0.1, 0.3})
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
      sim::NatConfig nat = sim::NatConfig::port_restricted_cone();
      nat.udp_lifetime = 45s;
      DiscoveryWorld world{{.nat = nat, .loss = loss, .seed = seed, .lifetime = true}};
      const Behavior found = world.discover();
      EXPECT_LE(world.took, 31min);
      if (found.lifetime.confidence == Confidence::none) continue;
      ++known;
      EXPECT_LE(found.lifetime.value, 45s) << seed;
      EXPECT_GE(*found.lifetime_below + 5s, 45s) << "asked again and again while it died, seed " << seed;
    }
  EXPECT_GE(known, 30u);
}

TEST(ADiscovery, LeavesTheLifetimeUnknownWhereTheServerDoesNotKnowResponsePort) {  // RFC 5780 §5
  DiscoveryWorld world{{.nat = sim::NatConfig::full_cone(), .response_port = false, .lifetime = true}};
  const Behavior found = world.discover();
  EXPECT_EQ(found.lifetime.confidence, Confidence::none);
  EXPECT_EQ(to_string(found.lifetime.doubt), to_string(Doubt::server_does_not_support));
  EXPECT_EQ(found.filtering.value, Filtering::endpoint_independent);
  EXPECT_LE(world.took, 12s);
}

TEST(ADiscovery, DoesNotMeasureALifetimeUnlessAsked) {
  DiscoveryWorld world{{.nat = sim::NatConfig::full_cone()}};
  EXPECT_EQ(world.discover().lifetime.doubt, Doubt::not_asked);
}

}  // namespace
}  // namespace ice::nat
