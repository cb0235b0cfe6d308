// Consent to send, and keepalives where it is not asked for (RFC 7675, RFC 8445 §11 and §12).

#include <gtest/gtest.h>

#include <set>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;

constexpr std::string_view remote = "198.51.100.1:6000";
constexpr std::string_view elsewhere = "198.51.100.1:7000";

// RFC 7675 §5.1: intervals of 4 to 6 s, at random; each request a new transaction, never sent again.
TEST(AgentConsent, IsAskedForEveryFourToSixSecondsByANewRequestEachTime) {
  LoneAgent lone;
  lone.connect(remote);
  TimePoint last = lone.now;
  std::set<stun::TransactionId> ids;
  std::set<Duration> intervals;
  for (int i = 0; i < 100; ++i) {
    lone.run_for(6s);
    for (const auto& sent : lone.take_sent()) {
      EXPECT_TRUE(ids.insert(sent.message().transaction_id()).second);
      EXPECT_TRUE(sent.message().authenticate(LoneAgent::peer_key()));
      EXPECT_FALSE(sent.nominates());
      EXPECT_GE(sent.at - last, 4s);
      EXPECT_LE(sent.at - last, 6s);
      intervals.insert(sent.at - last);
      last = sent.at;
      lone.succeed(sent);
    }
  }
  EXPECT_EQ(lone.state(), AgentState::connected);
  EXPECT_GE(ids.size(), 100U);
  EXPECT_GT(intervals.size(), 90U);
  EXPECT_LT(*intervals.begin(), 4200ms);
  EXPECT_GT(*intervals.rbegin(), 5800ms);
}

// RFC 7675 §5.1: "Consent expires after 30 seconds".
TEST(AgentConsent, ExpiresThirtySecondsAfterTheLastAnswer) {
  LoneAgent lone;
  lone.connect(remote);
  lone.run_for(10s);
  const auto sent = lone.take_sent();
  ASSERT_FALSE(sent.empty());
  lone.succeed(sent.back());
  const TimePoint heard = lone.now;
  EXPECT_EQ(lone.report().consent_refreshed, heard);
  lone.run_until(heard + 30s - 1ns);
  EXPECT_EQ(lone.state(), AgentState::connected);
  EXPECT_TRUE(lone.send("still allowed"));
  lone.run_for(1ns);
  EXPECT_EQ(lone.state(), AgentState::disconnected);
  EXPECT_EQ(lone.report().cause, Cause::consent_expired);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  lone.take_sent();
  lone.run_for(60s);
  EXPECT_TRUE(lone.take_sent().empty());
}

TEST(AgentConsent, DataIsRefusedAfterThirtySecondsEvenWhereNoTimerHasRun) {
  LoneAgent lone;
  lone.connect(remote);
  lone.now += 30s;
  EXPECT_EQ(lone.agent().wrap(lone.now, ComponentId{1}, {}, {}).error(), errc::no_consent);
}

// RFC 7675 §5.1: "a response might be for a previous request".
TEST(AgentConsent, AnAnswerToAnEarlierRequestCounts) {
  LoneAgent lone;
  lone.connect(remote);
  lone.run_for(25s);
  const auto sent = lone.take_sent();
  ASSERT_GE(sent.size(), 4U);
  lone.succeed(sent[0]);
  lone.run_for(29s);
  EXPECT_EQ(lone.state(), AgentState::connected);
  lone.succeed(sent[0]);  // once is enough
  EXPECT_EQ(lone.report().ignored.unexpected_responses, 1U);
}

// RFC 7675 §5.1: "received from the remote peer's transport address", "authenticated, non-error".
TEST(AgentConsent, OnlyAnAuthenticSuccessFromThePeersAddressRefreshesIt) {
  LoneAgent lone;
  lone.connect(remote);
  const auto refreshed = lone.report().consent_refreshed;
  lone.run_for(25s);
  const auto sent = lone.take_sent();
  ASSERT_GE(sent.size(), 4U);
  const auto wrong = *stun::Credential::short_term("notThePasswordOfThePeer12");
  EXPECT_EQ(lone.receive(LoneAgent::success_for(sent[0], "192.0.2.1:5000", wrong), remote).verdict,
            Verdict::unauthenticated);
  lone.receive(LoneAgent::error_for(sent[0], stun::ErrorCode::forbidden, wrong), remote);
  lone.receive(LoneAgent::success_for(sent[1], "192.0.2.1:5000"), elsewhere);
  lone.refuse(sent[2], stun::ErrorCode::server_error);
  EXPECT_EQ(lone.state(), AgentState::connected);
  EXPECT_EQ(lone.report().consent_refreshed, refreshed);
  EXPECT_EQ(lone.pair(remote).unauthenticated, 2U);
  EXPECT_EQ(lone.pair(remote).error_code, 500U);
  lone.run_for(5s);
  EXPECT_EQ(lone.state(), AgentState::disconnected);
}

// RFC 7675 §5.2.
TEST(AgentConsent, IsRevokedByAnAuthentic403) {
  LoneAgent lone;
  lone.connect(remote);
  lone.run_for(6s);
  lone.refuse(lone.take_sent().at(0), stun::ErrorCode::forbidden);
  EXPECT_EQ(lone.state(), AgentState::disconnected);
  EXPECT_EQ(lone.report().cause, Cause::consent_revoked);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

// RFC 7675 §5.1: answers after the expiry "do not re-establish consent".
TEST(AgentConsent, DoesNotComeBack) {
  LoneAgent lone;
  lone.connect(remote);
  lone.run_for(31s);
  ASSERT_EQ(lone.state(), AgentState::disconnected);
  for (const auto& sent : lone.take_sent()) lone.succeed(sent);
  EXPECT_EQ(lone.state(), AgentState::disconnected);
  EXPECT_EQ(lone.receive_text("data", remote).verdict, Verdict::not_mine);
  EXPECT_EQ(test::error_code_of(lone.check(remote).answer->message()), 403U);
}

TEST(AgentConsent, TheAnswerThatSelectedThePairIsTheFirst) {
  LoneAgent lone;
  lone.connect(remote);
  const auto since = lone.report().consent_refreshed;
  ASSERT_TRUE(since);
  lone.run_until(*since + 30s);
  EXPECT_EQ(lone.state(), AgentState::disconnected);
}

TEST(AgentConsent, RunsFromTheAnswerAndNotFromTheNomination) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  const TimePoint answered = lone.now;
  lone.run_for(10s);
  lone.check(remote, {.nominate = true});
  ASSERT_EQ(lone.state(), AgentState::connected);
  lone.run_until(answered + 30s - 1ns);
  EXPECT_EQ(lone.state(), AgentState::connected);
  lone.run_for(1ns);
  EXPECT_EQ(lone.state(), AgentState::disconnected);
}

// RFC 8445 §12.1: data may be sent on any valid pair; RFC 7675 §5.1: not without consent.
TEST(AgentConsent, DataGoesThroughAValidPairBeforeOneIsSelectedForAsLongAsItsAnswerIsConsent) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
  lone.succeed(lone.take_sent().at(0));
  EXPECT_EQ(*lone.send("x"), endpoint(remote));
  lone.run_for(29'999ms);
  EXPECT_TRUE(lone.send("x"));
  lone.run_for(1ms);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

// RFC 8445 §11: keepalives "for each candidate pair used for sending data".
TEST(AgentConsent, AValidPairThatCarriesDataBeforeOneIsSelectedIsKeptByAnIndication) {
  for (const bool used : {false, true}) {
    LoneAgent lone{controlled_config()};
    lone.start({remote});
    lone.succeed(lone.take_sent().at(0));
    lone.run_for(2s);
    const TimePoint last = lone.now;
    if (used) {
      ASSERT_TRUE(lone.send("x"));
    }
    lone.run_for(60s);
    const auto sent = lone.take_sent();
    if (!used) {
      EXPECT_TRUE(sent.empty());
      continue;
    }
    ASSERT_EQ(sent.size(), 1U) << "at 32 s the pair is no longer one for data";
    EXPECT_TRUE(sent[0].is(stun::Class::indication));
    EXPECT_TRUE(sent[0].message().check_fingerprint());
    EXPECT_EQ(sent[0].packet.to, endpoint(remote));
    EXPECT_EQ(sent[0].at, last + 15s);
  }
}

TEST(AgentConsent, BeforeOneIsSelectedDataTakesTheBestOfThePairsWhoseAnswerIsStillConsent) {
  constexpr std::string_view lower = "198.51.100.2:6000";
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  lone.run_for(20s);
  ASSERT_TRUE(lone.add(LoneAgent::candidate(lower, CandidateType::host, 100, "2")));
  lone.run_for(5ms);
  lone.succeed(lone.take_sent_to(lower).at(0));
  EXPECT_EQ(*lone.send("x"), endpoint(remote));
  lone.run_for(10s);
  EXPECT_EQ(*lone.send("x"), endpoint(lower));
  lone.run_for(20s);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

// RFC 7675 §5.1: a "non-error" response. Found by the fuzzer.
TEST(AgentConsent, AnErrorResponseToACheckOfAValidPairIsNone) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  const TimePoint answered = lone.now;
  lone.run_for(20s);
  lone.check(remote, {.nominate = true});  // checked once more
  lone.run_for(5ms);
  const auto replaced = lone.take_sent().at(0);
  lone.check(remote, {.nominate = true});
  lone.refuse(replaced, stun::ErrorCode::server_error);
  lone.run_until(answered + 30s - 1ns);
  EXPECT_TRUE(lone.send("x"));
  lone.run_for(1ns);
  EXPECT_EQ(lone.send("x").error(), errc::no_consent);
}

TEST(AgentConsent, AnotherComponentThanTheFirstIsRefused) {
  LoneAgent lone;
  lone.connect(remote);
  EXPECT_EQ(lone.agent().wrap(lone.now, ComponentId{2}, {}, {}).error(), errc::invalid_argument);
}

// RFC 8445 §11: Tr is 15 s since the last packet; a Binding indication with FINGERPRINT and nothing else.
TEST(AgentConsent, WhereItIsOffAnIndicationKeepsTheMappingAfterFifteenSilentSeconds) {
  AgentConfig config;
  config.consent = false;
  LoneAgent lone{config};
  lone.connect(remote);
  const TimePoint connected = lone.now;
  lone.run_for(40s);
  auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(sent[i].at, connected + 15s * (i + 1));
    EXPECT_TRUE(sent[i].is(stun::Class::indication));
    EXPECT_EQ(sent[i].packet.bytes().size(), 28U);
    EXPECT_TRUE(sent[i].message().check_fingerprint());
    EXPECT_EQ(sent[i].packet.to, endpoint(remote));
  }
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(lone.send("data"));
    lone.run_for(5s);
  }
  EXPECT_TRUE(lone.take_sent().empty());
  lone.run_for(10s);
  EXPECT_EQ(lone.take_sent().size(), 1U);
  lone.run_for(1h);
  EXPECT_EQ(lone.state(), AgentState::connected);
}

// RFC 8445 §11: "an agent MUST be prepared to receive" them.
TEST(AgentConsent, AnIndicationOfThePeerIsTakenInSilence) {
  LoneAgent lone;
  lone.connect(remote);
  const auto indication = test::stun_message(stun::Class::indication, stun::TransactionId::random(lone.random),
                                             [](stun::Builder& builder) { builder.fingerprint(); });
  const auto heard = lone.receive(indication, remote);
  EXPECT_EQ(heard.verdict, Verdict::handled);
  EXPECT_FALSE(heard.answer);
  EXPECT_TRUE(lone.take_sent().empty());
}

}  // namespace
}  // namespace ice
