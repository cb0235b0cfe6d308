// What a mesh makes of the relay that its signalling server offers.

#include <gtest/gtest.h>

#include <algorithm>

#include "support/mesh_world.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using test::MeshWorld;
using Peer = MeshWorld::Peer;

struct MeshRelay : testing::Test {
  MeshWorld world{1, {}, MeshWorld::Relay::yes};

  void expect_talk(Peer& from, Peer& to) {
    world.say(from, "hello");
    world.network.run_for(1s);
    EXPECT_EQ(to.texts(from.name), std::vector<std::string>{"hello"});
  }
};

TEST_F(MeshRelay, TwoSymmetricNatsConnectThroughItAtTheFirstAttempt) {
  Peer& first = world.join(sim::NatConfig::symmetric());
  Peer& second = world.join(sim::NatConfig::symmetric());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  for (Peer* peer : {&first, &second}) {
    const auto connected = peer->told<CallConnected>(peer == &first ? "p2" : "p1");
    ASSERT_EQ(connected.size(), 1U);
    EXPECT_EQ(connected[0].attempt, 1);
  }
  EXPECT_GT(world.turn_server().gauges().allocations, 0U);
  expect_talk(first, second);
  expect_talk(second, first);
}

TEST_F(MeshRelay, WhoeverWantsRelaysAloneTellsNoOtherAddress) {
  CallConfig shy;
  shy.agent.policy = CandidatePolicy::relay_only;
  Peer& first = world.join({}, {}, shy);
  Peer& second = world.join({}, {}, shy);
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  for (Peer* peer : {&first, &second}) {
    const auto connected = peer->told<CallConnected>(peer == &first ? "p2" : "p1");
    ASSERT_EQ(connected.size(), 1U);
    EXPECT_EQ(connected[0].local.type, CandidateType::relayed);
    EXPECT_EQ(connected[0].local.endpoint.address, MeshWorld::stun().address);
    EXPECT_EQ(connected[0].remote.endpoint.address, MeshWorld::stun().address);
  }
  expect_talk(first, second);
}

TEST_F(MeshRelay, TheThirdAttemptIsThroughRelaysAlone) {
  // Over UDP alone: that is what does not work for a while.
  const auto grant = *grant_relay(MeshWorld::secret, "somebody", world.unix_time());
  const std::vector<ice::IceServer> servers{{*stun::Uri::parse("turn:" + MeshWorld::stun().to_string()),
                                             *stun::Login::make(grant.username, grant.credential)}};
  Peer& first = world.join(sim::NatConfig::full_cone(), {}, {}, servers);
  ASSERT_TRUE(world.run_until([&] { return first.find<Joined>() != nullptr; }, 5s));
  first.nat->config().udp = false;
  Peer& second = world.join(sim::NatConfig::full_cone(), {}, {}, servers);
  ASSERT_TRUE(world.run_until([&] { return first.told<CallFailed>("p2").size() == 2; }, 45s));
  first.nat->config().udp = true;
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 15s));
  for (Peer* peer : {&first, &second}) {
    const auto connected = peer->told<CallConnected>(peer == &first ? "p2" : "p1");
    ASSERT_EQ(connected.size(), 1U);
    EXPECT_EQ(connected[0].attempt, relayed_attempt);
    EXPECT_EQ(connected[0].local.type, CandidateType::relayed);
  }
  expect_talk(first, second);
}

TEST_F(MeshRelay, WhereUdpIsBlockedOneSideReachesItOverTcp) {
  sim::NatConfig blocked = sim::NatConfig::full_cone();
  blocked.udp = false;
  Peer& first = world.join(blocked);
  Peer& second = world.join(sim::NatConfig::symmetric());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  EXPECT_EQ(first.told<CallConnected>("p2").at(0).local.type, CandidateType::relayed);
  expect_talk(first, second);
  expect_talk(second, first);
}

TEST_F(MeshRelay, WhoLeavesGivesItsRelayedAddressesBack) {
  Peer& first = world.join(sim::NatConfig::symmetric());
  world.join(sim::NatConfig::symmetric());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.leave(first);
  EXPECT_TRUE(world.run_until([&] { return world.turn_server().gauges().allocations == 0; }, 10s));
  EXPECT_GT(world.turn_server().counters().allocations_released, 0U);
}

TEST(MeshRelayLost, StrandsNoCallWhenItComesBack) {
  for (const Duration dead : {1s, 5s, 20s}) {
    MeshWorld world{1, {}, MeshWorld::Relay::yes};
    Peer& a = world.join(sim::NatConfig::symmetric());
    Peer& b = world.join(sim::NatConfig::symmetric());
    ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
    const TimePoint killed = world.network.now();
    world.kill_turn_server();
    world.say(a, "to b");
    world.say(b, "to a");
    world.network.run_for(dead);
    world.start_turn_server();
    const auto heard = [&] { return !a.texts("p2").empty() && !b.texts("p1").empty(); };
    ASSERT_TRUE(world.run_until(heard, 60s)) << dead.count();
    EXPECT_LE(world.network.now() - killed, 37s) << "36 s and a round trip of signalling";
    EXPECT_TRUE(a.told<CallDisconnected>("p2").empty());
    EXPECT_TRUE(b.told<CallDisconnected>("p1").empty());
    std::vector<CallRestarting> restarts = a.told<CallRestarting>("p2");
    for (const CallRestarting& one : b.told<CallRestarting>("p1")) restarts.push_back(one);
    ASSERT_EQ(restarts.size(), 2U);
    // The server is asked 15.5 and 31.5 s after its death, so that after 20 s consent is what notices first.
    const Cause noticed = dead < 15s ? Cause::relay_lost : Cause::consent_expired;
    EXPECT_TRUE(std::any_of(restarts.begin(), restarts.end(), [&](const CallRestarting& one) {
      return one.cause == EndCause{noticed};
    })) << dead.count();
  }
}

TEST(MeshRelayLost, IsNotNoticedByADirectPair) {
  MeshWorld world{1, {}, MeshWorld::Relay::yes};
  Peer& a = world.join(sim::NatConfig::full_cone());
  Peer& b = world.join(sim::NatConfig::full_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.kill_turn_server();
  world.network.run_for(120s);
  world.say(a, "still here");
  world.network.run_for(1s);
  EXPECT_EQ(b.texts("p1"), std::vector<std::string>{"still here"});
  EXPECT_TRUE(a.told<CallRestarting>("p2").empty());
  EXPECT_TRUE(b.told<CallRestarting>("p1").empty());
}

}  // namespace
}  // namespace ice::mesh
