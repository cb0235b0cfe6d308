// Calls that need a relay, and relays that fail them (RFC 8445 §5.1.1.2, RFC 8656).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario/support/call.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;

Call::Config relayed(std::vector<Transport> relays = {Transport::udp}) {
  Call::Config config;
  config.relays = std::move(relays);
  return config;
}

Call::Config symmetric_on_both_sides(std::vector<Transport> relays = {Transport::udp}) {
  Call::Config config = relayed(std::move(relays));
  config.caller.nat = sim::NatConfig::symmetric();
  config.callee.nat = sim::NatConfig::symmetric();
  return config;
}

bool is_relayed(const PairReport& pair) {
  return pair.local_type == CandidateType::relayed || pair.remote_type == CandidateType::relayed;
}

/// Both say something, and both hear it.
void expect_talk(Call& call) {
  for (const int side : {0, 1}) call[side].received.clear();
  for (const int side : {0, 1})
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(call.send(side, "text")) << "side " << side;
  call.network.run_for(1s);
  for (const int side : {0, 1}) EXPECT_EQ(call[side].received.size(), 10U) << "side " << side;
}

void expect_connected_by_relay(Call& call) {
  ASSERT_TRUE(call.run_until_connected(10s));
  EXPECT_TRUE(call.same_pair());
  EXPECT_TRUE(is_relayed(*call.selected(0)));
  EXPECT_TRUE(is_relayed(*call.selected(1)));
  expect_talk(call);
}

std::vector<RestartNeeded> restarts_needed(Call& call, int side) {
  std::vector<RestartNeeded> all;
  for (const AgentEvent& event : call[side].events)
    if (const auto* needed = std::get_if<RestartNeeded>(&event)) all.push_back(*needed);
  return all;
}

ServerReport relay_report(Call& call, int side, Transport transport = Transport::udp) {
  for (const ServerReport& server : call.agent(side).report().servers)
    if (server.uri == Call::relay_uri(transport)) return server;
  ADD_FAILURE() << "no report of the relay";
  return {};
}

TEST(Relay, ConnectsTwoSymmetricNats) {
  Call call{symmetric_on_both_sides()};
  call.start();
  expect_connected_by_relay(call);
}

// One of the other family would take the relays of both sides.
TEST(Relay, OfOneSideIsEnough) {
  Call::Config config = symmetric_on_both_sides();
  config.callee.relay_login = *stun::Login::make("user", "wrong");
  Call call{config};
  call.start();
  expect_connected_by_relay(call);
  EXPECT_EQ(call.selected(0)->local_type, CandidateType::relayed);
  EXPECT_NE(call.selected(1)->local_type, CandidateType::relayed);
  Call both{symmetric_on_both_sides()};
  both.start();
  expect_connected_by_relay(both);
  EXPECT_NE(both.selected(0)->local_type == CandidateType::relayed,
            both.selected(0)->remote_type == CandidateType::relayed);
}

TEST(Relay, IsNotUsedWhereThereIsADirectWayAndGivenBackThreeSecondsLater) {
  Call::Config config = relayed();
  config.caller.nat = sim::NatConfig::port_restricted_cone();
  config.callee.nat = sim::NatConfig::port_restricted_cone();
  Call call{config};
  call.start();
  ASSERT_TRUE(call.run_until_connected(10s));
  call.run_until_quiet(1s);
  EXPECT_FALSE(is_relayed(*call.selected(0)));
  EXPECT_EQ((*call.turn)->gauges().allocations, 2U);
  call.network.run_for(5s);
  EXPECT_EQ((*call.turn)->gauges().allocations, 0U);
  expect_talk(call);
}

// Where packets take no time the relay answers before the retransmission of a direct check that came too early, whoever
// is first: each side's check has to come after the other side has sent one.
TEST(Relay, IsNotTakenBecauseADirectCheckCameBeforeThePeersFilterWasOpen) {
  const auto cone = sim::NatConfig::restricted_cone();
  const auto symmetric = sim::NatConfig::symmetric();
  for (const Duration way : {0ms, 1ms, 3ms, 10ms}) {
    for (const Duration signalling : {0ms, 1ms, 5ms, 20ms, 50ms}) {
      for (const bool symmetric_calls : {true, false}) {
        SCOPED_TRACE(testing::Message() << way / 1ms << " ms, " << signalling / 1ms << " ms, " << symmetric_calls);
        Call::Config config = relayed({Transport::udp, Transport::tcp});
        config.signalling = signalling;
        config.caller.link = config.callee.link = sim::Link::both({.latency = way});
        config.caller.nat = symmetric_calls ? symmetric : cone;
        config.callee.nat = symmetric_calls ? cone : symmetric;
        Call call{config};
        call.start();
        ASSERT_TRUE(call.run_until_connected(1s));
        EXPECT_TRUE(call.same_pair());
        EXPECT_FALSE(is_relayed(*call.selected(0)));
      }
    }
  }
}

// Two round trips of 20 ms to the server, after the slot of 5 ms that the STUN server took, if it did.
TEST(Relay, ItsCandidateTakesTwoRoundTrips) {
  Call::Config config = relayed();
  config.caller.use_stun = false;
  Call call{config};
  call.start();
  const TimePoint began = call.network.now();
  std::optional<TimePoint> found;
  call.network.run_until(
      [&] {
        for (const AgentEvent& event : call[0].events)
          if (const auto* gathered = std::get_if<CandidateGathered>(&event);
              gathered != nullptr && gathered->candidate.type == CandidateType::relayed)
            found = call.network.now();
        return found.has_value();
      },
      began + 1s);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found - began, 2 * 20ms);
}

TEST(Relay, OverTcpConnectsWhereUdpIsBlockedOnOneSideOrBoth) {
  for (const bool both : {false, true}) {
    Call::Config config = relayed({Transport::udp, Transport::tcp});
    config.caller.nat = sim::NatConfig::udp_blocked();
    if (both) config.callee.nat = sim::NatConfig::udp_blocked();
    Call call{config};
    call.start();
    expect_connected_by_relay(call);
    call.network.run_for(60s);
    EXPECT_EQ(call.agent(0).state(), AgentState::connected);
    expect_talk(call);
  }
}

TEST(Relay, OverUdpIsPreferredToOneOverTcp) {
  Call call{symmetric_on_both_sides({Transport::tcp, Transport::udp})};
  call.start();
  expect_connected_by_relay(call);
  call.network.run_for(5s);
  const auto report = call.agent(0).report();
  const PairReport pair = *call.selected(0);
  if (pair.local_type == CandidateType::relayed) {
    EXPECT_EQ(pair.base, relay_report(call, 0, Transport::udp).relayed);
  } else {
    EXPECT_EQ(pair.remote, relay_report(call, 1, Transport::udp).relayed);
  }
}

TEST(Relay, OnlyTellsAndUsesNoAddressOfThisHostWhereThatIsWanted) {
  Call::Config config = relayed();
  config.caller.nat = sim::NatConfig::full_cone();
  config.caller.agent.policy = CandidatePolicy::relay_only;
  Call call{config};
  call.start();
  expect_connected_by_relay(call);
  std::size_t told = 0;
  for (const AgentEvent& event : call[0].events)
    if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
      ++told;
      EXPECT_EQ(gathered->candidate.type, CandidateType::relayed);
      EXPECT_FALSE(gathered->candidate.related) << "the reflexive address";
    }
  EXPECT_EQ(told, 2U) << "one of each family";
  EXPECT_EQ(call.selected(0)->local_type, CandidateType::relayed);
  for (const RemoteCandidateReport& known : call.agent(1).report().remote_candidates)
    EXPECT_EQ(known.candidate.endpoint.address, known.candidate.endpoint.address.is_v4()
                                                    ? Call::relay_server().address
                                                    : Call::relay_server_v6().address);
}

TEST(Relay, OnlyOnBothSidesConnectsThroughTheServerItself) {
  Call::Config config = relayed();
  for (test::SideConfig* side : {&config.caller, &config.callee}) side->agent.policy = CandidatePolicy::relay_only;
  Call call{config};
  call.start();
  expect_connected_by_relay(call);
  EXPECT_EQ(call.selected(0)->remote_type, CandidateType::relayed);
  EXPECT_EQ(call.selected(0)->local_type, CandidateType::relayed);
}

TEST(Relay, OnlyWithoutAServerFailsForThatReason) {
  Call::Config config = relayed();
  config.caller.agent.policy = CandidatePolicy::relay_only;
  config.caller.relay_login = *stun::Login::make("user", "wrong");
  Call call{config};
  call.start();
  ASSERT_TRUE(call.run_until_final(120s));
  EXPECT_EQ(call.agent(0).report().cause, Cause::no_relay);
  EXPECT_EQ(relay_report(call, 0).cause, Cause::wrong_credentials);
}

TEST(Relay, AWrongPasswordIsToldAtOnceAndDelaysNothing) {
  Call::Config config = relayed();
  config.caller.relay_login = *stun::Login::make("user", "wrong");
  Call call{config};
  call.start();
  call.network.run_for(100ms);
  EXPECT_EQ(relay_report(call, 0).cause, Cause::wrong_credentials);
  EXPECT_EQ(relay_report(call, 0).error_code, 401U);
  EXPECT_TRUE(call.agent(0).report().gathering_done);
  EXPECT_TRUE(call.run_until_connected(1s));
}

TEST(Relay, ADeadServerIsToldWithinATransactionAndDelaysNothing) {
  Call::Config config = relayed({Transport::udp, Transport::tcp});
  Call call{config};
  call.turn->die();
  call.start();
  EXPECT_TRUE(call.run_until_connected(1s));
  Call lonely{config};
  lonely.turn->die();
  lonely.lose_signalling(true);
  lonely.start();
  lonely.network.run_for(39'500ms + 100ms);
  EXPECT_TRUE(lonely.agent(0).report().gathering_done);
  EXPECT_NE(relay_report(lonely, 0).cause, Cause::none);
  EXPECT_NE(relay_report(lonely, 0, Transport::tcp).cause, Cause::none);
}

TEST(Relay, AQuotaThatIsReachedIsNamed) {
  Call::Config config = relayed();
  Call call{config};
  call.turn->die();
  call.turn->config.limits.allocations_per_user = 0;
  call.turn->start();
  call.start();
  call.network.run_for(100ms);
  EXPECT_EQ(relay_report(call, 0).cause, Cause::quota_reached);
  EXPECT_EQ(relay_report(call, 0).error_code, 486U);
}

TEST(Relay, AServerThatRestartsInMidCallTakesARestartAndBothTalkAgain) {
  Call call{symmetric_on_both_sides()};
  call.start();
  expect_connected_by_relay(call);
  const TimePoint died = call.network.now();
  call.turn->die();
  call.network.run_for(5s);
  call.turn->start();
  bool restarted = false;
  // They talk, as in a call, so the loss shows when data gets no answer; whoever sees it first restarts.
  while (call.network.now() < died + 36s) {
    for (const int side : {0, 1}) {
      static_cast<void>(call.send(side, "is anybody there?"));
      if (!restarted && !restarts_needed(call, side).empty()) {
        restarted = true;
        EXPECT_EQ(restarts_needed(call, side)[0].cause, Cause::relay_lost);
        EXPECT_EQ(call.agent(side).report().cause, Cause::relay_lost);
        call.restart(side);
      }
    }
    call.network.run_for(100ms);
  }
  ASSERT_TRUE(restarted);
  EXPECT_EQ(call.agent(0).state(), AgentState::connected);
  EXPECT_EQ(call.agent(1).state(), AgentState::connected);
  EXPECT_TRUE(is_relayed(*call.selected(0)));
  expect_talk(call);
}

TEST(Relay, AServerThatRestartsIsNotNoticedByADirectPair) {
  Call::Config config = relayed();
  Call call{config};
  call.start();
  ASSERT_TRUE(call.run_until_connected(1s));
  call.network.run_for(1s);
  call.turn->die();
  call.network.run_for(5s);
  call.turn->start();
  call.network.run_for(5min);
  for (const int side : {0, 1}) {
    EXPECT_EQ(call.agent(side).state(), AgentState::connected);
    EXPECT_TRUE(restarts_needed(call, side).empty());
  }
  expect_talk(call);
}

TEST(Relay, ALongCallIsRefreshedAndRestartsOnTheSameAllocation) {
  Call call{symmetric_on_both_sides()};
  call.start();
  expect_connected_by_relay(call);
  call.network.run_for(30min);
  expect_talk(call);
  call.restart(0);
  call.network.run_for(5s);
  EXPECT_EQ(call.agent(0).report().restarts, 1U);
  EXPECT_EQ(call.agent(0).state(), AgentState::connected);
  EXPECT_TRUE(call.same_pair());
  expect_talk(call);
  EXPECT_LE((*call.turn)->gauges().allocations, 2U);
}

// The allocation outlives its credentials (RFC 8656 §5), and a new one takes new ones.
TEST(Relay, CredentialsThatExpireInMidCallMayBeReplaced) {
  const auto login = [](std::chrono::seconds until) {
    return *turn::make_shared_secret_login(Call::relay_secret, "id",
                                           test::TurnServerProcess::unix_time_at_start + until);
  };
  Call::Config config = symmetric_on_both_sides();
  for (test::SideConfig* side : {&config.caller, &config.callee}) side->relay_login = login(60s);
  Call call{config};
  call.start();
  expect_connected_by_relay(call);
  call.network.run_for(20min);
  expect_talk(call);
  // Only a new allocation needs new ones.
  call.turn->die();
  call.turn->start();
  call.network.run_for(60s);
  const int side = restarts_needed(call, 0).empty() ? 1 : 0;
  ASSERT_FALSE(restarts_needed(call, side).empty());
  call.restart(side);
  call.network.run_for(60s);
  EXPECT_NE(call.agent(0).state(), AgentState::connected);
  EXPECT_EQ(relay_report(call, 0).cause, Cause::wrong_credentials);
  for (const int one : {0, 1}) call.replace_credentials(one, login(30min));
  call.network.run_for(1s);
  call.restart(side);
  call.network.run_for(5s);
  EXPECT_EQ(call.agent(0).state(), AgentState::connected);
  EXPECT_EQ(call.agent(1).state(), AgentState::connected);
  expect_talk(call);
}

TEST(Relay, ClosingGivesEverythingBack) {
  Call call{symmetric_on_both_sides({Transport::udp, Transport::tcp})};
  call.start();
  expect_connected_by_relay(call);
  for (const int side : {0, 1}) {
    call.agent(side).close(call.network.now());
    call[side].node->wake();
    EXPECT_EQ(call.agent(side).next_timeout(), std::nullopt);
  }
  call.network.run_for(1s);
  EXPECT_EQ((*call.turn)->gauges().allocations, 0U);
}

}  // namespace
}  // namespace ice
