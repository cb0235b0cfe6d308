// Which pair is selected, by whom and when: RFC 8445 §7.2.5.3.4, §7.3.1.5 and §8.1.

#include <gtest/gtest.h>

#include <algorithm>

#include "support/lone_agent.hpp"
#include "support/two_agents.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;
using test::TwoAgents;

constexpr std::string_view first = "198.51.100.1:6000";
constexpr std::string_view second = "198.51.100.2:6000";
constexpr std::string_view third = "198.51.100.3:6000";

/// Candidates of three priorities: `first` is the best.
void add_three(LoneAgent& lone) {
  ASSERT_TRUE(lone.add(LoneAgent::candidate(first, CandidateType::host, 65535, "1")));
  ASSERT_TRUE(lone.add(LoneAgent::candidate(second, CandidateType::host, 65000, "2")));
  ASSERT_TRUE(lone.add(LoneAgent::candidate(third, CandidateType::server_reflexive, 65535, "3")));
}

const LoneAgent::Sent& sent_to(const std::vector<LoneAgent::Sent>& all, std::string_view to) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.packet.to == endpoint(to); });
  EXPECT_NE(found, all.end());
  return *found;
}

std::size_t nominating(const std::vector<LoneAgent::Sent>& all) {
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& s) { return s.nominates(); }));
}

TEST(AgentNomination, OrdinaryChecksCarryNoNominationAndTheNominationRepeatsTheCheckOfThePair) {
  LoneAgent lone;
  lone.start({first});
  const auto ordinary = lone.take_sent();
  ASSERT_EQ(ordinary.size(), 1U);
  EXPECT_FALSE(ordinary[0].nominates());
  lone.succeed(ordinary[0]);
  EXPECT_EQ(lone.state(), AgentState::checking);
  EXPECT_EQ(lone.events_of<FirstPairValid>().size(), 1U);
  lone.run_for(5ms);
  const auto nomination = lone.take_sent();
  ASSERT_EQ(nomination.size(), 1U);
  EXPECT_TRUE(nomination[0].nominates());
  EXPECT_EQ(nomination[0].packet.to, endpoint(first));
  EXPECT_NE(nomination[0].message().transaction_id(), ordinary[0].message().transaction_id());
  EXPECT_TRUE(lone.events_of<PairSelected>().empty());
  lone.succeed(nomination[0]);
  EXPECT_EQ(lone.state(), AgentState::connected);
  ASSERT_EQ(lone.events_of<PairSelected>().size(), 1U);
  EXPECT_EQ(lone.events_of<PairSelected>()[0].remote.endpoint, endpoint(first));
  EXPECT_EQ(lone.events_of<PairSelected>()[0].local.endpoint, endpoint("192.0.2.1:5000"));
  EXPECT_TRUE(lone.pair(first).nominated);
}

TEST(AgentNomination, ThePairOfHighestPriorityIsNominatedAtOnce) {
  LoneAgent lone;
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  const auto checks = lone.take_sent();
  ASSERT_EQ(checks.size(), 3U);
  lone.succeed(sent_to(checks, first));
  lone.run_for(5ms);
  const auto after = lone.take_sent();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_TRUE(after[0].nominates());
}

TEST(AgentNomination, APairThatIsNoBetterIsNotWaitedFor) {
  LoneAgent lone;
  lone.start({});
  ASSERT_TRUE(lone.add(LoneAgent::candidate(first, CandidateType::host, 65535, "1")));
  ASSERT_TRUE(lone.add(LoneAgent::candidate(second, CandidateType::host, 65535, "2")));
  lone.run_for(10ms);
  lone.succeed(sent_to(lone.take_sent(), second));
  lone.run_for(5ms);
  EXPECT_EQ(nominating(lone.take_sent()), 1U);
}

TEST(AgentNomination, ABetterPairThatIsUnderWayIsWaitedForAsLongAsItsAnswerWouldTake) {
  LoneAgent lone;
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  const auto checks = lone.take_sent();
  ASSERT_EQ(checks.size(), 3U);
  lone.run_for(20ms);  // 30 ms after the third check left
  lone.succeed(sent_to(checks, third));
  // Round trip 30 ms, times three: 90 ms from when the second left, which is 5 ms before the third did.
  lone.run_for(50ms);
  EXPECT_EQ(nominating(lone.take_sent()), 0U);
  lone.run_for(15ms);
  const auto after = lone.take_sent();
  EXPECT_EQ(nominating(after), 1U);
  EXPECT_EQ(after.back().packet.to, endpoint(third));
}

TEST(AgentNomination, ABetterPairThatSucceedsMeanwhileIsNominatedInstead) {
  LoneAgent lone;
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  const auto checks = lone.take_sent();
  lone.run_for(20ms);
  lone.succeed(sent_to(checks, third));
  lone.succeed(sent_to(checks, first));
  lone.run_for(5ms);
  const auto after = lone.take_sent();
  ASSERT_EQ(nominating(after), 1U);
  EXPECT_EQ(after.back().packet.to, endpoint(first));
}

TEST(AgentNomination, NothingIsWaitedForLongerThanASecond) {
  LoneAgent lone;
  lone.start({}, std::nullopt);           // Ta is 50 ms
  for (std::uint16_t i = 0; i < 40; ++i)  // so it would take two seconds to check them all
    ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.9:" + std::to_string(1000 + i), CandidateType::host,
                                              static_cast<std::uint16_t>(65535 - i), std::to_string(i))));
  ASSERT_TRUE(lone.add(LoneAgent::candidate(third, CandidateType::server_reflexive, 65535, "99")));
  lone.check(third);
  lone.run_for(50ms);
  lone.succeed(sent_to(lone.take_sent(), third));
  lone.run_for(999ms);
  EXPECT_EQ(nominating(lone.take_sent()), 0U);
  lone.run_for(51ms);  // the nomination takes the next slot
  EXPECT_EQ(nominating(lone.take_sent()), 1U);
}

/// The pair of a relayed candidate of the peer is valid, and that of a direct one is checked and not answered.
void succeed_by_relay(LoneAgent& lone) {
  lone.start({});
  ASSERT_TRUE(lone.add(LoneAgent::candidate(first, CandidateType::server_reflexive, 65535, "1")));
  ASSERT_TRUE(lone.add(LoneAgent::candidate(second, CandidateType::relayed, 65535, "2")));
  lone.run_for(10ms);
  const auto checks = lone.take_sent();
  ASSERT_EQ(checks.size(), 2U);
  lone.succeed(sent_to(checks, second));
}

TEST(AgentNomination, ARelayedPairIsNominatedOnceTheDirectOnesHaveBeenCheckedTwice) {
  LoneAgent lone;
  succeed_by_relay(lone);
  lone.run_for(20ms);
  const auto again = lone.take_sent();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].packet.to, endpoint(first));
  EXPECT_FALSE(again[0].nominates());
  lone.run_for(30ms);
  const auto nomination = lone.take_sent();
  ASSERT_EQ(nomination.size(), 1U);
  EXPECT_TRUE(nomination[0].nominates());
  EXPECT_EQ(nomination[0].packet.to, endpoint(second));
}

TEST(AgentNomination, TheSecondCheckOfADirectPairMayBeTheOneThatGetsThrough) {
  LoneAgent lone;
  succeed_by_relay(lone);
  lone.run_for(20ms);
  lone.succeed(sent_to(lone.take_sent(), first));
  lone.run_for(5ms);
  const auto nomination = lone.take_sent();
  ASSERT_EQ(nominating(nomination), 1U);
  EXPECT_EQ(nomination.back().packet.to, endpoint(first));
}

// It may be its own check that has to come after one of the peer.
TEST(AgentNomination, TheControlledSideChecksDirectPairsTwiceAsWell) {
  LoneAgent lone{controlled_config()};
  succeed_by_relay(lone);
  lone.run_for(400ms);
  const auto again = lone.take_sent();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].packet.to, endpoint(first));
}

TEST(AgentNomination, ADirectPairIsNominatedWithoutCheckingABetterOneTwice) {
  LoneAgent lone;
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  lone.succeed(sent_to(lone.take_sent(), third));
  lone.run_for(60ms);
  const auto after = lone.take_sent();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_TRUE(after[0].nominates());
}

TEST(AgentNomination, ExactlyOnePairIsEverNominated) {
  LoneAgent lone;
  lone.start({});
  add_three(lone);
  std::size_t transactions = 0;
  stun::TransactionId last{};
  for (int i = 0; i < 100; ++i) {
    lone.run_for(100ms);
    for (const auto& sent : lone.take_sent()) {
      if (!sent.nominates())
        lone.succeed(sent);
      else if (sent.message().transaction_id() != last) {
        ++transactions;
        last = sent.message().transaction_id();
        EXPECT_EQ(sent.packet.to, endpoint(first));
      }
      if (sent.nominates() && i > 50) lone.succeed(sent);
    }
  }
  EXPECT_EQ(transactions, 1U);
  EXPECT_EQ(lone.state(), AgentState::connected);
}

TEST(AgentNomination, OnceAPairIsSelectedTheOthersAreSupersededAndTheirChecksStop) {
  LoneAgent lone;
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  lone.succeed(sent_to(lone.take_sent(), first));
  lone.run_for(5ms);
  lone.succeed(lone.take_sent().at(0));
  ASSERT_EQ(lone.state(), AgentState::connected);
  lone.run_for(3s);
  EXPECT_TRUE(lone.take_sent().empty());  // RFC 8445 §8.1.2; consent comes after four seconds
  EXPECT_EQ(lone.pair(second).state, PairState::failed);
  EXPECT_EQ(lone.pair(second).cause, Cause::superseded);
  EXPECT_EQ(lone.pair(third).cause, Cause::superseded);
}

TEST(AgentNomination, ChecksOnAnyPairAreAnsweredAfterwardsWithoutChangingAnything) {
  LoneAgent lone{controlled_config()};
  lone.connect(first);
  for (const std::string_view from : {first, second}) {
    const auto heard = lone.check(from);
    ASSERT_TRUE(heard.answer);
    EXPECT_EQ(heard.answer->message().message_class(), stun::Class::success_response);
  }
  lone.run_for(3s);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_EQ(lone.pair(second).state, PairState::failed);
  EXPECT_EQ(lone.pair(second).cause, Cause::superseded);
  EXPECT_EQ(lone.events_of<PairSelected>().size(), 1U);
}

TEST(AgentNomination, TheControlledAgentSelectsAPairThatHasSucceededAsSoonAsItIsNominated) {
  LoneAgent lone{controlled_config()};
  lone.start({first});
  lone.succeed(lone.take_sent().at(0));
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.check(first, {.nominate = true});
  EXPECT_EQ(lone.state(), AgentState::connected);
}

TEST(AgentNomination, ANominatedPairThatHasNotSucceededIsCheckedFirst) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  lone.check(first, {.nominate = true});
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.run_for(5ms);
  lone.succeed(lone.take_sent().at(0));
  EXPECT_EQ(lone.state(), AgentState::connected);
}

TEST(AgentNomination, TheControlledAgentNeverNominates) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  add_three(lone);
  for (int i = 0; i < 20; ++i) {
    lone.run_for(1s);
    const auto sent = lone.take_sent();
    EXPECT_EQ(nominating(sent), 0U);
    for (const auto& each : sent) lone.succeed(each);
  }
}

TEST(AgentNomination, ALateNominationDoesNotLoseConsentBeforeItWasEverAskedFor) {
  for (const Duration late : {Duration{20s}, Duration{29s}, Duration{31s}, Duration{35s}}) {
    LoneAgent lone{controlled_config()};
    lone.start({first});
    lone.succeed(lone.take_sent().at(0));
    lone.run_for(late);
    lone.check(first, {.nominate = true});
    for (int i = 0; i < 500; ++i) {
      lone.run_for(100ms);
      for (const auto& sent : lone.take_sent()) lone.succeed(sent);
    }
    EXPECT_EQ(lone.state(), AgentState::connected) << late.count();
  }
}

TEST(AgentNomination, OfAPeerThatNominatesEveryCheckTheBestPairIsSelectedInTheEnd) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  auto checks = lone.take_sent();
  lone.check(third, {.nominate = true});  // RFC 5245 §8.1.1.2
  lone.run_for(5ms);
  lone.succeed(sent_to(lone.take_sent(), third));
  ASSERT_EQ(lone.state(), AgentState::connected);
  lone.check(second, {.nominate = true});
  lone.run_for(5ms);
  lone.succeed(sent_to(lone.take_sent(), second));
  lone.check(first, {.nominate = true});
  lone.run_for(5ms);
  lone.succeed(sent_to(lone.take_sent(), first));
  // A worse one changes nothing (RFC 8445 §8.1.1: the pair of the highest priority).
  lone.check(second, {.nominate = true});
  lone.run_for(100ms);
  EXPECT_TRUE(lone.take_sent().empty());
  std::vector<Endpoint> selected;
  for (const PairSelected& told : lone.events_of<PairSelected>()) selected.push_back(told.remote.endpoint);
  EXPECT_EQ(selected, (std::vector{endpoint(third), endpoint(second), endpoint(first)}));
  EXPECT_TRUE(lone.pair(first).selected);
  EXPECT_FALSE(lone.pair(third).selected);
}

TEST(AgentNomination, OfSeveralNominatedPairsOneThatFailsDoesNotDecide) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  lone.check(first, {.nominate = true});  // never answers us
  lone.run_for(20s);
  lone.take_sent();
  lone.check(second, {.nominate = true});
  lone.run_for(25s);
  EXPECT_EQ(lone.pair(first).state, PairState::failed);
  EXPECT_EQ(lone.state(), AgentState::checking);
  lone.succeed(sent_to(lone.take_sent(), second));
  EXPECT_EQ(lone.state(), AgentState::connected);
}

// RFC 8445 §7.2.5.3.2: the priority of a valid pair is that of the candidate that the peer saw. Behind a NAT it is less
// than that of the base, and the peer, whose word on the order counts as much, knows no other.
TEST(AgentNomination, OfTwoValidPairsTheOneThatNoNatHasMappedIsBetter) {
  LoneAgent lone{{}, {"192.0.2.1:5000", "192.0.2.9:5000"}};
  lone.start({first});
  lone.run_for(10ms);
  const auto checks = lone.take_sent();
  ASSERT_EQ(checks.size(), 2U);
  ASSERT_EQ(checks[0].packet.socket, SocketId{1});  // the one that is liked best
  lone.succeed(checks[1], "192.0.2.9:5000");
  lone.succeed(checks[0], "203.0.113.1:40000");
  lone.run_for(5ms);
  const auto nomination = lone.take_sent();
  ASSERT_EQ(nominating(nomination), 1U);
  EXPECT_EQ(nomination.back().packet.socket, SocketId{2});
}

TEST(AgentNomination, ASecondNominationOfAPairThatTurnsOutToBeNoBetterChangesNothing) {
  LoneAgent lone{controlled_config(), {"192.0.2.1:5000", "192.0.2.9:5000"}};
  lone.start({});
  lone.check(first, {.nominate = true}, SocketId{2});
  lone.run_for(5ms);
  lone.succeed(sent_to(lone.take_sent(), first), "192.0.2.9:5000");
  ASSERT_EQ(lone.state(), AgentState::connected);
  lone.check(first, {.nominate = true}, SocketId{1});
  lone.run_for(5ms);
  lone.succeed(sent_to(lone.take_sent(), first), "203.0.113.1:40000");
  EXPECT_EQ(lone.events_of<PairSelected>().size(), 1U);
}

TEST(AgentNomination, AnOrdinaryCheckDoesNotTakeANominationBack) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  add_three(lone);
  lone.run_for(20ms);
  lone.take_sent();
  lone.check(second, {.nominate = true});
  lone.run_for(5ms);
  lone.succeed(sent_to(lone.take_sent(), second));
  ASSERT_EQ(lone.state(), AgentState::connected);
  lone.check(first, {.nominate = true});
  lone.run_for(5ms);
  const auto checks = lone.take_sent();
  lone.check(first);  // overtaken by the nomination
  lone.succeed(sent_to(checks, first));
  lone.run_for(5ms);
  for (const auto& sent : lone.take_sent()) lone.succeed(sent);
  EXPECT_TRUE(lone.pair(first).selected);
}

TEST(AgentNomination, BothEndsHoldTheSamePair) {
  TwoAgents two;
  two.connect();
  two.run_for(1s);
  ASSERT_EQ(two.agent(0).state(), AgentState::connected);
  ASSERT_EQ(two.agent(1).state(), AgentState::connected);
  const ConnectivityReport a = two.agent(0).report();
  const ConnectivityReport b = two.agent(1).report();
  ASSERT_TRUE(a.pairs.at(0).selected);
  ASSERT_TRUE(b.pairs.at(0).selected);
  EXPECT_EQ(a.pairs[0].mapped, b.pairs[0].remote);
  EXPECT_EQ(a.pairs[0].remote, b.pairs[0].mapped);
}

// Two role switches leave a check that does not nominate under way on the pair that is nominated next.
TEST(AgentNomination, TheSuccessOfAnOrdinaryCheckDoesNotSwallowTheNominationOfItsPair) {
  for (const Duration wait : {0ms, 5ms}) {  // the nomination is queued; it is under way
    LoneAgent lone;
    lone.start({first});
    lone.succeed(lone.take_sent().at(0));
    lone.run_for(5ms);
    const auto nomination = lone.take_sent().at(0);
    ASSERT_TRUE(nomination.nominates());
    lone.refuse(nomination, stun::ErrorCode::role_conflict);
    ASSERT_EQ(lone.agent().role(), Role::controlled);
    lone.run_for(5ms);
    const auto ordinary = lone.take_sent().at(0);
    ASSERT_FALSE(ordinary.nominates());
    lone.check(first, {.role = Role::controlled});  // with the smaller tie-breaker
    ASSERT_EQ(lone.agent().role(), Role::controlling);
    lone.run_for(wait);
    lone.take_sent();
    lone.succeed(ordinary);
    lone.run_for(10ms);
    const auto again = lone.take_sent();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_TRUE(again[0].nominates());
    lone.succeed(again[0]);
    EXPECT_EQ(lone.state(), AgentState::connected);
  }
}

TEST(AgentNomination, ALostNominationIsSentAgainAndIsTheSameRequest) {
  LoneAgent lone;
  lone.start({first});
  lone.succeed(lone.take_sent().at(0));
  lone.run_for(600ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].packet.bytes(), sent[1].packet.bytes());
}

}  // namespace
}  // namespace ice
