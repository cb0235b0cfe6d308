// A whole mesh in a simulated internet: signalling over TCP, STUN, NATs.

#include <gtest/gtest.h>

#include <algorithm>

#include "scenario/support/mesh_world.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using test::MeshWorld;

TEST(Mesh, FourPeersBehindDifferentNatsAllConnectAndTalk) {
  MeshWorld world;
  for (const auto& nat :
       {std::optional<sim::NatConfig>{}, std::optional{sim::NatConfig::full_cone()},
        std::optional{sim::NatConfig::restricted_cone()}, std::optional{sim::NatConfig::port_restricted_cone()}}) {
    world.join(nat);
  }
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  for (auto& peer : world.peers) world.say(*peer, "hello from " + peer->name);
  world.network.run_for(1s);
  for (const auto& a : world.peers) {
    for (const auto& b : world.peers) {
      if (a == b) continue;
      const auto connected = a->told<CallConnected>(b->name);
      ASSERT_EQ(connected.size(), 1U) << a->name << " and " << b->name;
      EXPECT_EQ(connected[0].attempt, 1);
      EXPECT_EQ(a->texts(b->name), std::vector{"hello from " + b->name});
    }
  }
  EXPECT_EQ(world.signalling_server.counters().malformed, 0U);
}

TEST(Mesh, ARunFollowsFromItsSeed) {
  const auto run = [](std::uint64_t seed) {
    std::vector<std::uint8_t> log;
    MeshWorld world{seed};
    world.network.capture(&log);
    for (int i = 0; i < 4; ++i) world.join(sim::NatConfig::restricted_cone());
    EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
    world.say(*world.peers[0], "hello");
    world.network.run_for(30s);
    world.network.capture(nullptr);
    return log;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Mesh, AServerThatIsNamedIsAskedForOnceAndUsedByEveryCall) {
  const std::vector<ice::IceServer> named{*stun::Uri::parse("stun:stun.example:3478")};
  const auto servers_needed = [](const MeshWorld::Peer& peer) {
    return std::count_if(peer.events.begin(), peer.events.end(),
                         [](const MeshEvent& event) { return std::holds_alternative<ServerNeeded>(event); });
  };
  for (const bool known : {true, false}) {
    MeshWorld world;
    for (int i = 0; i < 3; ++i) world.join(sim::NatConfig::port_restricted_cone(), {}, {}, named);
    world.network.run_for(1s);
    for (auto& peer : world.peers) {
      ASSERT_EQ(servers_needed(*peer), 1) << "two calls need it";
      EXPECT_EQ(peer->find<ServerNeeded>()->uri, named.front().uri);
      world.resolve(*peer, named.front().uri, known ? std::vector{MeshWorld::stun()} : std::vector<Endpoint>{});
    }
    // Without a reflexive address there is no path between two such NATs.
    EXPECT_EQ(world.run_until([&] { return world.all_connected(); }, 30s), known);
    // Whoever comes when the answer is known is not kept waiting, and the name is not asked for again.
    world.join(sim::NatConfig::full_cone());
    world.network.run_for(2s);
    EXPECT_EQ(servers_needed(*world.peers[0]), 1);
    EXPECT_EQ(world.peers[0]->told<CallConnected>("p4").size(), 1U) << known;
  }
}

TEST(Mesh, SixteenPeersShareAPaceAndAllConnect) {
  MeshWorld world;
  for (int i = 0; i < 16; ++i) world.join(sim::NatConfig::port_restricted_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  for (const auto& a : world.peers)
    for (const auto& b : world.peers) {
      EXPECT_EQ(a->told<CallFailed>(b->name).size(), 0U);
      EXPECT_EQ(a->told<CallConnected>(b->name).size(), a == b ? 0U : 1U);
    }
}

}  // namespace
}  // namespace ice::mesh
