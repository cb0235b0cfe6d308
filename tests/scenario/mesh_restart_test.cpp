// A call whose path dies while signalling lives: both look for another one by an ICE restart (RFC 8445 §9).

#include <gtest/gtest.h>

#include <initializer_list>

#include "scenario/support/mesh_world.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using test::MeshWorld;
using Peer = MeshWorld::Peer;

/// Two peers behind NATs that are connected, and texts have flowed.
struct RestartedMesh : testing::Test {
  MeshWorld world;
  Peer& a = world.join(never_again_the_same_port(sim::NatConfig::port_restricted_cone()));
  Peer& b = world.join(never_again_the_same_port(sim::NatConfig::full_cone()));

  static sim::NatConfig never_again_the_same_port(sim::NatConfig nat) {
    nat.ports = sim::PortAllocation::sequential;
    return nat;
  }

  void SetUp() override {
    ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
    world.say(a, "before");
    world.network.run_for(1s);
    ASSERT_EQ(b.texts("p1"), std::vector<std::string>{"before"});
  }

  /// The NATs forget the mappings of UDP once, and what leaves after that comes from another port. Signalling goes on.
  void lose_mappings(std::initializer_list<Peer*> peers) {
    for (Peer* peer : peers) peer->nat->config().udp_lifetime = 1s;
    world.network.run_for(10s);
    for (Peer* peer : peers) peer->nat->config().udp_lifetime = sim::NatConfig::short_udp_lifetime;
  }

  bool connected_again() {
    return world.run_until(
        [&] { return a.told<CallConnected>("p2").size() == 2 && b.told<CallConnected>("p1").size() == 2; }, 60s);
  }
  std::size_t restarts() const { return a.told<CallRestarting>("p2").size() + b.told<CallRestarting>("p1").size(); }
};

TEST_F(RestartedMesh, AMappingThatIsGoneIsOutlivedAndWhatWasSaidMeanwhileArrives) {
  lose_mappings({&a});
  world.say(a, "to b");
  world.say(b, "to a");
  ASSERT_TRUE(connected_again());
  world.network.run_for(5s);
  EXPECT_EQ(b.texts("p1"), (std::vector<std::string>{"before", "to b"}));
  EXPECT_EQ(a.texts("p2"), std::vector<std::string>{"to a"});
  EXPECT_TRUE(a.told<CallDisconnected>("p2").empty());
  EXPECT_TRUE(b.told<CallDisconnected>("p1").empty());
  EXPECT_NE(b.told<CallConnected>("p1")[1].remote.endpoint, b.told<CallConnected>("p1")[0].remote.endpoint);
}

TEST_F(RestartedMesh, WhoNoticesSaysWhyAndTheOtherThatItWasAsked) {
  lose_mappings({&a});
  ASSERT_TRUE(connected_again());
  ASSERT_EQ(b.told<CallRestarting>("p1").size(), 1U) << "what b sends goes to a port that is gone";
  EXPECT_EQ(to_string(b.told<CallRestarting>("p1")[0].cause), "consent-expired");
  ASSERT_EQ(a.told<CallRestarting>("p2").size(), 1U);
  EXPECT_EQ(to_string(a.told<CallRestarting>("p2")[0].cause), "peer-restarts");
}

TEST_F(RestartedMesh, BothMayNoticeAtOnceAndOneRestartIsMade) {
  lose_mappings({&a, &b});
  ASSERT_TRUE(connected_again());
  world.network.run_for(60s);
  EXPECT_EQ(restarts(), 2U);
  EXPECT_TRUE(world.all_connected());
  world.say(a, "after");
  world.network.run_for(1s);
  EXPECT_EQ(b.texts("p1").back(), "after");
}

TEST_F(RestartedMesh, APeerThatDiedWithoutASoundIsGivenUpAfterTheRestart) {
  b.host->kill();
  ASSERT_TRUE(world.run_until([&] { return !a.told<CallDisconnected>("p2").empty(); }, 90s));
  EXPECT_EQ(to_string(a.told<CallDisconnected>("p2")[0].cause), "consent-expired");
  ASSERT_EQ(a.told<CallRestarting>("p2").size(), 1U);
  EXPECT_EQ(to_string(a.told<CallRestarting>("p2")[0].cause), "consent-expired");
  EXPECT_EQ(a.told<CallConnected>("p2").size(), 1U);
}

TEST_F(RestartedMesh, WithoutSignallingNothingCanBeRestarted) {
  world.signalling_host.close_sockets();
  world.network.run_for(1s);
  lose_mappings({&a});
  ASSERT_TRUE(world.run_until([&] { return !b.told<CallDisconnected>("p1").empty(); }, 120s));
  EXPECT_EQ(restarts(), 0U);
}

}  // namespace
}  // namespace ice::mesh
