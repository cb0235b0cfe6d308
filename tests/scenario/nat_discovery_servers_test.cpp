// What a discovery makes of servers that are not what it would like, and of networks without UDP.

#include <gtest/gtest.h>

#include "scenario/support/discovery_world.hpp"

namespace ice::nat {
namespace {

using namespace std::chrono_literals;
using test::DiscoveryWorld;
using test::endpoint;

DiscoveryWorld::Config behind(const sim::NatConfig& nat) { return {.nat = nat}; }

TEST(ADiscovery, KnowsTheOpenInternet) {
  DiscoveryWorld world{{}};
  const Behavior found = world.discover();
  EXPECT_EQ(found.translated, false);
  EXPECT_EQ(found.local.address, Address::v4(192, 0, 2, 2));
  EXPECT_EQ(found.mapped, found.local);
  EXPECT_EQ(found.mapping.value, Mapping::endpoint_independent);
  EXPECT_EQ(found.filtering.value, Filtering::endpoint_independent);
  EXPECT_EQ(found.port_allocation.value, PortAllocation::untranslated);
}

TEST(ADiscovery, KnowsAFirewallThatTranslatesNothing) {
  DiscoveryWorld world{behind(sim::NatConfig::firewall())};
  const Behavior found = world.discover();
  EXPECT_EQ(found.translated, false);
  EXPECT_EQ(found.mapping.value, Mapping::endpoint_independent);
  EXPECT_EQ(found.filtering.value, Filtering::address_and_port_dependent);
}

TEST(ADiscovery, AsksOverTcpWhereUdpIsDead) {
  for (const bool tcp : {true, false}) {
    DiscoveryWorld::Config config = behind(sim::NatConfig::udp_blocked());
    config.tcp = tcp;
    DiscoveryWorld world{config};
    const Behavior found = world.discover();
    EXPECT_FALSE(found.udp_answered);
    EXPECT_EQ(found.tcp_answered, tcp);
    EXPECT_EQ(found.mapping.value, Mapping::unknown);
    EXPECT_EQ(found.mapping.doubt, Doubt::no_answer);
    EXPECT_LE(world.took, 12s);
  }
}

TEST(ADiscovery, WaitsInPeaceForAServerThatMayHaveASecondAddress) {
  // The first answer comes shortly before TCP would be tried, and the second server never answers.
  DiscoveryWorld world{{.nat = sim::NatConfig::full_cone(), .latency = 700ms}};
  EXPECT_TRUE(world.discover({world.add_server(), DiscoveryWorld::nobody()}).udp_answered);
  EXPECT_FALSE(world.behavior->tcp_answered);
}

TEST(ADiscovery, IsInDoubtWithOneOrdinaryServer) {
  DiscoveryWorld world{behind(sim::NatConfig::full_cone())};
  const Behavior found = world.discover({world.add_server()});
  EXPECT_EQ(found.mapping.value, Mapping::unknown);
  EXPECT_EQ(found.mapping.doubt, Doubt::one_server);
  EXPECT_EQ(found.filtering.doubt, Doubt::no_other_address);
  EXPECT_EQ(found.port_allocation.value, PortAllocation::preserving);
}

TEST(ADiscovery, JudgesTheMappingByOrdinaryServers) {
  const struct {
    sim::Behavior mapping;
    Mapping named;
  } cases[] = {{sim::Behavior::endpoint_independent, Mapping::endpoint_independent},
               {sim::Behavior::address_dependent, Mapping::endpoint_dependent},
               {sim::Behavior::address_and_port_dependent, Mapping::endpoint_dependent}};
  for (const auto& one : cases) {
    sim::NatConfig nat = sim::NatConfig::port_restricted_cone();
    nat.mapping = one.mapping;
    DiscoveryWorld world{behind(nat)};
    const Behavior found = world.discover({world.add_server(), world.add_server(), world.add_server()});
    EXPECT_EQ(to_string(found.mapping.value), to_string(one.named));
    EXPECT_EQ(found.mapping.confidence, Confidence::high);
    EXPECT_EQ(found.filtering.value, Filtering::unknown);
    EXPECT_EQ(found.filtering.doubt, Doubt::no_other_address);
  }
}

TEST(ADiscovery, TellsPortsApartWhereOneOfThemListensOnTwo) {
  DiscoveryWorld world{behind(sim::NatConfig::symmetric())};
  const Behavior found = world.discover({world.add_server(), DiscoveryWorld::a1p2(), DiscoveryWorld::a1p1()});
  EXPECT_EQ(found.mapping.value, Mapping::address_and_port_dependent);
}

TEST(ADiscovery, PrefersTheServerThatHasASecondAddress) {
  DiscoveryWorld world{behind(sim::NatConfig::restricted_cone())};
  const Behavior found = world.discover({DiscoveryWorld::nobody(), world.add_server(), DiscoveryWorld::a1p1()});
  EXPECT_EQ(found.mapping.value, Mapping::endpoint_independent);
  EXPECT_EQ(found.filtering.value, Filtering::address_dependent);
  ASSERT_GE(world.answers.size(), 2u);
  EXPECT_EQ(world.answers[0].what.server, endpoint("203.0.113.10:3478"));
  EXPECT_FALSE(world.answers[0].other_address);
  EXPECT_EQ(world.answers[1].other_address, DiscoveryWorld::a2p2());
}

/// What is said of a NAT by a server that says of itself what is not so.
Behavior with_liar(const sim::NatConfig& nat, test::OddServer::Manners manners) {
  DiscoveryWorld world{behind(nat)};
  return world.discover({world.add_server(manners)});
}

TEST(ADiscovery, TrustsNoOtherAddressThatIsNone) {
  for (const sim::NatConfig& nat : {sim::NatConfig::full_cone(), sim::NatConfig::symmetric()}) {
    const struct {
      const char* other;
      Doubt doubt;
    } lies[] = {{"203.0.113.10:3479", Doubt::no_other_address},        // its own address
                {"203.0.113.77:3478", Doubt::no_other_address},        // the same port
                {"0.0.0.0:3479", Doubt::no_other_address},             // nobody
                {"224.0.0.1:3479", Doubt::no_other_address},           // everybody
                {"203.0.113.99:3479", Doubt::other_address_silent},    // nobody is there
                {"203.0.113.2:3479", Doubt::server_does_not_change}};  // a server of somebody else's
    for (const auto& lie : lies) {
      const Behavior found = with_liar(nat, {.other_address = endpoint(lie.other), .answers_change = true});
      EXPECT_EQ(found.filtering.value, Filtering::unknown) << lie.other;
      EXPECT_EQ(to_string(found.filtering.doubt), to_string(lie.doubt)) << lie.other;
    }
  }
}

TEST(ADiscovery, KnowsAServerThatPromisesToAnswerFromElsewhereAndDoesNot) {
  const Behavior found =
      with_liar(sim::NatConfig::full_cone(), {.other_address = endpoint("203.0.113.2:3479"), .answers_change = false});
  EXPECT_EQ(found.filtering.value, Filtering::unknown);
  EXPECT_EQ(found.filtering.doubt, Doubt::server_does_not_change);
}

TEST(ADiscovery, BelievesNoMappingThatMovesWhileItLooks) {
  const Behavior found = with_liar(sim::NatConfig::full_cone(), {.random_mapped = true});
  EXPECT_EQ(found.mapping.value, Mapping::unknown);
  EXPECT_EQ(found.mapping.doubt, Doubt::mapping_moved);
}

TEST(ADiscovery, IsNotMovedByGarbage) {
  DiscoveryWorld world{behind(sim::NatConfig::full_cone())};
  const Behavior found = world.discover({world.add_server({.garbage = true}), world.add_server({.garbage = true})});
  EXPECT_EQ(found.mapping.value, Mapping::endpoint_independent);
  EXPECT_EQ(found.mapping.confidence, Confidence::high);
  EXPECT_NE(found.mapped, endpoint("192.0.2.9:9"));
}

TEST(ADiscovery, AsksNoMoreThanTenNewQuestionsASecond) {  // RFC 5780 §5
  DiscoveryWorld world{behind(sim::NatConfig::symmetric())};
  world.discover();
  const auto questions = static_cast<Duration::rep>(world.discovery->observations().size());
  EXPECT_LE((questions - 1) * Discovery::pacing, world.took);
  EXPECT_LE(questions, 40);
  EXPECT_LE(world.client_host.counters().sent, 100u);
}

TEST(ADiscovery, LeavesNoSocketOpen) {
  DiscoveryWorld world{behind(sim::NatConfig::symmetric())};
  world.discover();
  const Endpoint first = world.discovery->observations().front().local;
  EXPECT_TRUE(world.node->bind(first.address, {first.port, first.port}));
}

}  // namespace
}  // namespace ice::nat
