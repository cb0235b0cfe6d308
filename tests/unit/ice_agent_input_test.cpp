// What an agent makes of what arrives: from whom it takes checks, answers and data, and what bad input costs.

#include <gtest/gtest.h>

#include <string>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::error_code_of;
using test::LoneAgent;
using test::PeerCheck;

constexpr std::string_view remote = "198.51.100.1:6000";
constexpr std::string_view elsewhere = "203.0.113.9:7000";
constexpr std::string_view a_password = "notThePasswordOfAnybody12";

unsigned error_of(const LoneAgent::Heard& heard) { return heard.answer ? error_code_of(heard.answer->message()) : 0; }

// RFC 8489 §9.1.3.
TEST(AgentInput, AnswersAStrangersCheckWith400Or401AndLearnsNothingFromIt) {
  LoneAgent lone;
  lone.start({remote});
  lone.take_sent();
  struct Case {
    PeerCheck check;
    unsigned code;
  };
  const Case cases[] = {
      {{.to_ufrag = "stranger"}, 401},              // to somebody else
      {{.username = "peerUfrag"}, 401},             // of one half
      {{.username = ""}, 400},                      // none at all
      {{.sign = false}, 400},                       // no MESSAGE-INTEGRITY
      {{.password = std::string{a_password}}, 401}  // signed by somebody else
  };
  for (const Case& each : cases) {
    const auto heard = lone.check(elsewhere, each.check);
    EXPECT_EQ(heard.verdict, Verdict::unauthenticated);
    EXPECT_EQ(error_of(heard), each.code);
    ASSERT_TRUE(heard.answer);
    EXPECT_EQ(heard.answer->to, endpoint(elsewhere));
    EXPECT_TRUE(heard.answer->message().check_fingerprint());
    EXPECT_EQ(heard.answer->message().integrity(), stun::Integrity::none);
  }
  const ConnectivityReport report = lone.report();
  EXPECT_EQ(report.ignored.unauthenticated, std::size(cases));
  EXPECT_EQ(report.remote_candidates.size(), 1U);
  EXPECT_FALSE(report.first_check_heard);
  EXPECT_EQ(lone.receive_text("data", elsewhere).verdict, Verdict::not_mine);
}

TEST(AgentInput, ErrorsToStrangersAreFewASecondSinceTheirSourceMayBeForged) {
  LoneAgent lone;
  lone.start({remote});
  for (int second = 0; second < 3; ++second) {
    int answers = 0;
    for (int i = 0; i < 500; ++i) {
      if (lone.check(elsewhere, {.to_ufrag = "stranger"}).answer) ++answers;
      lone.run_for(1ms);
    }
    EXPECT_EQ(answers, 10);
    EXPECT_TRUE(lone.check(remote).answer);  // the peer does not suffer
    lone.run_for(500ms);
  }
  EXPECT_EQ(lone.report().ignored.unauthenticated, 1500U);
}

// RFC 8445 §7.3: a user name is valid if its first half is ours. The second is another peer's, as where an offer was
// forked and this agent talks with another branch.
TEST(AgentInput, ACheckOfAnotherSessionsPeerIsAnsweredAndChangesNothing) {
  LoneAgent lone;
  lone.start({remote});
  PeerCheck check{.from_ufrag = "stranger", .role = Role::controlling, .tie_breaker = UINT64_MAX, .nominate = true};
  for (const Role role : {Role::controlling, Role::controlled}) {
    check.role = role;
    const auto heard = lone.check(elsewhere, check);
    ASSERT_TRUE(heard.answer);
    EXPECT_EQ(heard.answer->message().message_class(), stun::Class::success_response);
    EXPECT_EQ(lone.agent().role(), Role::controlling);
  }
  const ConnectivityReport report = lone.report();
  EXPECT_EQ(report.role_switches, 0U);
  EXPECT_EQ(report.remote_candidates.size(), 1U);
  EXPECT_EQ(report.ignored.unauthenticated, 2U);
  EXPECT_FALSE(report.first_check_heard);
  EXPECT_EQ(lone.receive_text("data", elsewhere).verdict, Verdict::not_mine);
}

// RFC 8445 §6.1.2.5: the limit is one of checks, so a pair that is tried again counts again.
TEST(AgentInput, PairsThatFailedAndAreTriggeredAgainStayWithinTheLimit) {
  AgentConfig config = controlled_config();
  config.limits.pairs = 3;
  LoneAgent lone{config};
  lone.start({});
  const auto at = [](int i) { return "198.51.100.1:" + std::to_string(6000 + i); };
  const auto open = [&] {
    std::size_t count = 0;
    for (const PairReport& pair : lone.report().pairs)
      if (pair.state != PairState::failed) ++count;
    return count;
  };
  for (int i = 0; i < 3; ++i) lone.check(at(i));
  lone.run_for(5ms);
  for (const auto& sent : lone.take_sent()) lone.refuse(sent, stun::ErrorCode::bad_request);
  lone.run_for(10ms);
  for (const auto& sent : lone.take_sent()) lone.refuse(sent, stun::ErrorCode::bad_request);
  ASSERT_EQ(open(), 0U);
  for (int i = 3; i < 6; ++i) lone.check(at(i));
  ASSERT_EQ(open(), 3U);
  for (int i = 0; i < 6; ++i) lone.check(at(i));
  EXPECT_EQ(open(), 3U);
  EXPECT_EQ(lone.report().ignored.over_limit, 3U);
}

TEST(AgentInput, NobodyIsAnsweredAtASourceThatNobodyCanHave) {
  LoneAgent lone;
  lone.start({remote});
  for (const std::string_view from : {"198.51.100.1:0", "0.0.0.0:6000", "224.0.0.1:6000", "[ff02::1]:6000"}) {
    const auto heard = lone.check(from);
    EXPECT_EQ(heard.verdict, Verdict::malformed);
    EXPECT_FALSE(heard.answer);
    EXPECT_EQ(lone.receive_text("data", from).verdict, Verdict::malformed);
  }
  EXPECT_EQ(lone.report().remote_candidates.size(), 1U);
  EXPECT_EQ(lone.report().ignored.malformed, 8U);
}

// Nothing bounds how often a peer may signal what its checks have revealed, except this.
TEST(AgentInput, CandidatesThatChecksRevealedFirstCountAgainstTheLimitOnceTheyAreSignalled) {
  AgentConfig config = controlled_config();
  config.limits.remote_candidates = 4;
  LoneAgent lone{config};
  lone.start({});
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string at = "198.51.100.1:" + std::to_string(6000 + i);
    lone.check(at);
    if (lone.add(LoneAgent::candidate(at))) ++taken;
  }
  EXPECT_EQ(taken, config.limits.remote_candidates);
  EXPECT_EQ(lone.report().remote_candidates.size(), config.limits.remote_candidates + config.limits.peer_reflexive);
}

}  // namespace
}  // namespace ice
