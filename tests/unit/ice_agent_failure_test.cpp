// When an agent gives up, and what it says why: RFC 8863 (patience), RFC 8445 §7.2.5.2 and §8.1.2.

#include <gtest/gtest.h>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;

constexpr std::string_view remote = "198.51.100.1:6000";

TEST(AgentFailure, WithoutAnyPairItIsPatientFor39AndAHalfSeconds) {
  LoneAgent lone;
  lone.gather();
  lone.run_for(7s);  // only the description starts the clock
  lone.describe(LoneAgent::description({}));
  lone.run_for(39'499ms);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(1ms);
  EXPECT_EQ(lone.state(), AgentState::failed);
  EXPECT_EQ(lone.report().cause, Cause::no_remote_candidates);
  const auto told = lone.events_of<StateChanged>().back();
  EXPECT_EQ(told.state, AgentState::failed);
  EXPECT_EQ(told.cause, Cause::no_remote_candidates);
}

TEST(AgentFailure, TheEndOfCandidatesDoesNotCutPatienceShort) {
  LoneAgent lone;
  lone.gather();
  auto told = LoneAgent::description({});
  told.streams[0].end_of_candidates = true;
  lone.describe(told);
  lone.agent().end_of_remote_candidates(lone.now);
  lone.run_for(39s);
  EXPECT_EQ(lone.state(), AgentState::checking);  // RFC 8863 §5
  EXPECT_EQ(lone.report().end_of_candidates, TimePoint{});
}

TEST(AgentFailure, ACheckThatArrivesAtTheLastMomentStillConnects) {
  LoneAgent lone;
  lone.start({});
  lone.run_for(39'400ms);
  lone.check(remote);  // from a peer-reflexive candidate
  lone.run_for(1s);
  EXPECT_EQ(lone.state(), AgentState::checking);
  for (int i = 0; i < 2; ++i) {
    for (const auto& sent : lone.take_sent()) lone.succeed(sent);
    lone.run_for(1s);
  }
  EXPECT_EQ(lone.state(), AgentState::connected);
}

TEST(AgentFailure, PatienceIsConfigurable) {
  AgentConfig config;
  config.patience = 1s;
  LoneAgent lone{config};
  lone.start({});
  lone.run_for(999ms);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(1ms);
  EXPECT_EQ(lone.state(), AgentState::failed);
}

TEST(AgentFailure, WhatIsStillUnderWayWhenPatienceIsOverIsWaitedFor) {
  LoneAgent lone;
  lone.start({});
  lone.run_for(10s);
  ASSERT_TRUE(lone.add(LoneAgent::candidate(remote)));
  lone.run_for(39'499ms);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(1ms);
  EXPECT_EQ(lone.state(), AgentState::failed);
  EXPECT_EQ(lone.report().cause, Cause::checks_failed);
  EXPECT_EQ(lone.pair(remote).cause, Cause::no_response);
  EXPECT_EQ(lone.pair(remote).requests_sent, 7U);
}

TEST(AgentFailure, WithoutAUsableSocketTheCauseIsThisHost) {
  LoneAgent lone{{}, {"127.0.0.1:5000"}};
  lone.start({remote});
  lone.run_for(40s);
  EXPECT_EQ(lone.report().cause, Cause::no_local_candidates);
}

TEST(AgentFailure, WithoutACommonFamilyTheCauseIsThat) {
  LoneAgent lone;
  lone.start({"[2001:db8::1]:6000"});
  lone.run_for(40s);
  EXPECT_EQ(lone.report().cause, Cause::no_common_family);
}

TEST(AgentFailure, DnsThatNeverAnswersKeepsItWaitingWithoutSpinning) {
  AgentConfig config;
  config.servers = {*stun::Uri::parse("stun:stun.example.org")};
  LoneAgent lone{config};
  lone.start({remote});
  lone.run_for(100s);
  EXPECT_EQ(lone.state(), AgentState::checking);
  EXPECT_EQ(lone.agent().next_timeout(), std::nullopt);
  lone.agent().fail_server(lone.now, ServerId{0}, make_error_code(errc::name_not_resolved));
  lone.settle();
  EXPECT_EQ(lone.state(), AgentState::failed);
}

TEST(AgentFailure, APairThatThePeerNeverNominatesIsWaitedOnWhileItsAnswerIsConsent) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  lone.run_for(20s);
  ASSERT_TRUE(lone.add(LoneAgent::candidate(remote)));
  lone.run_for(10ms);
  for (const auto& sent : lone.take_sent()) lone.succeed(sent);  // at 20.01 s
  lone.run_for(29'999ms);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(1ms);
  EXPECT_EQ(lone.state(), AgentState::failed);
  EXPECT_EQ(lone.report().cause, Cause::nomination_failed);
}

TEST(AgentFailure, ANominationThatIsRefusedEndsTheSession) {
  LoneAgent lone;
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  lone.run_for(5ms);
  const auto nominating = lone.take_sent();
  ASSERT_EQ(nominating.size(), 1U);
  ASSERT_TRUE(nominating[0].nominates());
  lone.refuse(nominating[0], stun::ErrorCode::bad_request);
  EXPECT_EQ(lone.state(), AgentState::failed);  // RFC 8445 §7.2.5.3.4
  EXPECT_EQ(lone.report().cause, Cause::nomination_failed);
}

TEST(AgentFailure, ANominationThatIsNeverAnsweredEndsTheSession) {
  LoneAgent lone;
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  lone.run_for(39s);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(1s);
  EXPECT_EQ(lone.report().cause, Cause::nomination_failed);
}

TEST(AgentFailure, OnTheControlledSideToo) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  lone.check(remote, {.nominate = true});
  lone.run_for(38s);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(2s);
  EXPECT_EQ(lone.state(), AgentState::failed);  // RFC 8445 §7.3.1.5
  EXPECT_EQ(lone.report().cause, Cause::nomination_failed);
}

TEST(AgentFailure, AFailedAgentAnswers403SoThatItsPeerNeedNotWait) {
  LoneAgent lone;
  lone.start({});
  lone.run_for(40s);
  ASSERT_EQ(lone.state(), AgentState::failed);
  const auto heard = lone.check(remote);
  ASSERT_TRUE(heard.answer);
  EXPECT_EQ(test::error_code_of(heard.answer->message()), 403U);
  EXPECT_TRUE(heard.answer->message().authenticate(lone.local_key()));
  EXPECT_FALSE(lone.check(remote, {.password = "not the password of the agent"}).answer &&
               test::error_code_of(lone.check(remote, {.password = "x1x1x1x1x1x1x1x1x1x1x1"}).answer->message()) ==
                   403);
  EXPECT_EQ(lone.agent().next_timeout(), std::nullopt);
}

TEST(AgentFailure, IcmpIsEvidenceAndNeverAVerdict) {
  LoneAgent lone;
  lone.start({remote});
  for (int i = 0; i < 3; ++i)
    lone.agent().handle_socket(lone.now, SocketUnreachable{LoneAgent::socket, endpoint(remote), 3, 3});
  lone.agent().handle_socket(lone.now, SocketUnreachable{LoneAgent::socket, endpoint("198.51.100.1:6001"), 3, 3});
  lone.settle();
  EXPECT_EQ(lone.pair(remote).unreachable, 3U);
  EXPECT_EQ(lone.pair(remote).state, PairState::in_progress);
  lone.connect(remote);
}

}  // namespace
}  // namespace ice
