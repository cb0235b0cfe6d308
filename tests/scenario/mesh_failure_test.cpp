// What becomes of a mesh when something goes wrong: pairs that fail, peers that vanish, signalling that dies, clients
// that misbehave.

#include <gtest/gtest.h>

#include "scenario/support/mesh_world.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using test::MeshWorld;
using Peer = MeshWorld::Peer;

bool has_failed(const Peer& peer, std::string_view other) {
  const auto failures = peer.told<CallFailed>(other);
  return !failures.empty() && failures.back().final;
}

/// Lets the path between two peers work, or not, in both directions: what a firewall that is switched does.
void set_udp(Peer& peer, bool on) { peer.nat->config().udp = on; }

TEST(MeshFailure, ASecondAttemptConnectsWithTheRolesSwappedAndSaysSo) {
  MeshWorld world;
  Peer& first = world.join(sim::NatConfig::full_cone());
  ASSERT_TRUE(world.run_until([&] { return first.find<Joined>() != nullptr; }, 5s));
  set_udp(first, false);
  Peer& second = world.join(sim::NatConfig::full_cone());
  ASSERT_TRUE(world.run_until([&] { return !first.told<CallFailed>("p2").empty(); }, 15s));
  EXPECT_GE(world.network.now().time_since_epoch(), 10s);
  set_udp(first, true);
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));

  for (const auto& [peer, other] : {std::pair{&first, &second}, std::pair{&second, &first}}) {
    const auto failures = peer->told<CallFailed>(other->name);
    ASSERT_EQ(failures.size(), 1U) << peer->name;
    EXPECT_EQ(failures[0].attempt, 1);
    EXPECT_FALSE(failures[0].final);
    ASSERT_FALSE(failures[0].report.local_candidates.empty());
    const auto connected = peer->told<CallConnected>(other->name);
    ASSERT_EQ(connected.size(), 1U) << peer->name;
    EXPECT_EQ(connected[0].attempt, 2);
    // The newcomer controlled the first attempt, since it offered; the second is the other one's offer.
    EXPECT_EQ(failures[0].report.role, peer == &second ? Role::controlling : Role::controlled);
    EXPECT_EQ(connected[0].role, peer == &second ? Role::controlled : Role::controlling);
    const auto reports = peer->machine->reports();
    ASSERT_EQ(reports.size(), 1U);
    ASSERT_EQ(reports[0].attempts.size(), 2U);
    EXPECT_NE(reports[0].attempts[0].report.local_ufrag, reports[0].attempts[1].report.local_ufrag);
  }
  world.say(first, "at last");
  world.network.run_for(1s);
  EXPECT_EQ(second.texts("p1"), std::vector<std::string>{"at last"});
}

TEST(MeshFailure, OneSideThatFailsTakesTheOtherToTheSecondAttemptAtOnce) {
  MeshWorld world;
  CallConfig hasty;
  hasty.attempt_timeout = 2s;
  Peer& first = world.join(sim::NatConfig::full_cone(), "patient");
  ASSERT_TRUE(world.run_until([&] { return first.find<Joined>() != nullptr; }, 5s));
  set_udp(first, false);
  Peer& second = world.join(sim::NatConfig::full_cone(), "hasty", hasty);
  ASSERT_TRUE(world.run_until([&] { return !second.told<CallFailed>("patient").empty(); }, 3s));
  set_udp(first, true);
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 2s));
  EXPECT_EQ(to_string(first.told<CallFailed>("hasty").at(0).cause), "peer-gave-up");
  EXPECT_EQ(first.told<CallFailed>("hasty").at(0).peer_cause, "attempt-timeout");
  EXPECT_EQ(to_string(second.told<CallFailed>("patient").at(0).cause), "attempt-timeout");
}

TEST(MeshFailure, WhereThereIsNoPathBothAttemptsFailAndTheOthersGoOn) {
  MeshWorld world;
  Peer& first = world.join(sim::NatConfig::symmetric());
  Peer& second = world.join(sim::NatConfig::symmetric());
  Peer& open = world.join();
  ASSERT_TRUE(world.run_until([&] { return has_failed(first, "p2") && has_failed(second, "p1"); }, 25s));
  for (Peer* peer : {&first, &second}) {
    const auto failures = peer->told<CallFailed>(peer == &first ? "p2" : "p1");
    ASSERT_EQ(failures.size(), 2U);
    EXPECT_EQ(failures[1].attempt, 2);
    EXPECT_FALSE(failures[0].final);
    EXPECT_TRUE(failures[1].final);
    for (const CallFailed& failed : failures) {
      EXPECT_TRUE(std::holds_alternative<DemoCause>(failed.cause)) << to_string(failed.cause);
      EXPECT_FALSE(failed.report.pairs.empty());
      EXPECT_LE(failed.took, 10s + 100ms);  // counted from the offer
    }
    EXPECT_EQ(peer->told<CallConnected>("p3").size(), 1U);
  }
  EXPECT_EQ(open.machine->connected(), 2U);
  world.say(open, "I hear you both");
  world.network.run_for(1s);
  EXPECT_EQ(first.texts("p3").size(), 1U);
  EXPECT_EQ(second.texts("p3").size(), 1U);
}

TEST(MeshFailure, WhatIceItselfGivesUpIsToldWithItsCause) {
  CallConfig patient;
  patient.attempt_timeout = 60s;
  MeshWorld world;
  Peer& first = world.join(sim::NatConfig::symmetric(), {}, patient);
  Peer& second = world.join(sim::NatConfig::symmetric(), {}, patient);
  ASSERT_TRUE(world.run_until([&] { return has_failed(first, "p2") && has_failed(second, "p1"); }, 120s));
  bool by_ice = false;
  for (const CallFailed& failed : first.told<CallFailed>("p2"))
    by_ice |= failed.cause == EndCause{Cause::checks_failed};
  for (const CallFailed& failed : second.told<CallFailed>("p1"))
    by_ice |= failed.cause == EndCause{Cause::checks_failed};
  EXPECT_TRUE(by_ice);
}

TEST(MeshFailure, APeerThatNeverAnswersIsGivenUp) {
  // Somebody joins by hand and then only listens.
  MeshWorld world;
  world.run_until([] { return false; }, 100ms);
  test::RawClient silent{world, "silent"};
  silent.send(Join{"room", "silent"});
  world.network.run_for(1s);
  Peer& peer = world.join();
  ASSERT_TRUE(world.run_until([&] { return has_failed(peer, "silent"); }, 30s));
  EXPECT_EQ(peer.told<CallFailed>("silent").size(), 2U);
}

TEST(MeshFailure, APeerThatDiesIsToldAtOnceBySignalling) {
  MeshWorld world;
  for (int i = 0; i < 3; ++i) world.join(sim::NatConfig::port_restricted_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  const TimePoint killed = world.network.now();
  world.kill(*world.peers[2]);
  Peer& a = *world.peers[0];
  Peer& b = *world.peers[1];
  ASSERT_TRUE(world.run_until(
      [&] { return !a.told<CallDisconnected>("p3").empty() && !b.told<CallDisconnected>("p3").empty(); }, 5s));
  EXPECT_LE(world.network.now() - killed, Call::proof_of_life + 500ms);
  EXPECT_EQ(to_string(a.told<CallDisconnected>("p3")[0].cause), "peer-vanished");
  world.say(a, "two of us");
  world.network.run_for(1s);
  EXPECT_EQ(b.texts("p1"), std::vector<std::string>{"two of us"});
}

TEST(MeshFailure, APeerThatDiesAfterSignallingDidIsToldByConsentWithin36Seconds) {
  MeshWorld world;
  for (int i = 0; i < 3; ++i) world.join(sim::NatConfig::port_restricted_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.signalling_host.close_sockets();
  ASSERT_TRUE(world.run_until([&] { return world.peers[0]->find<SignallingLost>() != nullptr; }, 5s));
  world.network.run_for(60s);
  EXPECT_TRUE(world.all_connected());
  world.say(*world.peers[0], "on our own");
  world.network.run_for(1s);
  EXPECT_EQ(world.peers[1]->texts("p1"), std::vector<std::string>{"on our own"});

  const TimePoint killed = world.network.now();
  world.peers[2]->host->kill();
  ASSERT_TRUE(world.run_until([&] { return !world.peers[0]->told<CallDisconnected>("p3").empty(); }, 40s));
  EXPECT_LE(world.network.now() - killed, 36s);
  EXPECT_EQ(to_string(world.peers[0]->told<CallDisconnected>("p3")[0].cause), "consent-expired");
  EXPECT_EQ(world.peers[0]->machine->connected(), 1U);
}

TEST(MeshFailure, APeerThatLosesItsSignallingAloneKeepsItsCalls) {
  MeshWorld world;
  Peer& a = world.join(sim::NatConfig::port_restricted_cone());
  Peer& b = world.join(sim::NatConfig::port_restricted_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  // The NAT forgets the idle connection: the server's next segment is lost, and the client's is refused.
  b.nat->config().tcp = false;
  test::RawClient third{world, "third"};
  third.send(Join{"room", "third"});  // tells b, over a connection that is dead
  world.network.run_for(200s);
  ASSERT_EQ(world.signalling_server.clients(), 2U) << "the server has given the connection up";
  EXPECT_TRUE(a.told<CallDisconnected>("p2").empty());
  world.say(a, "are you there?");
  world.network.run_for(1s);
  EXPECT_EQ(b.texts("p1"), std::vector<std::string>{"are you there?"});
}

TEST(MeshFailure, ALivingPeerWithManyTextsWaitingProvesThatItLivesByAcknowledgingThem) {
  MeshWorld world;
  Peer& a = world.join(sim::NatConfig::port_restricted_cone());
  Peer& b = world.join(sim::NatConfig::port_restricted_cone());
  for (Peer* peer : {&a, &b})
    peer->host->interfaces()[0]->link() = sim::Link::both({.latency = 7500us});  // 50 ms there and back, with the NATs
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  b.nat->config().tcp = false;
  test::RawClient third{world, "third"};
  third.send(Join{"room", "third"});  // tells b, over a connection that is dead
  ASSERT_TRUE(world.run_until([&] { return world.signalling_server.clients() == 3; }, 5s));
  ASSERT_TRUE(world.run_until([&] { return world.signalling_server.clients() == 2; }, 200s));
  for (int i = 0; i < 200; ++i) world.say(a, "text " + std::to_string(i));
  world.network.run_for(Call::proof_of_life + 1s);
  EXPECT_LT(b.texts("p1").size(), 200U) << "they take longer than a peer may take to prove that it lives";
  EXPECT_TRUE(a.told<CallDisconnected>("p2").empty());
  world.network.run_for(20s);
  EXPECT_EQ(b.texts("p1").size(), 200U);
  EXPECT_TRUE(a.told<CallDisconnected>("p2").empty());
}

TEST(MeshFailure, APeerThatAcknowledgesNoTextIsGivenUpAndTheOthersAreSpokenToAgain) {
  MeshWorld world;
  Peer& a = world.join();
  Peer& deaf = world.join();
  Peer& c = world.join();
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  auto& ingress = deaf.host->interfaces()[0]->link().ingress;
  ingress.mtu = 600;  // a black hole: checks pass, long texts do not
  ingress.icmp_too_big = false;
  const std::string text(TextChannel::longest_text, 'x');
  const TimePoint said = world.network.now();
  for (std::size_t i = 0; i < TextChannel::most_waiting; ++i) world.say(a, text);
  EXPECT_FALSE(a.machine->may_say());
  ASSERT_TRUE(world.run_until([&] { return a.machine->may_say(); }, Call::text_patience + 1s));
  EXPECT_GE(world.network.now() - said, Call::text_patience);
  ASSERT_EQ(a.told<CallDisconnected>("p2").size(), 1U);
  EXPECT_EQ(to_string(a.told<CallDisconnected>("p2")[0].cause), "texts-unheard");
  world.say(a, "and now");
  world.network.run_for(10s);
  EXPECT_EQ(c.texts("p1").back(), "and now");
}

TEST(MeshFailure, WhoeverSaidGoodbyeIsCountedAndSpokenToNoMore) {
  MeshWorld world;
  Peer& a = world.join();
  Peer& b = world.join();
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.signalling_host.close_sockets();  // which would say goodbye too
  world.network.run_for(1s);
  EXPECT_EQ(a.machine->peers(), 1U);
  world.leave(b);
  ASSERT_TRUE(world.run_until([&] { return !a.told<CallLeft>("p2").empty(); }, 1s));
  EXPECT_EQ(a.machine->peers(), 0U);
  EXPECT_FALSE(a.machine->may_say());
  EXPECT_EQ(a.machine->say_to(world.network.now(), "p2", "too late").error(), errc::closed);
}

TEST(MeshFailure, TheEndOfAPeerIsToldBeforeTheNextOneOfItsNameIsConnected) {
  MeshWorld world;
  Peer& a = world.join(sim::NatConfig::full_cone());
  Peer& b = world.join(sim::NatConfig::full_cone(), "same");
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.kill(b);
  world.network.run_for(300ms);
  EXPECT_TRUE(a.told<CallDisconnected>("same").empty()) << "it is still asked whether it lives";
  world.join(sim::NatConfig::full_cone(), "same");
  ASSERT_TRUE(world.run_until([&] { return a.told<CallConnected>("same").size() == 2; }, 10s));
  EXPECT_EQ(a.told<CallDisconnected>("same").size(), 1U);
  world.network.run_for(5s);
  EXPECT_EQ(a.told<CallDisconnected>("same").size(), 1U);
  EXPECT_EQ(a.machine->connected(), 1U);
}

TEST(MeshFailure, AGoodbyeIsHeardOverThePairWhereSignallingIsDead) {
  MeshWorld world;
  Peer& a = world.join(sim::NatConfig::restricted_cone());
  Peer& b = world.join(sim::NatConfig::port_restricted_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.signalling_host.close_sockets();
  world.network.run_for(1s);
  world.leave(b);
  ASSERT_TRUE(world.run_until([&] { return b.find<Departed>() != nullptr; }, 2s));
  EXPECT_EQ(a.told<CallLeft>("p2").size(), 1U);
  world.network.run_for(60s);
  EXPECT_TRUE(a.told<CallDisconnected>("p2").empty());
}

TEST(MeshFailure, AGoodbyeIsToldOnceAndIsNoFailure) {
  MeshWorld world;
  Peer& a = world.join();
  Peer& b = world.join();
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.leave(a);
  world.network.run_for(60s);
  EXPECT_NE(a.find<Departed>(), nullptr);
  EXPECT_EQ(b.told<CallLeft>("p1").size(), 1U);
  EXPECT_TRUE(b.told<CallDisconnected>("p1").empty());
  EXPECT_TRUE(b.told<CallFailed>("p1").empty());
  EXPECT_EQ(world.signalling_server.clients(), 1U);
}

TEST(MeshFailure, WhoComesLateReachesAllAndWhoComesBackTooUnderTheSameName) {
  MeshWorld world;
  for (int i = 0; i < 3; ++i) world.join(sim::NatConfig::restricted_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  world.network.run_for(100s);
  world.join(sim::NatConfig::full_cone());
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));

  world.kill(*world.peers[3]);
  world.network.run_for(5s);
  Peer& again = world.join(sim::NatConfig::full_cone(), "p4");
  ASSERT_TRUE(world.run_until([&] { return again.machine->connected() == 3; }, 10s));
  EXPECT_EQ(world.peers[0]->told<CallConnected>("p4").size(), 2U);
}

TEST(MeshFailure, ANameThatIsTakenIsRefused) {
  MeshWorld world;
  Peer& first = world.join({}, "same");
  ASSERT_TRUE(world.run_until([&] { return first.find<Joined>() != nullptr; }, 5s));
  Peer& second = world.join({}, "same");
  ASSERT_TRUE(world.run_until([&] { return second.find<JoinFailed>() != nullptr; }, 5s));
  EXPECT_EQ(std::get<Error>(second.find<JoinFailed>()->why).code, ErrorCode::name_taken);
  EXPECT_EQ(first.find<PeerAppeared>(), nullptr);
}

TEST(MeshFailure, AServerThatIsNotThereIsToldInTime) {
  MeshWorld world;
  world.signalling_host.close_sockets();
  Peer& refused = world.join();
  ASSERT_TRUE(world.run_until([&] { return refused.find<JoinFailed>() != nullptr; }, 2s));
  world.signalling_host.kill();
  Peer& unanswered = world.join();
  ASSERT_TRUE(
      world.run_until([&] { return unanswered.find<JoinFailed>() != nullptr; }, SignallingLink::patience + 100ms));
  EXPECT_EQ(std::get<std::error_code>(unanswered.find<JoinFailed>()->why), errc::timed_out);
}

TEST(MeshFailure, ClientsThatSendGarbageAreClosedAndTheMeshTalksOn) {
  MeshWorld world;
  Peer& a = world.join();
  Peer& b = world.join();
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 10s));
  test::RawClient garbage{world, "garbage"};
  garbage.send_raw("GET / HTTP/1.1\r\n\r\n");
  test::RawClient endless{world, "endless"};
  for (int i = 0; i < 80; ++i) {
    endless.send_raw(std::string(1000, 'x'));
    world.network.run_for(10ms);
  }
  test::RawClient early{world, "early"};
  early.send(Offer{1, 1, "v=0"});
  test::RawClient twice{world, "twice"};
  twice.send(Join{"room", "twice"});
  twice.send(Join{"room", "again"});
  test::RawClient mute{world, "mute"};
  test::RawClient unfinished{world, "unfinished"};
  unfinished.send_raw("{\"type\":\"join\"");
  world.network.run_for(15s);
  for (test::RawClient* client : {&garbage, &endless, &early, &twice, &mute, &unfinished}) {
    EXPECT_TRUE(client->closed) << client->name;
    EXPECT_NE(client->heard.find("\"type\":\"error\""), std::string::npos) << client->name << ": " << client->heard;
  }
  EXPECT_EQ(world.signalling_server.counters().malformed, 4U);
  EXPECT_EQ(world.signalling_server.counters().timed_out, 2U);
  EXPECT_EQ(world.signalling_server.clients(), 2U);
  EXPECT_EQ(world.signalling_server.buffered(), 0U);
  world.say(a, "still here");
  world.network.run_for(1s);
  EXPECT_EQ(b.texts("p1"), std::vector<std::string>{"still here"});
}

TEST(MeshFailure, AClientThatDoesNotReadIsClosedWhenItsBufferIsFull) {
  MeshWorld world;
  test::RawClient slow{world, "slow"};
  slow.send(Join{"room", "slow"});
  test::RawClient busy{world, "busy"};
  busy.send(Join{"room", "busy"});
  world.network.run_for(1s);
  slow.host().interfaces()[0]->set_up(false);
  const Offer offer{1, 1, std::string(longest_sdp, 'x')};
  const std::size_t enough = (sim::Host::stream_send_buffer + sim::Host::stream_control_reserve) / longest_sdp + 1;
  for (std::size_t i = 0; i < enough; ++i) {
    EXPECT_EQ(world.signalling_server.clients(), 2U);
    busy.send(offer);
    world.network.run_for(100ms);
  }
  EXPECT_EQ(world.signalling_server.clients(), 1U);
  EXPECT_NE(busy.heard.find("\"type\":\"peer-left\""), std::string::npos);
}

TEST(MeshFailure, WhatAPeerSendsOutOfTurnIsCountedAndNothingElse) {
  MeshWorld world;
  Peer& a = world.join();
  test::RawClient stranger{world, "stranger"};
  stranger.send(Join{"room", "stranger"});
  ASSERT_TRUE(world.run_until([&] { return a.find<PeerAppeared>() != nullptr; }, 5s));
  stranger.send(Answer{1, 1, "v=0"});
  stranger.send(CandidateLine{1, 2, "candidate:nonsense"});
  stranger.send(CandidateLine{99, 1, ""});
  stranger.send(Error{ErrorCode::no_such_peer, "", 1, 1});
  stranger.send(Offer{1, 1, "this is no SDP"});
  ASSERT_TRUE(world.run_until([&] { return !a.told<CallFailed>("stranger").empty(); }, 5s));
  EXPECT_EQ(to_string(a.told<CallFailed>("stranger")[0].cause), "bad-description");
  EXPECT_EQ(world.signalling_server.counters().misdirected, 1U);
  ASSERT_TRUE(world.run_until([&] { return has_failed(a, "stranger"); }, 30s));
  Peer& b = world.join();
  ASSERT_TRUE(world.run_until([&] { return a.told<CallConnected>(b.name).size() == 1; }, 10s));
}

TEST(MeshFailure, LostPacketsLoseNoMessage) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    MeshWorld world{seed};
    for (int i = 0; i < 3; ++i) {
      Peer& peer = world.join(sim::NatConfig::full_cone());
      const sim::LinkProfile lossy{.jitter = 20ms, .loss = 0.1, .reordering = 0.1, .duplication = 0.1};
      peer.host->interfaces()[0]->link() = sim::Link::both(lossy);
    }
    ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 30s)) << seed;
    std::vector<std::string> said;
    for (int i = 0; i < 20; ++i) {
      said.push_back("line " + std::to_string(i));
      for (auto& peer : world.peers) world.say(*peer, said.back());
    }
    world.network.run_for(120s);
    for (const auto& a : world.peers)
      for (const auto& b : world.peers)
        EXPECT_EQ(a->texts(b->name), a == b ? std::vector<std::string>{} : said) << seed;
  }
}

}  // namespace
}  // namespace ice::mesh
