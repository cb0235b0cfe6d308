// Connectivity checks, both sides of them: what a request says, what an answer means, triggered and early checks, role
// conflicts (RFC 8445 §7).

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

constexpr std::string_view remote = "198.51.100.1:6000";
constexpr std::string_view elsewhere = "198.51.100.1:7000";

// RFC 8445 §7.1.1, §7.1.3, §7.2.2, §7.2.4.
TEST(AgentChecks, ARequestSaysWhoAsksAndIsSignedWithThePeersPassword) {
  for (const Role role : {Role::controlling, Role::controlled}) {
    AgentConfig config;
    config.role = role;
    LoneAgent lone{config, {"192.0.2.1:5000", "192.0.2.2:5000"}};
    lone.start({remote});
    lone.run_for(10ms);
    const auto sent = lone.take_sent();
    ASSERT_EQ(sent.size(), 2U);
    for (std::uint16_t i = 0; i < 2; ++i) {
      const stun::Message message = sent[i].message();
      const std::string mine = lone.agent().local_description().ufrag;
      EXPECT_EQ(*message.get<stun::attr::Username>(), std::string{LoneAgent::peer_ufrag} + ":" + mine);
      EXPECT_TRUE(message.authenticate(LoneAgent::peer_key()));
      EXPECT_EQ(message.integrity(), stun::Integrity::sha1);
      EXPECT_TRUE(message.check_fingerprint());
      EXPECT_EQ(
          *message.get<stun::attr::Priority>(),
          candidate_priority(CandidateType::peer_reflexive, static_cast<std::uint16_t>(65535 - i), ComponentId{1}));
      EXPECT_EQ(message.has<stun::attr::IceControlling>(), role == Role::controlling);
      EXPECT_EQ(message.has<stun::attr::IceControlled>(), role == Role::controlled);
      EXPECT_FALSE(message.has<stun::attr::UseCandidate>());
    }
  }
}

// RFC 8445 §7.2.5.2.3, with the schedule of RFC 8489 §6.2.1.
TEST(AgentChecks, ARequestIsSentSevenTimesAndThenThePairHasFailed) {
  LoneAgent lone;
  lone.start({remote});
  lone.run_for(39'499ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 7U);
  for (const auto& each : sent) EXPECT_EQ(each.packet.bytes(), sent[0].packet.bytes());
  EXPECT_EQ(sent[6].at, TimePoint{31'500ms});
  EXPECT_EQ(lone.pair(remote).state, PairState::in_progress);
  lone.run_for(1ms);
  EXPECT_EQ(lone.pair(remote).cause, Cause::no_response);
}

// RFC 8445 §7.2.5.2.1: "If the addresses are not symmetric, the agent MUST set the candidate pair state to Failed".
TEST(AgentChecks, AnAnswerFromAnotherAddressFailsThePair) {
  LoneAgent lone;
  lone.start({remote});
  lone.receive(LoneAgent::success_for(lone.take_sent().at(0), "192.0.2.1:5000"), elsewhere);
  EXPECT_EQ(lone.pair(remote).state, PairState::failed);
  EXPECT_EQ(lone.pair(remote).cause, Cause::asymmetric_response);
}

TEST(AgentChecks, AnAnswerOnAnotherSocketFailsThePair) {
  LoneAgent lone{{}, {"192.0.2.1:5000", "192.0.2.2:5000"}};
  lone.start({remote});
  lone.receive(LoneAgent::success_for(lone.take_sent().at(0), "192.0.2.1:5000"), remote, SocketId{2});
  EXPECT_EQ(lone.report().pairs.at(0).cause, Cause::asymmetric_response);
}

// RFC 8489 §9.1.4: it counts as never received, or anybody could fail a pair.
TEST(AgentChecks, AnAnswerThatIsNotAuthenticIsCountedAndNothingElse) {
  LoneAgent lone;
  lone.start({remote});
  const auto sent = lone.take_sent().at(0);
  const auto wrong = *stun::Credential::short_term("notThePasswordOfThePeer12");
  const auto heard = lone.receive(LoneAgent::success_for(sent, "192.0.2.1:5000", wrong), elsewhere);
  EXPECT_EQ(heard.verdict, Verdict::unauthenticated);
  lone.receive(LoneAgent::error_for(sent, stun::ErrorCode::role_conflict, wrong), remote);
  EXPECT_EQ(lone.agent().role(), Role::controlling);
  EXPECT_EQ(lone.pair(remote).state, PairState::in_progress);
  EXPECT_EQ(lone.pair(remote).unauthenticated, 2U);
  EXPECT_EQ(lone.report().ignored.unauthenticated, 2U);
  lone.succeed(sent);
  EXPECT_EQ(lone.pair(remote).state, PairState::waiting);  // valid, and about to be nominated
  EXPECT_TRUE(lone.pair(remote).valid);
}

TEST(AgentChecks, WhereNoAnswerWasAuthenticTheCauseSaysSo) {
  LoneAgent lone;
  lone.start({remote});
  const auto wrong = *stun::Credential::short_term("notThePasswordOfThePeer12");
  lone.receive(LoneAgent::success_for(lone.take_sent().at(0), "192.0.2.1:5000", wrong), remote);
  lone.run_for(40s);
  EXPECT_EQ(lone.pair(remote).cause, Cause::unauthenticated);
}

// RFC 8445 §7.2.5.2.4.
TEST(AgentChecks, AnErrorResponseFailsThePair) {
  LoneAgent lone;
  lone.start({remote});
  lone.refuse(lone.take_sent().at(0), stun::ErrorCode::server_error);
  EXPECT_EQ(lone.pair(remote).cause, Cause::error_response);
  EXPECT_EQ(lone.pair(remote).error_code, 500U);
}

TEST(AgentChecks, AnAnswerThatBreaksTheProtocolFailsThePair) {
  const auto cause_of = [](auto message) {
    LoneAgent lone;
    lone.start({remote});
    lone.receive(message(lone.take_sent().at(0).message().transaction_id()), remote);
    return lone.pair(remote).cause;
  };
  // No XOR-MAPPED-ADDRESS, an attribute that has to be understood and is not, no ERROR-CODE.
  EXPECT_EQ(cause_of([](const stun::TransactionId& id) {
              return test::success_response(
                  id, [](stun::Builder& builder) { builder.integrity(LoneAgent::peer_key()).fingerprint(); });
            }),
            Cause::bad_response);
  EXPECT_EQ(cause_of([](const stun::TransactionId& id) {
              return test::success_response(id, [](stun::Builder& builder) {
                builder.add<stun::attr::XorMappedAddress>(endpoint("192.0.2.1:5000"))
                    .add_raw(stun::AttributeType{0x7777}, {})
                    .integrity(LoneAgent::peer_key())
                    .fingerprint();
              });
            }),
            Cause::bad_response);
  EXPECT_EQ(cause_of([](const stun::TransactionId& id) {
              return test::stun_message(stun::Class::error_response, id, [](stun::Builder& builder) {
                builder.integrity(LoneAgent::peer_key()).fingerprint();
              });
            }),
            Cause::bad_response);
}

// RFC 8445 §7.2.5.3.1: the address that the peer saw and nobody knew is a peer-reflexive candidate.
TEST(AgentChecks, AMappedAddressThatWasUnknownBecomesAPeerReflexiveCandidate) {
  LoneAgent lone;
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0), "203.0.113.7:40000");
  const ConnectivityReport report = lone.report();
  ASSERT_EQ(report.local_candidates.size(), 2U);
  EXPECT_EQ(report.local_candidates[1].type, CandidateType::peer_reflexive);
  EXPECT_EQ(report.local_candidates[1].endpoint, endpoint("203.0.113.7:40000"));
  EXPECT_EQ(lone.pair(remote).mapped, endpoint("203.0.113.7:40000"));
  EXPECT_EQ(lone.pair(remote).local_type, CandidateType::peer_reflexive);
  EXPECT_EQ(lone.events_of<CandidateGathered>().size(), 1U);  // the peer knows it
}

TEST(AgentChecks, AMappedAddressThatNobodyCanHaveFailsThePairAndIsNoCandidate) {
  for (const std::string_view mapped : {"0.0.0.0:5000", "192.0.2.1:0", "224.0.0.1:5000", "[ff02::1]:5000"}) {
    LoneAgent lone;
    lone.start({remote});
    lone.succeed(lone.take_sent().at(0), mapped);
    EXPECT_EQ(lone.pair(remote).cause, Cause::bad_response);
    EXPECT_EQ(lone.report().local_candidates.size(), 1U);
  }
}

TEST(AgentChecks, WithoutRoomForThatCandidateThePairIsAsGood) {
  AgentConfig config;
  config.limits.local_candidates = 1;
  LoneAgent lone{config};
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0), "203.0.113.7:40000");
  EXPECT_TRUE(lone.pair(remote).valid);
  EXPECT_EQ(lone.pair(remote).mapped, endpoint("192.0.2.1:5000"));
  EXPECT_EQ(lone.report().ignored.over_limit, 1U);
}

// RFC 8445 §7.3, §7.3.1.
TEST(AgentChecks, ACheckIsAnsweredAtOnceWithTheAddressItCameFrom) {
  LoneAgent lone;
  lone.start({});
  const auto check = lone.make_check();
  const auto heard = lone.receive(check, elsewhere);
  ASSERT_TRUE(heard.answer);
  const stun::Message answer = heard.answer->message();
  EXPECT_EQ(answer.message_class(), stun::Class::success_response);
  EXPECT_EQ(answer.transaction_id(), check.message().transaction_id());
  EXPECT_EQ(*answer.get<stun::attr::XorMappedAddress>(), endpoint(elsewhere));
  EXPECT_TRUE(answer.authenticate(lone.local_key()));
  EXPECT_TRUE(answer.check_fingerprint());
  EXPECT_EQ(heard.answer->to, endpoint(elsewhere));
  EXPECT_EQ(heard.answer->socket, LoneAgent::socket);
}

// RFC 8445 §7.3: "It MUST utilize the FINGERPRINT mechanism". What has none is data that looks like STUN.
TEST(AgentChecks, WithoutAFingerprintItIsNoCheck) {
  LoneAgent lone;
  lone.start({});
  EXPECT_EQ(lone.check(elsewhere, {.fingerprint = false}).verdict, Verdict::not_mine);
  lone.check(elsewhere);
  EXPECT_EQ(lone.check(elsewhere, {.fingerprint = false}).verdict, Verdict::application_data);
}

// RFC 8445 §7.1.1 has PRIORITY in every check, §5.1.2 says what it may be.
TEST(AgentChecks, ACheckWithoutAUsablePriorityIsAnswered400) {
  LoneAgent lone;
  lone.start({});
  for (const std::optional<std::uint32_t> priority : {std::optional<std::uint32_t>{}, {0U}, {0x80000000U}}) {
    const auto heard = lone.check(elsewhere, {.priority = priority});
    ASSERT_TRUE(heard.answer);
    EXPECT_EQ(error_code_of(heard.answer->message()), 400U);
    EXPECT_TRUE(heard.answer->message().authenticate(lone.local_key()));
  }
  EXPECT_TRUE(lone.report().remote_candidates.empty());
}

// RFC 8489 §6.3.1.
TEST(AgentChecks, ACheckWithAnAttributeThatMustBeUnderstoodAndIsNotIsAnswered420) {
  LoneAgent lone;
  lone.start({});
  const auto heard = lone.check(elsewhere, {.unknown = stun::AttributeType{0x7777}});
  ASSERT_TRUE(heard.answer);
  EXPECT_EQ(error_code_of(heard.answer->message()), 420U);
  EXPECT_EQ(test::unknown_attributes_of(heard.answer->message()), std::vector{stun::AttributeType{0x7777}});
  EXPECT_TRUE(lone.check(elsewhere, {.unknown = stun::AttributeType{0xC777}}).answer);
  EXPECT_EQ(lone.report().remote_candidates.size(), 1U);
}

// RFC 8445 §7.3.1.3, §7.3.1.4.
TEST(AgentChecks, ACheckFromAnUnknownAddressIsTriggeredBackBeforeAnythingElse) {
  LoneAgent lone{controlled_config()};
  lone.start({});
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.2:" + std::to_string(1000 + i), CandidateType::host,
                                              static_cast<std::uint16_t>(65535 - i), std::to_string(i))));
  lone.take_sent();
  lone.check(elsewhere, {.priority = 1});
  lone.run_for(5ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].packet.to, endpoint(elsewhere));
  const RemoteCandidateReport learned = lone.report().remote_candidates.back();
  EXPECT_EQ(learned.candidate.type, CandidateType::peer_reflexive);
  EXPECT_EQ(learned.candidate.priority, 1U);
}

// RFC 8445 §7.3.1.4: the transaction is cancelled, not failed; its answer still counts.
TEST(AgentChecks, ACheckOnAPairInProgressBeginsANewOneAndTheOldAnswerStillCounts) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  const auto first = lone.take_sent().at(0);
  lone.check(remote);
  lone.run_for(5ms);
  const auto second = lone.take_sent().at(0);
  EXPECT_NE(first.message().transaction_id(), second.message().transaction_id());
  lone.run_for(600ms);
  for (const auto& sent : lone.take_sent()) EXPECT_EQ(sent.packet.bytes(), second.packet.bytes());
  lone.succeed(first);
  EXPECT_EQ(lone.pair(remote).state, PairState::succeeded);
  lone.run_for(10s);
  EXPECT_TRUE(lone.take_sent().empty());
}

TEST(AgentChecks, ACheckThatIsToBeReplacedIsNotRetransmittedWhileItsSuccessorWaitsForASlot) {
  Pacer pacer;
  LoneAgent lone{controlled_config(), {"192.0.2.1:5000"}, &pacer};
  lone.start({remote});
  ASSERT_EQ(lone.take_sent().size(), 1U);
  static_cast<void>(pacer.reserve(lone.now, 2s));
  lone.check(remote);
  lone.run_for(1900ms);
  EXPECT_TRUE(lone.take_sent().empty());
  lone.run_for(200ms);
  EXPECT_EQ(lone.take_sent().size(), 1U);
}

TEST(AgentChecks, OfMoreReplacedChecksThanThreeTheOldestAreForgotten) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  std::vector<LoneAgent::Sent> checks = lone.take_sent();
  for (int i = 0; i < 4; ++i) {
    lone.check(remote);
    lone.run_for(5ms);
    checks.push_back(lone.take_sent().at(0));
  }
  lone.succeed(checks[0]);
  EXPECT_EQ(lone.report().ignored.unexpected_responses, 1U);
  EXPECT_FALSE(lone.pair(remote).valid);
  lone.succeed(checks[1]);
  EXPECT_TRUE(lone.pair(remote).valid);
}

// RFC 8445 §7.3.1.4: "If the state of that pair is Succeeded, nothing further is done".
TEST(AgentChecks, ACheckOnAPairThatHasSucceededTriggersNothing) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  lone.check(remote);
  lone.run_for(1s);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_EQ(lone.pair(remote).state, PairState::succeeded);
}

// RFC 8445 §7.3.1.4: from Failed to Waiting.
TEST(AgentChecks, ACheckOnAPairThatHasFailedTriesItOnceMore) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.refuse(lone.take_sent().at(0), stun::ErrorCode::bad_request);
  ASSERT_EQ(lone.pair(remote).state, PairState::failed);
  lone.check(remote);
  lone.run_for(5ms);
  lone.succeed(lone.take_sent().at(0));
  EXPECT_EQ(lone.pair(remote).state, PairState::succeeded);
  EXPECT_EQ(lone.pair(remote).cause, Cause::none);
}

// RFC 8445 §7.3: answered before the description is known; acted upon as soon as it is.
TEST(AgentChecks, EarlyChecksAreAnsweredAtOnceAndActedUponWhenTheDescriptionComes) {
  LoneAgent lone{controlled_config()};
  lone.gather();
  const auto heard = lone.check(remote, {.nominate = true});
  ASSERT_TRUE(heard.answer);
  EXPECT_EQ(heard.answer->message().message_class(), stun::Class::success_response);
  EXPECT_TRUE(lone.check(elsewhere).answer);
  EXPECT_TRUE(lone.take_sent().empty());  // its password is not known
  EXPECT_EQ(lone.receive_text("early data", remote).verdict, Verdict::application_data);
  EXPECT_EQ(lone.report().early_checks, 2U);
  lone.describe(LoneAgent::description({}));
  lone.run_for(10ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 2U);  // in the order of their arrival
  EXPECT_EQ(sent[0].packet.to, endpoint(remote));
  EXPECT_EQ(sent[1].packet.to, endpoint(elsewhere));
  lone.succeed(sent[0]);
  EXPECT_EQ(lone.state(), AgentState::connected);  // it was nominated
}

TEST(AgentChecks, EarlyChecksOfAnotherUfragThanTheDescriptionsAreDropped) {
  LoneAgent lone{controlled_config()};
  lone.gather();
  lone.check(elsewhere, {.from_ufrag = "stranger"});
  EXPECT_EQ(lone.receive_text("data", elsewhere).verdict, Verdict::application_data);
  lone.describe(LoneAgent::description({}));
  lone.run_for(1s);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_TRUE(lone.report().remote_candidates.empty());
  EXPECT_EQ(lone.report().ignored.unauthenticated, 1U);
  EXPECT_EQ(lone.receive_text("data", elsewhere).verdict, Verdict::not_mine);
}

TEST(AgentChecks, EarlyChecksAreKeptWithinTheirBoundAndAnsweredBeyondIt) {
  AgentConfig config = controlled_config();
  config.limits.early_checks = 4;
  LoneAgent lone{config};
  lone.gather();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(lone.check("198.51.100.1:" + std::to_string(6000 + i)).answer);
  EXPECT_EQ(lone.report().ignored.over_limit, 46U);
  lone.describe(LoneAgent::description({}));
  EXPECT_EQ(lone.report().pairs.size(), 4U);
}

// RFC 8445 §7.3.1.1, all of it: who has the larger tie-breaker controls, and equal counts as larger.
TEST(AgentChecks, ARoleConflictIsDecidedByTheTieBreaker) {
  for (const Role role : {Role::controlling, Role::controlled})
    for (const std::uint64_t tie_breaker : {std::uint64_t{0}, UINT64_MAX}) {
      AgentConfig config;
      config.role = role;
      LoneAgent lone{config};
      lone.start({remote});
      const bool ours_is_larger = tie_breaker == 0;
      const bool keeps = ours_is_larger == (role == Role::controlling);
      const auto heard = lone.check(remote, {.role = role, .tie_breaker = tie_breaker});
      ASSERT_TRUE(heard.answer);
      EXPECT_EQ(error_code_of(heard.answer->message()), keeps ? 487U : 0U);
      EXPECT_TRUE(heard.answer->message().authenticate(lone.local_key()));
      EXPECT_EQ(lone.agent().role() == role, keeps);
      EXPECT_EQ(lone.agent().role(), ours_is_larger ? Role::controlling : Role::controlled);
      EXPECT_EQ(lone.events_of<RoleSwitched>().size(), keeps ? 0U : 1U);
    }
}

TEST(AgentChecks, AnEqualTieBreakerCountsAsOursBeingLarger) {
  for (const Role role : {Role::controlling, Role::controlled}) {
    AgentConfig config;
    config.role = role;
    LoneAgent lone{config};
    lone.start({remote});
    const auto sent = lone.take_sent();
    const stun::Message ours = sent.at(0).message();
    const std::uint64_t tie_breaker =
        role == Role::controlling ? *ours.get<stun::attr::IceControlling>() : *ours.get<stun::attr::IceControlled>();
    lone.check(remote, {.role = role, .tie_breaker = tie_breaker});
    EXPECT_EQ(lone.agent().role(), Role::controlling);
  }
}

TEST(AgentChecks, ACheckThatClaimsNoRoleIsNoConflict) {
  LoneAgent lone;
  lone.start({remote});
  const auto heard = lone.check(remote, {.roleless = true});
  ASSERT_TRUE(heard.answer);
  EXPECT_EQ(error_code_of(heard.answer->message()), 0U);
}

// RFC 8445 §7.2.5.1.
TEST(AgentChecks, A487SwitchesTheRoleRetriesThePairAndChangesTheTieBreaker) {
  for (const Role role : {Role::controlling, Role::controlled}) {
    AgentConfig config;
    config.role = role;
    LoneAgent lone{config};
    lone.start({remote});
    const auto tie_breaker = [](const stun::Message& message) {
      const auto controlling = message.get<stun::attr::IceControlling>();
      return controlling ? *controlling : *message.get<stun::attr::IceControlled>();
    };
    const auto sent = lone.take_sent().at(0);
    lone.refuse(sent, stun::ErrorCode::role_conflict);
    EXPECT_NE(lone.agent().role(), role);
    EXPECT_EQ(lone.pair(remote).state, PairState::waiting);
    lone.run_for(5ms);
    const auto again = lone.take_sent().at(0);
    EXPECT_EQ(again.packet.to, endpoint(remote));
    EXPECT_EQ(again.message().has<stun::attr::IceControlled>(), role == Role::controlling);
    EXPECT_NE(tie_breaker(again.message()), tie_breaker(sent.message()));
    EXPECT_NE(again.message().transaction_id(), sent.message().transaction_id());
  }
}

TEST(AgentChecks, Two487sToRequestsOfOneRoleSwitchItOnce) {
  LoneAgent lone;
  lone.start({remote, elsewhere});
  ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.9:1", CandidateType::host, 9, "2")));
  lone.run_for(20ms);
  const auto sent = lone.take_sent();
  ASSERT_GE(sent.size(), 2U);
  for (const auto& each : sent) lone.refuse(each, stun::ErrorCode::role_conflict);
  EXPECT_EQ(lone.agent().role(), Role::controlled);
  EXPECT_EQ(lone.report().role_switches, 1U);
}

// Found by the fuzzer: the pair was valid already, so its refusal was taken for a late answer, and it stayed
// In-Progress for ever.
TEST(AgentChecks, AValidPairThatIsRefusedWhenItIsCheckedOnceMoreHasFailed) {
  LoneAgent lone;
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  lone.run_for(5ms);
  lone.refuse(lone.take_sent().at(0), stun::ErrorCode::role_conflict);  // to the nomination
  lone.run_for(5ms);
  lone.refuse(lone.take_sent().at(0), stun::ErrorCode::bad_request);
  EXPECT_EQ(lone.pair(remote).state, PairState::failed);
  EXPECT_EQ(lone.pair(remote).cause, Cause::error_response);
  lone.run_for(40s);
  EXPECT_EQ(lone.state(), AgentState::failed);
}

TEST(AgentChecks, TheRefusalOfACheckThatWasReplacedFailsNoValidPair) {
  LoneAgent lone{controlled_config()};
  lone.start({remote});
  lone.succeed(lone.take_sent().at(0));
  lone.run_for(20s);  // so that its answer is too old to be consent for long
  lone.check(remote, {.nominate = true});
  lone.run_for(5ms);
  const auto replaced = lone.take_sent().at(0);
  lone.check(remote, {.nominate = true});
  lone.refuse(replaced, stun::ErrorCode::server_error);
  EXPECT_TRUE(lone.pair(remote).valid);
  lone.run_for(5ms);
  lone.succeed(lone.take_sent().at(0));
  EXPECT_EQ(lone.state(), AgentState::connected);
}

// The check that took its place is still open, and decides.
TEST(AgentChecks, TheRefusalOfACheckThatWasReplacedFailsNoPairThatIsStillChecked) {
  for (const Duration wait : {0ms, 5ms}) {  // the new check is queued; it is under way
    LoneAgent lone{controlled_config()};
    lone.start({remote});
    const auto replaced = lone.take_sent().at(0);
    lone.check(remote);
    lone.run_for(wait);
    lone.refuse(replaced, stun::ErrorCode::bad_request);
    EXPECT_NE(lone.pair(remote).state, PairState::failed);
    lone.run_for(5ms - wait);
    const auto open = lone.take_sent().at(0);
    lone.succeed(open);
    EXPECT_TRUE(lone.pair(remote).valid);
  }
}

// RFC 8445 §7.3.1.1: a retransmission repeats its request; only a new transaction has the new role.
TEST(AgentChecks, ARequestUnderWayKeepsTheRoleItWasSentWith) {
  LoneAgent lone;
  lone.start({remote});
  ASSERT_TRUE(lone.add(LoneAgent::candidate("198.51.100.9:1", CandidateType::host, 9, "2")));
  lone.run_for(10ms);
  lone.take_sent();
  lone.check(remote, {.role = Role::controlling, .tie_breaker = UINT64_MAX});
  ASSERT_EQ(lone.agent().role(), Role::controlled);
  lone.run_for(600ms);
  for (const auto& sent : lone.take_sent())
    EXPECT_EQ(sent.message().has<stun::attr::IceControlling>(), sent.packet.to == endpoint("198.51.100.9:1"));
}

}  // namespace
}  // namespace ice
