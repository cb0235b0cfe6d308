// The verbs of an agent, and the states that they lead to.

#include <gtest/gtest.h>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;

constexpr std::string_view remote = "198.51.100.1:6000";

TEST(AgentLife, ItWalksFromIdleThroughGatheringAndCheckingToConnectedAndTellsEachStep) {
  LoneAgent lone;
  EXPECT_EQ(lone.state(), AgentState::idle);
  lone.gather();
  EXPECT_EQ(lone.state(), AgentState::gathering);
  lone.describe(LoneAgent::description({remote}));
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.connect(remote);
  std::vector<AgentState> told;
  for (const StateChanged& changed : lone.events_of<StateChanged>()) told.push_back(changed.state);
  EXPECT_EQ(told, (std::vector{AgentState::gathering, AgentState::checking, AgentState::connected}));
}

TEST(AgentLife, TheDescriptionMayComeBeforeGathering) {
  LoneAgent lone;
  lone.describe(LoneAgent::description({remote}));
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(100ms);
  EXPECT_TRUE(lone.take_sent().empty());
  lone.gather();
  lone.run_for(100ms);
  EXPECT_EQ(lone.take_sent_to(remote).size(), 1U);
}

TEST(AgentLife, ItsCredentialsAreRandomAndLongEnough) {
  LoneAgent a{{}, {}, nullptr, 1};
  LoneAgent b{{}, {}, nullptr, 2};
  const Description one = a.agent().local_description();
  const Description two = b.agent().local_description();
  EXPECT_TRUE(validate_credentials(one));
  EXPECT_NE(one.ufrag, two.ufrag);
  EXPECT_NE(one.password, two.password);
  EXPECT_TRUE(is_ice_text(one.ufrag, 4, 256));          // 24 bits of randomness, RFC 8839 §5.4
  EXPECT_TRUE(is_ice_text(one.password, 22, 256));      // 128 bits
  EXPECT_TRUE(one.has_option(option_ice2));             // RFC 8445 §10
  EXPECT_TRUE(one.has_option(option_trickle));          // RFC 8838 §3
  EXPECT_EQ(one.pacing, std::chrono::milliseconds{5});  // RFC 8445 §14.2: another value than 50 ms is told
}

TEST(AgentLife, GatheringTwiceIsGatheringOnce) {
  LoneAgent lone;
  lone.gather();
  lone.gather();
  EXPECT_EQ(lone.events_of<CandidateGathered>().size(), 1U);
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
}

TEST(AgentLife, ASocketMustHaveASpecificAddressAPortAnIdAndAnEndpointOfItsOwn) {
  LoneAgent lone;
  EXPECT_EQ(lone.add_socket(2, "0.0.0.0:5000").error(), errc::invalid_argument);
  EXPECT_EQ(lone.add_socket(2, "[::]:5000").error(), errc::invalid_argument);
  EXPECT_EQ(lone.add_socket(2, "192.0.2.2:0").error(), errc::invalid_argument);
  EXPECT_EQ(lone.add_socket(1, "192.0.2.2:5000").error(), errc::invalid_argument);
  EXPECT_EQ(lone.add_socket(2, "192.0.2.1:5000").error(), errc::invalid_argument);
  EXPECT_EQ(lone.add_socket(2, "192.0.2.2:5000", ComponentId{2}).error(), errc::invalid_argument);
  EXPECT_TRUE(lone.add_socket(2, "192.0.2.2:5000"));
}

TEST(AgentLife, TheIdAndTheEndpointOfASocketThatIsGoneAreFree) {
  LoneAgent lone;
  lone.start({remote});
  ASSERT_TRUE(lone.remove_socket(1));
  ASSERT_TRUE(lone.add_socket(1, "192.0.2.1:5000"));
  lone.connect(remote);
  const auto pairs = lone.report().pairs;
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].cause, Cause::socket_gone);
  EXPECT_TRUE(pairs[1].selected);
}

TEST(AgentLife, ASocketAddedWhileCheckingIsGatheredAndPaired) {
  LoneAgent lone;
  lone.start({remote});
  lone.run_for(20ms);
  lone.take_sent();
  ASSERT_TRUE(lone.add_socket(2, "192.0.2.7:5000"));
  lone.run_for(20ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].packet.socket, SocketId{2});
}

// RFC 8838 §13: "an agent MUST NOT convey any more candidates after it has conveyed an end-of-candidates indication".
TEST(AgentLife, ASocketAddedAfterTheEndOfCandidatesIsNotSignalled) {
  AgentConfig config;
  config.servers = {*stun::Uri::parse("stun:stun.example.org")};
  LoneAgent lone{config};
  lone.gather();
  ASSERT_TRUE(lone.add_socket(2, "192.0.2.7:5000"));  // DNS has not answered yet
  EXPECT_EQ(lone.events_of<CandidateGathered>().size(), 2U);
  lone.agent().fail_server(lone.now, ServerId{0}, make_error_code(errc::name_not_resolved));
  lone.settle();
  ASSERT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  ASSERT_TRUE(lone.add_socket(3, "192.0.2.8:5000"));
  EXPECT_EQ(lone.events_of<CandidateGathered>().size(), 2U);
  EXPECT_EQ(lone.agent().local_description().streams.at(0).candidates.size(), 2U);
  EXPECT_EQ(lone.report().local_candidates.size(), 3U);
}

// RFC 8838 §14: "it MUST ignore any newly received candidates for that data stream".
TEST(AgentLife, CandidatesAfterThePeersEndOfCandidatesAreIgnored) {
  LoneAgent lone;
  lone.start({remote});
  lone.agent().end_of_remote_candidates(lone.now);
  EXPECT_EQ(lone.add(LoneAgent::candidate("198.51.100.2:6000")).error(), errc::bad_candidate);
  EXPECT_TRUE(lone.add(LoneAgent::candidate(remote)));  // nothing new
  lone.describe(LoneAgent::description({remote, "198.51.100.3:6000"}));
  EXPECT_EQ(lone.report().remote_candidates.size(), 1U);
}

TEST(AgentLife, AnEndOfCandidatesBeforeTheDescriptionCutsNothingOff) {
  LoneAgent lone;
  lone.gather();
  ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.2:6000")));
  lone.agent().end_of_remote_candidates(lone.now);
  lone.describe(LoneAgent::description({remote}));
  EXPECT_EQ(lone.report().remote_candidates.size(), 2U);
  EXPECT_EQ(lone.add(LoneAgent::candidate("198.51.100.3:6000")).error(), errc::bad_candidate);
}

TEST(AgentLife, ASocketAddedAfterTheNominationIsNoCandidate) {
  LoneAgent lone;
  lone.connect(remote);
  ASSERT_TRUE(lone.add_socket(2, "192.0.2.7:5000"));
  lone.run_for(1s);
  EXPECT_EQ(lone.events_of<CandidateGathered>().size(), 1U);  // RFC 8838 §13
  EXPECT_EQ(lone.report().sockets.size(), 2U);
}

TEST(AgentLife, RemovingASocketFailsItsPairsAndKeepsThemInTheReport) {
  LoneAgent lone{{}, {"192.0.2.1:5000", "192.0.2.9:5000"}};
  lone.start({remote});
  lone.take_sent();
  EXPECT_EQ(lone.remove_socket(7).error(), errc::no_such_socket);
  ASSERT_TRUE(lone.remove_socket(1));
  EXPECT_EQ(lone.remove_socket(1).error(), errc::no_such_socket);
  lone.run_for(1s);
  for (const auto& sent : lone.take_sent_to(remote)) EXPECT_EQ(sent.packet.socket, SocketId{2});
  const ConnectivityReport report = lone.report();
  ASSERT_EQ(report.pairs.size(), 2U);
  EXPECT_EQ(report.pairs[0].cause, Cause::socket_gone);
  EXPECT_EQ(report.pairs[0].state, PairState::failed);
  EXPECT_TRUE(report.sockets[0].removed);
  EXPECT_EQ(report.sockets[0].why_removed, errc::closed);
}

TEST(AgentLife, RemovingTheSelectedSocketDisconnects) {
  LoneAgent lone;
  lone.connect(remote);
  ASSERT_TRUE(lone.remove_socket(1));
  EXPECT_EQ(lone.state(), AgentState::disconnected);
  EXPECT_EQ(lone.report().cause, Cause::socket_gone);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

TEST(AgentLife, ANominatedPairWhoseSocketGoesAwayEndsTheSessionSinceThereIsOneNomination) {
  LoneAgent lone{{}, {"192.0.2.1:5000", "192.0.2.9:5000"}};
  lone.start({remote});
  lone.run_for(20ms);
  for (const auto& sent : lone.take_sent())
    lone.succeed(sent, sent.packet.socket == SocketId{1} ? "192.0.2.1:5000" : "192.0.2.9:5000");
  lone.run_for(10ms);
  ASSERT_EQ(lone.take_sent().size(), 1U);  // with USE-CANDIDATE
  ASSERT_TRUE(lone.remove_socket(1));
  EXPECT_EQ(lone.state(), AgentState::failed);
  EXPECT_EQ(lone.report().cause, Cause::nomination_failed);
}

TEST(AgentLife, ANominationThatWasNotSentYetGoesToAnotherPairWhenItsSocketGoesAway) {
  Pacer pacer;
  LoneAgent lone{{}, {"192.0.2.1:5000", "192.0.2.9:5000"}, &pacer};
  lone.start({remote});
  lone.run_for(20ms);
  static_cast<void>(pacer.reserve(lone.now, 100ms));  // so that the nomination has to wait
  for (const auto& sent : lone.take_sent())
    lone.succeed(sent, sent.packet.socket == SocketId{1} ? "192.0.2.1:5000" : "192.0.2.9:5000");
  lone.run_for(10ms);
  ASSERT_TRUE(lone.take_sent().empty());
  ASSERT_TRUE(lone.remove_socket(1));
  lone.run_for(1s);
  for (const auto& sent : lone.take_sent()) {
    EXPECT_TRUE(sent.nominates());
    EXPECT_EQ(sent.packet.socket, SocketId{2});
    lone.succeed(sent, "192.0.2.9:5000");
  }
  EXPECT_EQ(lone.state(), AgentState::connected);
}

// RFC 8445 §9: a restart changes both.
TEST(AgentLife, CredentialsOfWhichOnlyOneIsNewAreRefused) {
  LoneAgent lone;
  lone.start({remote});
  auto told = LoneAgent::description({remote});
  EXPECT_TRUE(lone.agent().set_remote_description(lone.now, told));
  told.password = "anotherPasswordOfThePeer1234";
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, told).error(), errc::wrong_generation);
  told = LoneAgent::description({remote});
  told.ufrag = "anotherUfrag";
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, told).error(), errc::wrong_generation);
  EXPECT_EQ(lone.report().restarts, 0U);
}

TEST(AgentLife, CredentialsThatBreakTheGrammarAreRefused) {
  LoneAgent lone;
  auto told = LoneAgent::description({});
  told.ufrag = "abc";
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, told).error(), errc::bad_ufrag);
  told = LoneAgent::description({});
  told.password = "short";
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, told).error(), errc::bad_password);
  EXPECT_EQ(lone.state(), AgentState::idle);
}

TEST(AgentLife, TheSameDescriptionAgainOnlyAddsCandidates) {
  LoneAgent lone;
  lone.start({remote});
  lone.describe(LoneAgent::description({remote, "198.51.100.2:6000"}));
  EXPECT_EQ(lone.report().pairs.size(), 2U);
  EXPECT_EQ(lone.events_of<StateChanged>().size(), 2U);
}

TEST(AgentLife, AFullAgentControlsALitePeer) {
  LoneAgent lone{controlled_config()};
  lone.gather();
  auto told = LoneAgent::description({remote});
  told.lite = true;
  lone.describe(told);
  EXPECT_EQ(lone.agent().role(), Role::controlling);  // RFC 8445 §6.1.1
  EXPECT_EQ(lone.events_of<RoleSwitched>().size(), 1U);
  lone.connect(remote);
}

// RFC 8445 §2.5: a lite peer answers checks and sends none, so an answer proves it as well as a check does.
TEST(AgentLife, ALitePeersDataIsTakenAlthoughItNeverSendsACheck) {
  LoneAgent lone;
  auto told = LoneAgent::description({remote});
  told.lite = true;
  lone.gather();
  lone.describe(told);
  EXPECT_EQ(lone.receive_text("too early", remote).verdict, Verdict::not_mine);
  for (int i = 0; i < 20 && lone.state() != AgentState::connected; ++i) {
    lone.run_for(5ms);
    for (const auto& sent : lone.take_sent()) lone.succeed(sent);
  }
  ASSERT_EQ(lone.state(), AgentState::connected);
  EXPECT_EQ(*lone.send("to the peer"), endpoint(remote));
  const auto heard = lone.receive_text("from the peer", remote);
  EXPECT_EQ(heard.verdict, Verdict::application_data);
  EXPECT_EQ(heard.data, "from the peer");
  EXPECT_EQ(lone.receive_text("a stranger's", "198.51.100.1:6001").verdict, Verdict::not_mine);
}

TEST(AgentLife, CandidatesSignalledBeforeTheDescriptionAreKeptWithinTheirBound) {
  AgentConfig config;
  config.limits.remote_candidates = 3;
  LoneAgent lone{config};
  lone.gather();
  for (const std::string_view text : {"198.51.100.1:1", "198.51.100.2:1", "198.51.100.3:1"})
    EXPECT_TRUE(lone.add(LoneAgent::candidate(text)));
  EXPECT_EQ(lone.add(LoneAgent::candidate("198.51.100.4:1")).error(), errc::limit_reached);
  EXPECT_EQ(lone.report().ignored.over_limit, 1U);
  lone.describe(LoneAgent::description({}));
  EXPECT_EQ(lone.report().pairs.size(), 3U);
}

TEST(AgentLife, ClosingEndsEverythingAtOnce) {
  LoneAgent lone;
  lone.connect(remote);
  lone.agent().close(lone.now);
  EXPECT_EQ(lone.state(), AgentState::closed);
  EXPECT_EQ(lone.agent().next_timeout(), std::nullopt);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  EXPECT_EQ(lone.check(remote).verdict, Verdict::not_mine);
  EXPECT_EQ(lone.receive_text("data", remote).verdict, Verdict::not_mine);
  EXPECT_EQ(lone.add(LoneAgent::candidate(remote)).error(), errc::closed);
  EXPECT_EQ(lone.agent().set_remote_description(lone.now, LoneAgent::description({})).error(), errc::closed);
  EXPECT_EQ(lone.add_socket(9, "192.0.2.9:1").error(), errc::closed);
  lone.gather();
  lone.agent().handle_timeout(lone.now + 1h);
  lone.run_for(1h);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_EQ(lone.report().cause, Cause::closed);
}

TEST(AgentLife, AClosedAgentStillReportsWhyItHadFailed) {
  LoneAgent lone;
  lone.start({});
  lone.run_for(40s);
  ASSERT_EQ(lone.state(), AgentState::failed);
  const auto ended = lone.report().ended;
  lone.run_for(1s);
  lone.agent().close(lone.now);
  EXPECT_EQ(lone.state(), AgentState::closed);
  EXPECT_EQ(lone.report().cause, Cause::no_remote_candidates);
  EXPECT_EQ(lone.report().ended, ended);
}

TEST(AgentLife, ItMovesAndKeepsItsState) {
  LoneAgent lone;
  lone.start({remote});
  Agent moved = std::move(lone.agent());
  EXPECT_EQ(moved.state(), AgentState::checking);
  LoneAgent another;
  another.agent() = std::move(moved);
  EXPECT_EQ(another.state(), AgentState::checking);
  lone.agent() = std::move(another.agent());
}

}  // namespace
}  // namespace ice
