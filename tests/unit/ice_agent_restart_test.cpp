// ICE restarts (RFC 8445 §9, RFC 8839 §4.4): everything is flushed but the roles, and data goes on meanwhile.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "ice/past_generations.hpp"
#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;
using test::PeerCheck;

constexpr std::string_view remote = "198.51.100.1:6000";
constexpr std::string_view other = "198.51.100.2:6000";

/// What the peer asks on the pair of before: with the credentials of the generation that `then` describes.
PeerCheck check_for(const Description& then, bool nominate = false) {
  PeerCheck check;
  check.to_ufrag = then.ufrag;
  check.password = then.password;
  check.nominate = nominate;
  return check;
}
PeerCheck new_check(bool nominate = false) {
  PeerCheck check;
  check.from_ufrag = LoneAgent::new_peer_ufrag;
  check.nominate = nominate;
  return check;
}

/// Answers what is asked of the new generation and of the old one, until the agent has selected a pair again.
void reconnect(LoneAgent& lone, std::string_view to = remote) {
  for (int i = 0; i < 40 && lone.state() != AgentState::connected; ++i) {
    lone.run_for(5ms);
    for (const auto& sent : lone.take_sent()) lone.succeed_anew(sent);
    if (lone.agent().role() == Role::controlled) lone.check(to, new_check(true));
  }
  EXPECT_EQ(lone.state(), AgentState::connected);
}

TEST(AgentRestart, MakesNewCredentialsAndGathersAnewInTheSameRole) {
  for (const Role role : {Role::controlling, Role::controlled}) {
    AgentConfig config;
    config.role = role;
    LoneAgent lone{config};
    lone.connect(remote);
    const Description before = lone.agent().local_description();
    lone.events.clear();
    lone.restart();
    const Description after = lone.agent().local_description();
    EXPECT_NE(after.ufrag, before.ufrag);
    EXPECT_NE(after.password, before.password);
    EXPECT_EQ(lone.agent().role(), role);
    EXPECT_EQ(lone.state(), AgentState::gathering);
    ASSERT_EQ(lone.events_of<Restarted>().size(), 1U);
    EXPECT_FALSE(lone.events_of<Restarted>()[0].by_peer);
    const auto gathered = lone.events_of<CandidateGathered>();
    ASSERT_EQ(gathered.size(), 1U);
    EXPECT_EQ(gathered[0].candidate.ufrag, after.ufrag);
    EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
    lone.describe(LoneAgent::new_description({remote}));
    EXPECT_EQ(lone.state(), AgentState::checking);
    reconnect(lone);
  }
}

TEST(AgentRestart, ThePeersNewCredentialsRestartThisSideToo) {
  LoneAgent lone;
  lone.connect(remote);
  const Description before = lone.agent().local_description();
  lone.events.clear();
  lone.describe(LoneAgent::new_description({remote}));
  EXPECT_NE(lone.agent().local_description().ufrag, before.ufrag);  // RFC 8839 §4.4.2.1
  EXPECT_NE(lone.agent().local_description().password, before.password);
  ASSERT_EQ(lone.events_of<Restarted>().size(), 1U);
  EXPECT_TRUE(lone.events_of<Restarted>()[0].by_peer);
  EXPECT_EQ(lone.state(), AgentState::checking);
  EXPECT_EQ(lone.report().restarts, 1U);
  EXPECT_EQ(lone.report().remote_ufrag, LoneAgent::new_peer_ufrag);
  reconnect(lone);
}

// RFC 8445 §9: "during the restart, data can continue to be sent using existing data sessions".
TEST(AgentRestart, DataGoesOnThroughThePairOfBeforeUntilANewOneIsSelected) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  EXPECT_EQ(*lone.send("while gathering"), endpoint(remote));
  lone.describe(LoneAgent::new_description({other}));
  EXPECT_EQ(*lone.send("while checking"), endpoint(remote));
  EXPECT_EQ(lone.receive_text("from the peer", remote).verdict, Verdict::application_data);
  lone.run_for(10ms);
  lone.succeed_anew(lone.take_sent_to(other).at(0));
  EXPECT_EQ(lone.events_of<FirstPairValid>().size(), 2U);
  EXPECT_EQ(*lone.send("a valid pair is not a selected one"), endpoint(remote));
  reconnect(lone, other);
  EXPECT_EQ(*lone.send("selected"), endpoint(other));
  // The peer may not have heard of it yet.
  EXPECT_EQ(lone.receive_text("from the peer", remote).verdict, Verdict::application_data);
}

TEST(AgentRestart, ConsentIsKeptOnThePairOfBefore) {
  LoneAgent lone;
  lone.connect(remote);
  const Description before = lone.agent().local_description();
  lone.restart();
  std::size_t requests = 0;
  for (int second = 0; second < 120; ++second) {
    lone.run_for(1s);
    for (const auto& sent : lone.take_sent()) {
      EXPECT_EQ(*sent.message().get<stun::attr::Username>(), std::string{LoneAgent::peer_ufrag} + ":" + before.ufrag);
      lone.succeed(sent);
      ++requests;
    }
  }
  EXPECT_GE(requests, 20U);
  EXPECT_TRUE(lone.send("two minutes later"));
  EXPECT_EQ(lone.state(), AgentState::gathering);
  lone.describe(LoneAgent::new_description({remote}));
  reconnect(lone);
  // From the selection on only the new one asks.
  lone.run_for(20s);
  for (const auto& sent : lone.take_sent())
    EXPECT_THAT(std::string{*sent.message().get<stun::attr::Username>()},
                testing::StartsWith(LoneAgent::new_peer_ufrag));
}

TEST(AgentRestart, WherePeersConsentToThePairOfBeforeExpiresDataStopsAndTheRestartGoesOn) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  lone.run_for(31s);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  EXPECT_EQ(lone.state(), AgentState::gathering);
  lone.describe(LoneAgent::new_description({remote}));
  reconnect(lone);
  EXPECT_TRUE(lone.send("again"));
}

TEST(AgentRestart, BringsBackAnAgentThatHasFailed) {
  LoneAgent lone;
  lone.start({});
  lone.run_for(40s);
  ASSERT_EQ(lone.state(), AgentState::failed);
  lone.restart();
  EXPECT_EQ(lone.report().cause, Cause::none);
  lone.describe(LoneAgent::new_description({remote}));
  reconnect(lone);
  const auto report = lone.report();
  ASSERT_EQ(report.earlier.size(), 1U);
  EXPECT_EQ(report.earlier[0].state, AgentState::failed);
  EXPECT_EQ(report.earlier[0].cause, Cause::no_remote_candidates);
}

TEST(AgentRestart, BringsBackAnAgentThatIsDisconnected) {
  LoneAgent lone;
  lone.connect(remote);
  lone.run_for(31s);
  ASSERT_EQ(lone.state(), AgentState::disconnected);
  ASSERT_EQ(lone.events_of<RestartNeeded>().size(), 1U);
  EXPECT_EQ(lone.events_of<RestartNeeded>()[0].cause, Cause::consent_expired);
  lone.take_sent();
  lone.describe(LoneAgent::new_description({remote}));  // the peer has noticed first
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  reconnect(lone);
  EXPECT_TRUE(lone.send("again"));
}

TEST(AgentRestart, OfAnAgentThatNeverGatheredGathers) {
  LoneAgent lone;
  lone.restart();
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(lone.state(), AgentState::gathering);
}

TEST(AgentRestart, OfAClosedAgentIsRefused) {
  LoneAgent lone;
  lone.agent().close(lone.now);
  EXPECT_EQ(lone.agent().restart(lone.now).error(), errc::closed);
}

// RFC 8445 §9: no pair may come back with the credentials of before.
TEST(AgentRestart, CredentialsOfAnEarlierGenerationAreRefused) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, LoneAgent::description({remote})).error(),
            errc::wrong_generation);
  auto half = LoneAgent::new_description({remote});
  half.password = LoneAgent::peer_password;
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, half).error(), errc::wrong_generation);
  lone.describe(LoneAgent::new_description({remote}));
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, LoneAgent::description({remote})).error(),
            errc::wrong_generation);
  EXPECT_EQ(lone.report().restarts, 1U);
}

TEST(AgentRestart, MayBeRepeatedWhereItsSignallingWasLost) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  const Description lost = lone.agent().local_description();
  lone.run_for(5s);
  lone.restart();
  EXPECT_NE(lone.agent().local_description().ufrag, lost.ufrag);
  EXPECT_TRUE(lone.send("still"));
  lone.describe(LoneAgent::new_description({remote}));
  reconnect(lone);
  EXPECT_EQ(lone.report().restarts, 2U);
}

// RFC 8838 §9: "any delayed updates for a previous session can be recognized as such".
TEST(AgentRestart, CandidatesOfAnEarlierGenerationAreRefused) {
  LoneAgent lone;
  lone.connect(remote);
  auto late = LoneAgent::candidate(other);
  late.ufrag = LoneAgent::peer_ufrag;
  lone.restart();
  EXPECT_EQ(lone.add(late).error(), errc::wrong_generation);
  lone.describe(LoneAgent::new_description({remote}));
  EXPECT_EQ(lone.add(late).error(), errc::wrong_generation);
  EXPECT_EQ(lone.report().remote_candidates.size(), 1U);
}

TEST(AgentRestart, CandidatesThatOvertakeTheirDescriptionAreKeptForItWithinTheBound) {
  AgentConfig config;
  config.limits.remote_candidates = 2;
  LoneAgent lone{config};
  lone.connect(remote);
  std::uint16_t port = 7000;
  const auto early = [&] {
    auto candidate = LoneAgent::candidate("198.51.100.3:" + std::to_string(port++));
    candidate.ufrag = LoneAgent::new_peer_ufrag;
    return candidate;
  };
  EXPECT_TRUE(lone.add(early()));
  EXPECT_TRUE(lone.add(early()));
  EXPECT_EQ(lone.add(early()).error(), errc::limit_reached);
  EXPECT_EQ(lone.report().remote_candidates.size(), 1U) << "not of this generation";
  lone.agent().end_of_remote_candidates(lone.now, LoneAgent::new_peer_ufrag);
  EXPECT_FALSE(lone.report().end_of_candidates);
  lone.describe(LoneAgent::new_description({}));
  EXPECT_EQ(lone.report().remote_candidates.size(), 2U);
  EXPECT_TRUE(lone.report().end_of_candidates);
  EXPECT_EQ(lone.add(LoneAgent::candidate(other)).error(), errc::bad_candidate);
}

TEST(AgentRestart, TheEndOfCandidatesOfAnEarlierGenerationIsIgnored) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  lone.agent().end_of_remote_candidates(lone.now, LoneAgent::peer_ufrag);
  lone.describe(LoneAgent::new_description({}));
  EXPECT_FALSE(lone.report().end_of_candidates);
  EXPECT_TRUE(lone.add(LoneAgent::candidate(remote)));
}

TEST(AgentRestart, LateRequestsOfThePeerAreAnsweredForAWhileAndNeverCountedAsAttacks) {
  LoneAgent lone;
  lone.connect(remote);
  const Description before = lone.agent().local_description();
  const auto late = lone.make_check(check_for(before));
  const auto key = lone.local_key();
  lone.describe(LoneAgent::new_description({remote}));
  auto heard = lone.receive(late, remote);
  ASSERT_TRUE(heard.answer);
  EXPECT_TRUE(heard.answer->message().authenticate(key));
  EXPECT_TRUE(heard.answer->message().is(stun::Method::binding, stun::Class::success_response));
  reconnect(lone);
  for (int second = 0; second < 29; ++second) {
    lone.run_for(1s);
    for (const auto& sent : lone.take_sent()) lone.succeed_anew(sent);
  }
  EXPECT_TRUE(lone.receive(late, remote).answer);
  EXPECT_EQ(lone.report().ignored.late, 0U);
  lone.run_for(2s);
  heard = lone.receive(late, remote);
  EXPECT_EQ(heard.verdict, Verdict::handled);
  EXPECT_FALSE(heard.answer);
  EXPECT_EQ(lone.report().ignored.late, 1U);
  EXPECT_EQ(lone.report().ignored.unauthenticated, 0U);
}

TEST(AgentRestart, ALateRequestWithTheWrongPasswordIsAnAttackAllTheSame) {
  LoneAgent lone;
  lone.connect(remote);
  auto forged = check_for(lone.agent().local_description());
  forged.password = "notThePasswordOfAnybody12";
  lone.restart();
  EXPECT_EQ(lone.check(remote, forged).verdict, Verdict::unauthenticated);
  EXPECT_EQ(lone.report().ignored.unauthenticated, 1U);
}

TEST(AgentRestart, LateAnswersToChecksOfBeforeAreHandledAndChangeNothing) {
  LoneAgent lone;
  lone.start({remote});
  lone.run_for(5ms);
  const auto sent = lone.take_sent();
  ASSERT_FALSE(sent.empty());
  lone.restart();
  EXPECT_EQ(lone.succeed(sent[0]).verdict, Verdict::handled);
  lone.run_for(60s);
  EXPECT_TRUE(lone.take_sent().empty()) << "nothing of before is sent again";
  EXPECT_EQ(lone.report().ignored.unexpected_responses, 0U);
  EXPECT_EQ(lone.state(), AgentState::gathering);
}

TEST(AgentRestart, AForgedLateAnswerIsCounted) {
  LoneAgent lone;
  lone.start({remote});
  lone.run_for(5ms);
  const auto sent = lone.take_sent();
  lone.restart();
  const auto forged = LoneAgent::success_for(sent.at(0), "192.0.2.1:5000", LoneAgent::new_peer_key());
  EXPECT_EQ(lone.receive(forged, remote).verdict, Verdict::unauthenticated);
}

TEST(AgentRestart, AnEarlyCheckOfThePeersNewGenerationIsAnsweredAndCountsOnceItIsDescribed) {
  LoneAgent lone{controlled_config()};
  lone.connect(remote);
  lone.restart();
  EXPECT_TRUE(lone.check(other, new_check(true)).answer);
  EXPECT_EQ(lone.report().early_checks, 1U);
  lone.describe(LoneAgent::new_description({}));
  lone.run_for(5ms);
  for (const auto& sent : lone.take_sent_to(other)) lone.succeed_anew(sent);
  EXPECT_EQ(lone.state(), AgentState::connected);
  EXPECT_EQ(*lone.send("x"), endpoint(other));
}

// There may be no way any more for the new pair, and all the same one for the old.
TEST(AgentRestart, ThatFindsNoPairLeavesTheOneOfBefore) {
  LoneAgent lone;
  lone.connect(remote);
  const Description before = lone.agent().local_description();
  lone.restart();
  lone.describe(LoneAgent::new_description({other}));
  lone.events.clear();
  for (int second = 0; second < 60; ++second) {
    lone.run_for(1s);
    for (const auto& sent : lone.take_sent_to(remote)) lone.succeed(sent);
  }
  EXPECT_EQ(lone.state(), AgentState::connected);
  ASSERT_EQ(lone.events_of<StateChanged>().size(), 1U);
  EXPECT_EQ(lone.events_of<StateChanged>()[0].cause, Cause::checks_failed);
  EXPECT_EQ(lone.agent().local_description().ufrag, before.ufrag);
  EXPECT_EQ(*lone.send("as before"), endpoint(remote));
  const auto report = lone.report();
  EXPECT_EQ(report.cause, Cause::none);
  EXPECT_EQ(report.restarts, 1U);
  ASSERT_EQ(report.earlier.size(), 1U);
  EXPECT_EQ(report.earlier[0].why, GenerationEnd::fell_back);
  EXPECT_EQ(report.earlier[0].cause, Cause::checks_failed);
  ASSERT_EQ(report.earlier[0].pairs.size(), 1U);
  EXPECT_EQ(report.earlier[0].pairs[0].cause, Cause::no_response);
  // What it used is spent.
  lone.restart();
  auto third = LoneAgent::new_description({remote});
  third.ufrag = "third";
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, third).error(), errc::wrong_generation);
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, LoneAgent::new_description({remote})).error(),
            errc::wrong_generation);
}

TEST(AgentRestart, ThatFailsWithoutAPairOfBeforeHasFailed) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  lone.describe(LoneAgent::new_description({other}));
  lone.run_for(60s);
  EXPECT_EQ(lone.state(), AgentState::failed);
  EXPECT_EQ(lone.report().cause, Cause::checks_failed);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

TEST(AgentRestart, APairThatWasOnlyValidCarriesDataForAsLongAsItsAnswerIsConsent) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.run_for(5ms);
  lone.succeed(lone.take_sent().at(0));
  EXPECT_EQ(*lone.send("valid"), endpoint(remote));
  lone.restart();
  EXPECT_EQ(*lone.send("restarting"), endpoint(remote));
  lone.run_for(30s);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

TEST(AgentRestart, OfARestartKeepsThePairThatWasSelectedLast) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  lone.describe(LoneAgent::new_description({other}));
  lone.run_for(5ms);
  lone.succeed_anew(lone.take_sent_to(other).at(0));
  lone.restart();
  EXPECT_EQ(*lone.send("x"), endpoint(remote));
}

TEST(AgentRestart, TheReportKeepsTheLastFourGenerationsAndTheOneThatCarriesData) {
  LoneAgent lone;
  lone.connect(remote);
  const std::string first = lone.agent().local_description().ufrag;
  for (int i = 0; i < 8; ++i) {
    lone.restart();
    lone.run_for(100ms);
    for (const auto& sent : lone.take_sent()) lone.succeed(sent);
  }
  const auto report = lone.report();
  EXPECT_EQ(report.restarts, 8U);
  ASSERT_EQ(report.earlier.size(), PastGenerations::most_reported);
  EXPECT_EQ(report.earlier[0].local_ufrag, first);
  EXPECT_TRUE(report.earlier[0].carries_data);
  EXPECT_EQ(report.earlier[0].state, AgentState::connected);
  EXPECT_TRUE(report.earlier[0].pairs.at(0).selected);
  std::set<std::string> ufrags{report.local_ufrag};
  for (const GenerationReport& earlier : report.earlier) EXPECT_TRUE(ufrags.insert(earlier.local_ufrag).second);
  EXPECT_TRUE(lone.send("all the while"));
}

TEST(AgentRestart, TakesUpASocketThatCameAfterTheNomination) {
  LoneAgent lone;
  lone.connect(remote);
  ASSERT_TRUE(lone.add_socket(2, "192.0.2.9:5000"));
  EXPECT_EQ(lone.agent().local_description().streams[0].candidates.size(), 1U);
  lone.restart();
  EXPECT_EQ(lone.agent().local_description().streams[0].candidates.size(), 2U);
}

TEST(AgentRestart, ASocketThatIsGoneTakesThePairOfBeforeAlongAndStaysInTheReport) {
  LoneAgent lone{{}, {"192.0.2.1:5000", "192.0.2.9:5000"}};
  lone.connect(remote);
  lone.restart();
  const auto used = lone.report().earlier.at(0).pairs;
  const bool first = std::any_of(used.begin(), used.end(), [](const PairReport& pair) {
    return pair.selected && pair.base == endpoint("192.0.2.1:5000");
  });
  ASSERT_TRUE(lone.remove_socket(first ? 1 : 2));
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  EXPECT_EQ(lone.state(), AgentState::gathering);
  lone.restart();
  EXPECT_EQ(lone.agent().local_description().streams[0].candidates.size(), 1U);
  const auto sockets = lone.report().sockets;
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_TRUE(sockets[0].removed);
  EXPECT_FALSE(sockets[1].removed);
}

// RFC 8445 §6.1.1: a restart may bring a role conflict, which is solved as ever; the pair of before keeps its roles.
TEST(AgentRestart, ARoleConflictInTheNewGenerationIsSolvedThereAlone) {
  LoneAgent lone;
  lone.connect(remote);
  const Description before = lone.agent().local_description();
  lone.describe(LoneAgent::new_description({other}));
  auto conflict = new_check();
  conflict.role = Role::controlling;
  conflict.tie_breaker = ~std::uint64_t{0};
  EXPECT_TRUE(lone.check(other, conflict).answer);
  EXPECT_EQ(lone.agent().role(), Role::controlled);
  lone.take_sent();
  lone.run_for(6s);
  bool consent = false;
  for (const auto& sent : lone.take_sent_to(remote)) {
    consent = true;
    EXPECT_TRUE(sent.message().has<stun::attr::IceControlling>());
  }
  EXPECT_TRUE(consent);
  auto asked = check_for(before);
  asked.role = Role::controlled;
  EXPECT_TRUE(lone.check(remote, asked).answer->message().is(stun::Method::binding, stun::Class::success_response));
}

TEST(AgentRestart, AskedOnThePairOfBeforeThePeerThatWithdrawsItsConsentIsHeard) {
  LoneAgent lone;
  lone.connect(remote);
  lone.restart();
  lone.run_for(6s);
  lone.refuse(lone.take_sent().at(0), stun::ErrorCode::forbidden);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  EXPECT_EQ(lone.state(), AgentState::gathering);
}

}  // namespace
}  // namespace ice
