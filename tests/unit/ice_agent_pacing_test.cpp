// When transactions may begin (RFC 8445 §14): Ta, who decides it, and what shares it.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;

/// An agent that has this many pairs to check, each of its own foundation.
void add_many(LoneAgent& lone, int count) {
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.1:" + std::to_string(6000 + i), CandidateType::host,
                                              static_cast<std::uint16_t>(65535 - i), std::to_string(i))));
}

std::vector<Duration> gaps(const std::vector<LoneAgent::Sent>& sent) {
  std::vector<Duration> all;
  for (std::size_t i = 1; i < sent.size(); ++i) all.push_back(sent[i].at - sent[i - 1].at);
  return all;
}

// RFC 8445 §14.2: "Both agents MUST use the higher value of the proposed values"; silence means 50 ms.
TEST(AgentPacing, TheLargerProposalWinsAndSilenceMeansFiftyMilliseconds) {
  struct Case {
    std::chrono::milliseconds ours;
    std::optional<std::chrono::milliseconds> theirs;
    Duration ta;
  };
  for (const Case& each : {Case{5ms, 5ms, 5ms}, Case{5ms, 20ms, 20ms}, Case{30ms, 20ms, 30ms},
                           Case{5ms, std::nullopt, 50ms}, Case{80ms, std::nullopt, 80ms}, Case{5ms, 0ms, 5ms},
                           Case{0ms, 20ms, 20ms}, Case{1ms, 1ms, 5ms}, Case{5ms, 1h, 500ms}}) {
    AgentConfig config;
    config.pacing = each.ours;
    LoneAgent lone{config};
    lone.start({}, each.theirs);
    EXPECT_EQ(lone.report().pacing, each.ta);
    add_many(lone, 4);
    lone.run_for(3 * each.ta);
    if (each.ta < 100ms) {  // where no retransmission comes between
      EXPECT_EQ(gaps(lone.take_sent()), std::vector<Duration>(3, each.ta));
    }
  }
}

// RFC 8445 §14.2: "If an agent wants to use a Ta value other than the default value, the agent MUST indicate" it.
TEST(AgentPacing, OurProposalIsTold) {
  AgentConfig config;
  config.pacing = 7ms;
  EXPECT_EQ(LoneAgent{config}.agent().local_description().pacing, 7ms);
  config.pacing = 1ms;  // less than all agents of a host may do together
  EXPECT_EQ(LoneAgent{config}.agent().local_description().pacing, 5ms);
}

TEST(AgentPacing, WhereBothTurnItOffEverythingLeavesAtOnce) {
  AgentConfig config;
  config.pacing = 0ms;
  LoneAgent lone{config};
  lone.start({}, 0ms);
  add_many(lone, 5);
  EXPECT_EQ(lone.take_sent().size(), 5U);
}

// RFC 8445 §14.2: "as though there were one global Ta value for pacing all agents".
TEST(AgentPacing, AgentsThatShareAPacerTakeTurns) {
  Pacer pacer;
  LoneAgent a{{}, {"192.0.2.1:5000"}, &pacer, 1};
  LoneAgent b{{}, {"192.0.2.1:5001"}, &pacer, 2};
  LoneAgent c{{}, {"192.0.2.1:5002"}, &pacer, 3};
  std::vector<TimePoint> begun;
  for (LoneAgent* lone : {&a, &b, &c}) lone->start({});
  for (int i = 0; i < 5; ++i)
    for (LoneAgent* lone : {&a, &b, &c})
      ASSERT_TRUE(lone->add(LoneAgent::candidate("198.51.100.1:" + std::to_string(6000 + i), CandidateType::host,
                                                 static_cast<std::uint16_t>(100 - i), std::to_string(i))));
  for (int ms = 0; ms < 200; ++ms)
    for (LoneAgent* lone : {&a, &b, &c}) {
      lone->run_for(1ms);
      for (const auto& sent : lone->take_sent()) begun.push_back(sent.at);
    }
  ASSERT_EQ(begun.size(), 15U);
  std::sort(begun.begin(), begun.end());
  for (std::size_t i = 1; i < begun.size(); ++i) EXPECT_GE(begun[i] - begun[i - 1], 5ms);
  EXPECT_LE(begun.back() - begun.front(), 80ms);  // and no slot is wasted
}

// RFC 8445 §14.2 limits what all agents of a host do together. A peer's Ta is for its own session.
TEST(AgentPacing, APeerThatWantsItSlowSlowsNoOtherSession) {
  Pacer pacer;
  LoneAgent slow{{}, {"192.0.2.1:5000"}, &pacer, 1};
  LoneAgent quick{{}, {"192.0.2.1:5001"}, &pacer, 2};
  slow.start({}, 5000ms);
  quick.start({}, 5ms);
  add_many(slow, 4);
  add_many(quick, 20);
  std::vector<TimePoint> begun;
  for (TimePoint end{}; end < TimePoint{} + 400ms; end += 1ms) {  // where no retransmission comes between
    slow.run_until(end);
    quick.run_until(end);
    for (const auto& sent : quick.take_sent()) begun.push_back(sent.at);
  }
  ASSERT_EQ(begun.size(), 20U);
  EXPECT_LE(begun.back() - begun.front(), 20 * 5ms);  // one slot of them was the other's
  const Duration ta = slow.report().pacing;
  slow.run_for(ta);
  const auto sent = slow.take_sent();
  const auto second =
      std::find_if(sent.begin(), sent.end(), [&](const auto& each) { return each.packet.to != sent[0].packet.to; });
  ASSERT_NE(second, sent.end());
  EXPECT_EQ(second->at - sent[0].at, ta);
  for (const TimePoint at : begun) EXPECT_GE(std::max(at, sent[0].at) - std::min(at, sent[0].at), 5ms);
  for (std::size_t i = 1; i < begun.size(); ++i) EXPECT_GE(begun[i] - begun[i - 1], 5ms);
}

// RFC 8445 §14.3: at least 500 ms, and more where there is more to do.
TEST(AgentPacing, TheRtoOfACheckGrowsWithTheNumberOfChecks) {
  LoneAgent lone;
  lone.start({"198.51.100.1:6000"}, std::nullopt);  // Ta is 50 ms
  lone.run_for(4s);
  EXPECT_EQ(gaps(lone.take_sent()).at(0), 500ms);
  LoneAgent another;
  another.gather();
  auto told = LoneAgent::description({}, std::nullopt);
  for (int i = 0; i < 30; ++i)
    told.streams[0].candidates.push_back(
        LoneAgent::candidate("198.51.100.1:" + std::to_string(6000 + i), CandidateType::host,
                             static_cast<std::uint16_t>(65535 - i), std::to_string(i)));
  another.describe(told);
  another.run_for(4s);
  EXPECT_EQ(gaps(another.take_sent_to("198.51.100.1:6000")).at(0), 1500ms);  // 30 times 50 ms
}

// A transaction takes 79 RTOs, and an agent fails once all have ended: a peer must not make that last for ever.
TEST(AgentPacing, HoweverLongTheListAndSlowThePeerItEndsInMinutes) {
  constexpr int count = 80;
  AgentConfig config;
  config.limits.remote_candidates = count;
  for (const std::chrono::milliseconds theirs : {std::chrono::milliseconds{50}, std::chrono::milliseconds{1h}}) {
    LoneAgent lone{config};
    lone.start({}, theirs);
    add_many(lone, count);
    ASSERT_EQ(lone.report().pairs.size(), std::size_t{count});
    lone.run_for(count * lone.report().pacing + 79 * 2s);  // the last to begin, with the longest RTO
    EXPECT_EQ(lone.state(), AgentState::failed);
  }
}

// Of one foundation one pair is checked at a time, which would take 80 transactions; patience bounds that.
TEST(AgentPacing, ManyDeadPairsOfOneFoundationAreAllCheckedAndEndATransactionAfterPatience) {
  constexpr int count = 80;
  AgentConfig config;
  config.limits.remote_candidates = count;
  LoneAgent lone{config};
  lone.start({});
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.1:" + std::to_string(6000 + i))));
  lone.run_for(39s);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(500ms + count * 5ms + 39'500ms);
  EXPECT_EQ(lone.state(), AgentState::failed);
  for (const PairReport& pair : lone.report().pairs) {
    EXPECT_EQ(pair.requests_sent, 7U);
    EXPECT_EQ(pair.cause, Cause::no_response);
  }
}

// Triggered checks first, the peer waits for them; then servers, which the peer waits for too; then the rest.
TEST(AgentPacing, GatheringAndChecksShareTheSlots) {
  AgentConfig config = controlled_config();
  for (const std::string_view uri : {"stun:203.0.113.1", "stun:203.0.113.2"})
    config.servers.push_back(*stun::Uri::parse(uri));
  Pacer pacer;
  LoneAgent lone{config, {"192.0.2.1:5000"}, &pacer};
  static_cast<void>(pacer.reserve(lone.now, 5ms));
  lone.start({"198.51.100.1:6000"});
  lone.check("198.51.100.1:7000");
  lone.run_for(100ms);
  std::vector<Endpoint> order;
  const auto sent = lone.take_sent();
  for (const auto& each : sent) order.push_back(each.packet.to);
  EXPECT_EQ(order, (std::vector{endpoint("198.51.100.1:7000"), endpoint("203.0.113.1:3478"),
                                endpoint("203.0.113.2:3478"), endpoint("198.51.100.1:6000")}));
  EXPECT_EQ(gaps(sent), std::vector<Duration>(3, 5ms));
}

}  // namespace
}  // namespace ice
