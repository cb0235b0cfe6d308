// A whole mesh in a simulated internet: signalling over TCP, STUN, NATs.

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ice::mesh
