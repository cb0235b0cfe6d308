#include "ice/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "support/stun_messages.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using testing::IsEmpty;
using testing::Not;

/// One side of a call that came to nothing: behind a NAT, with two STUN servers that answered, and candidates of a peer
/// that never said a word.
ConnectivityReport side(int number) {
  const std::string n = std::to_string(number);
  ConnectivityReport report;
  report.state = AgentState::failed;
  report.cause = Cause::checks_failed;
  report.local_ufrag = "ufrag" + n;
  report.remote_ufrag = "ufrag" + std::to_string(3 - number);
  report.gathering_started = TimePoint{1s};
  report.gathering_done = TimePoint{1s + 100ms};
  report.description_received = TimePoint{1s + 200ms};
  report.ended = TimePoint{41s};
  const Endpoint local = endpoint("192.168.1." + n + ":5000");
  const Endpoint mapped = endpoint("203.0.113." + n + ":6000");
  report.sockets.push_back({local, "eth0", true, {}, {}, {}});
  for (const char* address : {"198.51.100.1:3478", "198.51.100.2:3478"}) {
    ServerReport server;
    server.uri = std::string{"stun:"} + address;
    server.server = endpoint(address);
    server.local = local;
    server.first_sent = server.last_sent = TimePoint{1s};
    server.last_heard = TimePoint{1s + 50ms};
    server.requests = server.responses = 1;
    server.mapped = mapped;
    report.servers.push_back(server);
  }
  const auto candidate = [](CandidateType type, const Endpoint& at) {
    Candidate made;
    made.type = type;
    made.endpoint = at;
    return made;
  };
  report.local_candidates = {candidate(CandidateType::host, local), candidate(CandidateType::server_reflexive, mapped)};
  report.candidates_told = 2;
  const std::string other = std::to_string(3 - number);
  for (const Candidate& each : {candidate(CandidateType::host, endpoint("192.168.1." + other + ":5000")),
                                candidate(CandidateType::server_reflexive, endpoint("203.0.113." + other + ":6000"))}) {
    report.remote_candidates.push_back({each, TimePoint{1s + 200ms}, {}});
    PairReport pair;
    pair.base = local;
    pair.remote = each.endpoint;
    pair.remote_type = each.type;
    pair.state = PairState::failed;
    pair.cause = Cause::no_response;
    pair.requests_sent = 7;
    pair.first_sent = TimePoint{1s + 200ms};
    pair.last_sent = TimePoint{32s};
    report.pairs.push_back(pair);
  }
  return report;
}

ConnectivityReport connected_side(int number) {
  ConnectivityReport report = side(number);
  report.state = AgentState::connected;
  report.cause = Cause::none;
  report.ended.reset();
  report.connected = TimePoint{2s};
  PairReport& pair = report.pairs.back();
  pair.state = PairState::succeeded;
  pair.cause = Cause::none;
  pair.selected = pair.valid = true;
  pair.responses_heard = pair.requests_heard = 1;
  return report;
}

RootCause first_of(const std::vector<Finding>& findings) {
  return findings.empty() ? RootCause::unknown : findings.front().cause;
}

const Finding* find(const std::vector<Finding>& findings, RootCause cause) {
  for (const Finding& each : findings)
    if (each.cause == cause) return &each;
  return nullptr;
}

TEST(Explain, HasNothingToSayOfAHealthyCall) {
  EXPECT_THAT(explain(connected_side(1)), IsEmpty());
  EXPECT_THAT(explain(connected_side(1), connected_side(2)), IsEmpty());
}

TEST(Explain, ACallThatWasClosedInOrderIsHealthy) {
  ConnectivityReport report = connected_side(1);
  report.state = AgentState::closed;
  report.cause = Cause::closed;
  EXPECT_THAT(explain(report), IsEmpty());
}

TEST(Explain, FromOneSideSilenceIsSilenceAndTheOtherReportIsAskedFor) {
  const auto findings = explain(side(1));
  ASSERT_EQ(first_of(findings), RootCause::peer_silent);
  EXPECT_TRUE(findings.front().wants_other_report);
  EXPECT_THAT(findings.front().alternatives, Not(IsEmpty()));
  EXPECT_EQ(findings.front().where, Party::theirs);
}

TEST(Explain, WithBothReportsANatThatTakesANewPortForEachServerIsSymmetric) {
  ConnectivityReport a = side(1);
  a.servers[1].mapped = endpoint("203.0.113.1:6001");
  const auto findings = explain(a, side(2));
  ASSERT_EQ(first_of(findings), RootCause::symmetric_nats);
  const Evidence& evidence = findings.front().evidence.at(0);
  EXPECT_EQ(evidence.fact, Fact::mapped);
  EXPECT_EQ(evidence.detail, "203.0.113.1:6000");
  EXPECT_EQ(findings.front().evidence.at(1).detail, "203.0.113.1:6001");
}

TEST(Explain, PredictableNatsAndNothingArrivingIsAFirewall) {
  EXPECT_EQ(first_of(explain(side(1), side(2))), RootCause::checks_blocked);
}

TEST(Explain, TwoSeenAtOneAddressLackAHairpin) {
  ConnectivityReport b = side(2);
  for (ServerReport& server : b.servers) server.mapped = endpoint("203.0.113.1:7000");
  b.local_candidates[1].endpoint = endpoint("203.0.113.1:7000");
  ConnectivityReport a = side(1);
  a.remote_candidates[1].candidate.endpoint = endpoint("203.0.113.1:7000");
  const auto findings = explain(a, b);
  ASSERT_EQ(first_of(findings), RootCause::hairpin_missing);
  EXPECT_EQ(findings.front().evidence.front().detail, "203.0.113.1");
}

TEST(Explain, AMappingThatWasSilentForAMinuteHasExpiredAndItsAgeIsToldInEvidence) {
  ConnectivityReport a = side(1);
  a.description_received = TimePoint{61s};
  for (const auto& findings : {explain(a), explain(a, side(2)), explain(side(2), a)}) {
    ASSERT_EQ(first_of(findings), RootCause::mapping_expired);
    const auto& evidence = findings.front().evidence;
    EXPECT_TRUE(std::any_of(evidence.begin(), evidence.end(), [](const Evidence& each) {
      return each.fact == Fact::mapping_silent && each.detail == "60 s";
    }));
  }
  EXPECT_EQ(explain(side(2), a).front().where, Party::theirs);
}

TEST(Explain, OneSideThatIsHeardAndHearsNothingHasOneDirection) {
  ConnectivityReport b = side(2);
  b.pairs[1].requests_heard = 5;
  const auto findings = explain(side(1), b);
  ASSERT_EQ(first_of(findings), RootCause::one_direction);
  EXPECT_EQ(findings.front().where, Party::ours);
}

TEST(Explain, ChecksThatBothHearAndNobodySeesAnsweredAreLostAnswers) {
  ConnectivityReport a = side(1);
  ConnectivityReport b = side(2);
  a.pairs[1].requests_heard = b.pairs[1].requests_heard = 5;
  EXPECT_EQ(first_of(explain(a, b)), RootCause::answers_lost);
}

TEST(Explain, ServersThatOnlyThePeerCanReachMeanThatUdpIsBlockedHere) {
  ConnectivityReport a = side(1);
  for (ServerReport& server : a.servers) {
    server.responses = 0;
    server.requests = 7;
    server.last_heard.reset();
    server.mapped = {};
    server.cause = Cause::no_response;
  }
  a.local_candidates.pop_back();
  a.candidates_told = 1;
  ConnectivityReport b = side(2);
  b.remote_candidates.pop_back();
  b.pairs.pop_back();
  EXPECT_EQ(first_of(explain(a, b)), RootCause::udp_blocked);
  EXPECT_EQ(explain(a, b).front().where, Party::ours);
  EXPECT_EQ(explain(b, a).front().where, Party::theirs);

  b.servers = a.servers;
  b.local_candidates.pop_back();
  b.candidates_told = 1;
  a.remote_candidates.pop_back();
  EXPECT_EQ(first_of(explain(a, b)), RootCause::stun_unreachable) << "neither can reach it";
}

TEST(Explain, AServerThatAnswersOverTcpAloneProvesThatUdpIsBlocked) {
  ConnectivityReport a = side(1);
  for (ServerReport& server : a.servers) {
    server.responses = 0;
    server.last_heard.reset();
    server.mapped = {};
  }
  ServerReport turn;
  turn.uri = "turn:198.51.100.1:3478?transport=tcp";
  turn.server = endpoint("198.51.100.1:3478");
  turn.transport = Transport::tcp;
  turn.requests = turn.responses = 2;
  turn.cause = Cause::quota_reached;
  turn.error_code = 486;
  a.servers.push_back(turn);
  const auto findings = explain(a);
  EXPECT_EQ(first_of(findings), RootCause::udp_blocked);
  ASSERT_NE(find(findings, RootCause::turn_refused), nullptr);
  EXPECT_EQ(find(findings, RootCause::turn_refused)->evidence.front().count, 486U);
}

struct TurnCase {
  Cause cause;
  std::uint32_t losses;
  RootCause expected;
};

TEST(Explain, SaysWhyThereWasNoRelay) {
  for (const TurnCase& each : {TurnCase{Cause::no_response, 0, RootCause::turn_unreachable},
                               TurnCase{Cause::wrong_credentials, 0, RootCause::turn_credentials_refused},
                               TurnCase{Cause::wrong_credentials, 1, RootCause::turn_credentials_expired},
                               TurnCase{Cause::no_capacity, 0, RootCause::turn_refused},
                               TurnCase{Cause::name_not_resolved, 0, RootCause::server_name_unresolved}}) {
    ConnectivityReport a = side(1);
    ServerReport turn;
    turn.uri = "turn:relay.example";
    turn.requests = 7;
    turn.cause = each.cause;
    turn.losses = each.losses;
    if (each.cause != Cause::name_not_resolved) turn.server = endpoint("198.51.100.9:3478");
    a.servers.push_back(turn);
    EXPECT_EQ(first_of(explain(a)), each.expected) << to_string(each.cause);
    EXPECT_EQ(first_of(explain(a, side(2))), each.expected) << to_string(each.cause);
  }
}

TEST(Explain, CredentialsWhoseTimeIsOverByTheClockHaveExpired) {
  ConnectivityReport a = side(1);
  ServerReport turn;
  turn.uri = "turn:relay.example";
  turn.server = endpoint("198.51.100.9:3478");
  turn.cause = Cause::wrong_credentials;
  turn.login_expires = 1'700'000'000s;
  a.servers.push_back(turn);
  a.unix_time = 1'700'000'001s;
  EXPECT_EQ(first_of(explain(a)), RootCause::turn_credentials_expired);
  a.unix_time = 1'699'999'999s;
  EXPECT_EQ(first_of(explain(a)), RootCause::turn_credentials_refused);
}

TEST(Explain, SignallingThatLosesThingsIsNamed) {
  ConnectivityReport a = side(1);
  a.description_received.reset();
  a.remote_ufrag.clear();
  a.remote_candidates.clear();
  a.pairs.clear();
  EXPECT_EQ(first_of(explain(a)), RootCause::description_missing);
  EXPECT_EQ(first_of(explain(a, side(2))), RootCause::description_missing);

  a = side(1);
  a.remote_candidates.clear();
  a.pairs.clear();
  EXPECT_EQ(first_of(explain(a)), RootCause::candidates_missing);
  EXPECT_EQ(first_of(explain(side(2), a)), RootCause::candidates_missing);

  a = side(1);
  a.remote_candidates.pop_back();
  a.pairs.pop_back();
  const auto findings = explain(a, side(2));
  ASSERT_EQ(first_of(findings), RootCause::candidates_missing) << "the reflexive one alone";
  EXPECT_EQ(findings.front().evidence.at(1).remote, endpoint("203.0.113.2:6000"));
}

TEST(Explain, WrongPasswordAndWrongSessionAreToldApartByTheUfrag) {
  ConnectivityReport a = side(1);
  ConnectivityReport b = side(2);
  a.pairs[1].unauthenticated = 7;
  a.pairs[1].cause = Cause::unauthenticated;
  b.ignored.unauthenticated = 7;
  EXPECT_EQ(first_of(explain(a, b)), RootCause::wrong_credentials);
  EXPECT_EQ(first_of(explain(a)), RootCause::wrong_credentials);
  EXPECT_EQ(first_of(explain(b)), RootCause::wrong_credentials);
  b.ignored.other_ufrag = 7;
  EXPECT_EQ(first_of(explain(b)), RootCause::wrong_generation);
  a.remote_ufrag = "of another";
  EXPECT_EQ(first_of(explain(a, b)), RootCause::wrong_generation);
}

TEST(Explain, FamiliesThatHaveNothingInCommonAreNamed) {
  ConnectivityReport a = side(1);
  a.remote_candidates.resize(1);
  a.remote_candidates[0].candidate.endpoint = endpoint("[2001:db8::2]:5000");
  a.pairs.clear();
  a.cause = Cause::no_common_family;
  EXPECT_EQ(first_of(explain(a)), RootCause::no_common_family);
}

TEST(Explain, WhatEndsAConnectionIsNotLookedForInItsBeginning) {
  ConnectivityReport a = connected_side(1);
  a.state = AgentState::disconnected;
  a.cause = Cause::consent_expired;
  a.ended = TimePoint{60s};
  a.consent_refreshed = TimePoint{30s};
  const auto findings = explain(a);
  ASSERT_EQ(first_of(findings), RootCause::consent_lost);
  EXPECT_TRUE(findings.front().wants_other_report);
  EXPECT_EQ(findings.front().evidence.front().from, Duration{29s});

  ConnectivityReport b = connected_side(2);
  b.state = AgentState::closed;
  b.cause = Cause::closed;
  EXPECT_EQ(first_of(explain(a, b)), RootCause::peer_ended);

  b = connected_side(2);
  b.state = AgentState::disconnected;
  b.cause = Cause::socket_gone;
  b.sockets[0].removed = TimePoint{30s};
  EXPECT_EQ(first_of(explain(a, b)), RootCause::interface_gone);
  EXPECT_EQ(first_of(explain(b)), RootCause::interface_gone);

  a.history.push_back({TimePoint{2s}, "ice-pair-selected", {}, {}, 0});
  a.history.push_back({TimePoint{31s}, "ice-peer-reflexive-candidate", {}, endpoint("203.0.113.2:9000"), 0});
  EXPECT_EQ(first_of(explain(a)), RootCause::rebinding);
}

TEST(Explain, APacketThatIsTooBigForThePathIsAFailureOfAConnectionThatIsThere) {
  ConnectivityReport a = connected_side(1);
  a.pairs.back().too_big = 3;
  const auto findings = explain(a);
  ASSERT_EQ(first_of(findings), RootCause::path_mtu);
  EXPECT_EQ(findings.front().severity, Severity::failure);
}

TEST(Explain, ARelayThatWasAskedForIsANoteAndNoFailure) {
  ConnectivityReport a = connected_side(1);
  a.relay_only = true;
  a.pairs.back().local_type = CandidateType::relayed;
  const auto findings = explain(a);
  ASSERT_EQ(first_of(findings), RootCause::relay_by_policy);
  EXPECT_EQ(findings.front().severity, Severity::note);
}

TEST(Explain, AFailureThatNothingExplainsIsUnknown) {
  ConnectivityReport a = side(1);
  ConnectivityReport b = side(2);
  for (ConnectivityReport* each : {&a, &b}) each->pairs[1].requests_heard = each->pairs[1].responses_heard = 5;
  EXPECT_EQ(first_of(explain(a, b)), RootCause::unknown);
  EXPECT_EQ(explain(a, b).size(), 1U);
}

// ---- texts

TEST(ExplainTexts, EveryCauseHasAMeaningARemedyAndASectionInBothLanguages) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < root_causes; ++i) {
    const auto cause = static_cast<RootCause>(i);
    for (const Language language : {Language::en, Language::ko}) {
      EXPECT_TRUE(seen.insert(meaning(cause, language)).second) << to_string(cause);
      EXPECT_TRUE(seen.insert(remedy(cause, language)).second) << to_string(cause);
    }
    EXPECT_THAT(std::string{rfc_section(cause)}, testing::StartsWith("RFC ")) << to_string(cause);
    EXPECT_EQ(parse_root_cause(to_string(cause)), cause);
    EXPECT_FALSE(to_string(cause).empty());
  }
  EXPECT_FALSE(seen.contains(""));
  EXPECT_EQ(parse_root_cause("destiny"), std::nullopt);
}

TEST(ExplainTexts, EveryFactIsTextInBothLanguagesAndLeavesNoBraces) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(Fact::answered_too_late); ++i) {
    const Evidence evidence{Party::theirs,
                            static_cast<Fact>(i),
                            endpoint("192.0.2.1:1"),
                            endpoint("192.0.2.2:2"),
                            3,
                            Duration{1s},
                            Duration{2s + 50ms},
                            "detail"};
    const std::string en = describe(evidence, Language::en);
    const std::string ko = describe(evidence, Language::ko);
    EXPECT_THAT(en, testing::StartsWith("the other side: "));
    EXPECT_THAT(en, testing::EndsWith(", from 1.000 s to 2.050 s"));
    EXPECT_THAT(ko, testing::StartsWith("상대쪽: "));
    EXPECT_NE(en, ko);
    for (const std::string& text : {en, ko}) EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
  }
}

TEST(ExplainTexts, AFindingSaysWhereWhatAndWhatMayLieBehindIt) {
  const auto findings = explain(side(1));
  EXPECT_THAT(describe(findings.front(), Language::en),
              testing::AllOf(testing::StartsWith("the other side: Nothing from the peer arrived"),
                             testing::HasSubstr("(RFC 8445 §7.2.5.2.3)"), testing::HasSubstr("checks-blocked"),
                             testing::HasSubstr("The peer's report would tell.")));
  EXPECT_THAT(describe(findings.front(), Language::ko), testing::HasSubstr("상대의 보고서"));
}

}  // namespace
}  // namespace ice
