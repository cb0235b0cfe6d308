// Gathering from STUN servers, and keeping what it brought (RFC 8445 §5.1.1.2, §5.1.1.4).

#include <gtest/gtest.h>

#include <set>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::LoneAgent;

constexpr std::string_view server = "203.0.113.1:3478";
constexpr std::string_view mapped = "203.0.113.77:40000";
constexpr std::string_view remote = "198.51.100.1:6000";

AgentConfig with_servers(std::initializer_list<std::string_view> uris) {
  AgentConfig config;
  for (const std::string_view uri : uris) config.servers.push_back(*stun::Uri::parse(uri));
  return config;
}

std::vector<Candidate> candidates(const LoneAgent& lone) {
  std::vector<Candidate> all;
  for (const CandidateGathered& told : lone.events_of<CandidateGathered>()) all.push_back(told.candidate);
  return all;
}

TEST(AgentGathering, AsksEachServerFromEachSocketOncePerSlotAndWithoutCredentials) {
  LoneAgent lone{with_servers({"stun:203.0.113.1", "stun:203.0.113.2:3479"}), {"192.0.2.1:5000", "192.0.2.2:5000"}};
  lone.gather();
  lone.run_for(100ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 4U);
  std::set<std::pair<SocketId, Endpoint>> asked;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].at, TimePoint{5ms * i});  // Ta
    EXPECT_EQ(sent[i].packet.bytes().size(), 20U);
    asked.insert({sent[i].packet.socket, sent[i].packet.to});
  }
  EXPECT_EQ(asked.size(), 4U);
  EXPECT_TRUE(asked.contains({SocketId{2}, endpoint("203.0.113.2:3479")}));
}

TEST(AgentGathering, MakesAServerReflexiveCandidateAndIsDoneWhenEveryServerHasSpoken) {
  LoneAgent lone{with_servers({"stun:203.0.113.1", "stun:203.0.113.2"})};
  lone.gather();
  lone.run_for(10ms);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 2U);
  lone.serve(sent[0], mapped);
  EXPECT_TRUE(lone.events_of<GatheringDone>().empty());
  lone.serve(sent[1], mapped);  // the same: redundant (RFC 8838 §9)
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  const auto all = candidates(lone);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].type, CandidateType::server_reflexive);
  EXPECT_EQ(all[1].endpoint, endpoint(mapped));
  EXPECT_EQ(all[1].related, endpoint("192.0.2.1:5000"));
  const Description mine = lone.agent().local_description();
  EXPECT_EQ(mine.streams.at(0).candidates, all);
  EXPECT_TRUE(mine.streams.at(0).end_of_candidates);
}

// RFC 8445 §5.1.1.2: "Agents MUST support the backwards-compatibility mode for the Binding request".
TEST(AgentGathering, TakesMappedAddressFromAServerOfRfc3489) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  const auto asked = lone.take_sent().at(0);
  lone.receive(
      test::success_response(asked.message().transaction_id(),
                             [](stun::Builder& builder) { builder.add<stun::attr::MappedAddress>(endpoint(mapped)); }),
      server);
  EXPECT_EQ(candidates(lone).size(), 2U);
}

// RFC 8445 §5.1.1.2: "any ALTERNATE-SERVER attribute in a response is ignored".
TEST(AgentGathering, FollowsNoRedirection) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  const auto asked = lone.take_sent().at(0);
  lone.receive(test::error_response(asked.message().transaction_id(), stun::ErrorCode::try_alternate,
                                    [](stun::Builder& builder) {
                                      builder.add<stun::attr::AlternateServer>(endpoint("203.0.113.2:3478"));
                                    }),
               server);
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  lone.run_for(60s);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_EQ(lone.report().servers.at(0).error_code, 300U);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::error_response);
}

// RFC 8489 §6.2.1, and RFC 8445 §14.3 for the RTO.
TEST(AgentGathering, AServerThatNeverAnswersIsAskedSevenTimesAndThenDoneWith) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  lone.run_for(39'499ms);
  EXPECT_TRUE(lone.events_of<GatheringDone>().empty());
  lone.run_for(1ms);
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 7U);
  EXPECT_EQ(sent[1].at, TimePoint{500ms});
  EXPECT_EQ(sent[0].packet.bytes(), sent[6].packet.bytes());
  EXPECT_EQ(lone.report().servers.at(0).requests, 7U);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::no_response);
}

// RFC 8445 §14.3: RTO = MAX (500 ms, Ta * number of candidates).
TEST(AgentGathering, TheRtoGrowsWithWhatThereIsToAsk) {
  AgentConfig config = with_servers({"stun:203.0.113.1", "stun:203.0.113.2"});
  config.pacing = 400ms;
  LoneAgent lone{config};
  lone.gather();
  lone.run_for(1s);
  const auto sent = lone.take_sent_to(server);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].at, TimePoint{800ms});
}

TEST(AgentGathering, TheRtoGrowsNoLongerThanTwoSeconds) {
  AgentConfig config = with_servers({"stun:203.0.113.1", "stun:203.0.113.2"});
  config.pacing = 1500ms;
  LoneAgent lone{config};
  lone.gather();
  lone.run_for(3s);
  const auto sent = lone.take_sent_to(server);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].at, TimePoint{2s});
}

// RFC 8445 §5.1.1.4: mappings "MUST be kept alive by additional Binding requests to the server", and from the start:
// a NAT may forget after 30 s, and the phone may ring for longer.
TEST(AgentGathering, KeepsTheMappingFromGatheringUntilAPairIsSelected) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  lone.serve(lone.take_sent().at(0), mapped);
  TimePoint last = lone.now;
  for (int i = 0; i < 12; ++i) {  // two minutes of ringing
    lone.run_for(10s);
    const auto sent = lone.take_sent_to(server);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].at - last, 10s);
    last = sent[0].at;
    lone.serve(sent[0], mapped);
  }
  lone.connect(remote);
  lone.run_for(20s);
  EXPECT_TRUE(lone.take_sent_to(server).empty());  // RFC 8445 §8.3.1
}

TEST(AgentGathering, WhereNoNatIsInTheWayThereIsNothingToKeep) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  lone.serve(lone.take_sent().at(0), "192.0.2.1:5000");
  EXPECT_EQ(candidates(lone).size(), 1U);  // RFC 8445 §5.1.3
  EXPECT_EQ(lone.agent().next_timeout(), std::nullopt);
}

TEST(AgentGathering, AKeepaliveThatStaysUnansweredIsRetransmittedAndThenTriedAnew) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  lone.serve(lone.take_sent().at(0), mapped);
  lone.run_for(49'400ms);
  EXPECT_EQ(lone.take_sent().size(), 7U);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::none);
  lone.run_for(200ms);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::no_response);
  lone.run_for(10s);
  const auto again = lone.take_sent();
  ASSERT_EQ(again.size(), 1U);
  lone.serve(again[0], mapped);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::none);
}

TEST(AgentGathering, AMappingThatChangesIsReportedAndNotTrickledAfterTheEndOfCandidates) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  lone.serve(lone.take_sent().at(0), mapped);
  lone.run_for(10s);
  lone.serve(lone.take_sent().at(0), "203.0.113.77:50000");
  const ConnectivityReport report = lone.report();
  EXPECT_EQ(report.servers.at(0).mapping_changes, 1U);
  EXPECT_EQ(report.servers.at(0).mapped, endpoint("203.0.113.77:50000"));
  EXPECT_EQ(report.local_candidates.size(), 3U);
  EXPECT_EQ(candidates(lone).size(), 2U);  // RFC 8838 §13
}

// The transaction id is all that proves an answer, so where it comes from is checked too (RFC 8489 §6.3.3).
TEST(AgentGathering, AnAnswerFromElsewhereIsNobodys) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"}), {"192.0.2.1:5000", "192.0.2.2:5000"}};
  lone.gather();
  const auto asked = lone.take_sent().at(0);
  const auto answer = test::success_response(asked.message().transaction_id(), [](stun::Builder& builder) {
    builder.add<stun::attr::XorMappedAddress>(endpoint(mapped));
  });
  lone.receive(answer, "203.0.113.1:3479");
  lone.receive(answer, server, SocketId{2});
  EXPECT_EQ(lone.report().ignored.unexpected_responses, 2U);
  EXPECT_EQ(candidates(lone).size(), 2U);  // the host candidates
  lone.receive(answer, server);
  EXPECT_EQ(candidates(lone).size(), 3U);
}

TEST(AgentGathering, AnAnswerThatSaysNothingUsefulEndsTheQuestion) {
  const auto cause_of = [](auto fill) {
    LoneAgent lone{with_servers({"stun:203.0.113.1"})};
    lone.gather();
    const auto asked = lone.take_sent().at(0);
    lone.receive(test::success_response(asked.message().transaction_id(), fill), server);
    EXPECT_EQ(candidates(lone).size(), 1U);
    EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
    return lone.report().servers.at(0).cause;
  };
  EXPECT_EQ(cause_of([](stun::Builder&) {}), Cause::bad_response);
  for (const std::string_view bad : {"0.0.0.0:7", "203.0.113.77:0", "224.0.0.1:7"})
    EXPECT_EQ(cause_of([&](stun::Builder& builder) { builder.add<stun::attr::XorMappedAddress>(endpoint(bad)); }),
              Cause::bad_response)
        << bad;
  EXPECT_EQ(cause_of([](stun::Builder& builder) {
              builder.add<stun::attr::XorMappedAddress>(endpoint(mapped)).add_raw(stun::AttributeType{0x7777}, {});
            }),
            Cause::bad_response);
}

TEST(AgentGathering, ANameIsResolvedByTheOwnerAndOneAddressOfEachFamilyIsUsed) {
  LoneAgent lone{with_servers({"stun:stun.example.org"}), {"192.0.2.1:5000", "[2001:db8::1]:5000"}};
  lone.gather();
  ASSERT_EQ(lone.events_of<ServerNameNeeded>().size(), 1U);
  EXPECT_EQ(lone.events_of<ServerNameNeeded>()[0].host, "stun.example.org");
  EXPECT_TRUE(lone.events_of<GatheringDone>().empty());
  const std::array<Endpoint, 5> found = {endpoint("224.0.0.1:3478"), endpoint("203.0.113.1:3478"),
                                         endpoint("203.0.113.2:3478"), endpoint("[2001:db8::99]:3478"),
                                         endpoint("[2001:db8::98]:3478")};
  lone.agent().resolve_server(lone.now, ServerId{0}, found);
  lone.settle();
  lone.run_for(100ms);
  std::set<Endpoint> asked;
  for (const auto& sent : lone.take_sent()) asked.insert(sent.packet.to);
  EXPECT_EQ(asked, (std::set<Endpoint>{found[1], found[3]}));
  lone.agent().resolve_server(lone.now, ServerId{0}, found);  // once is enough
  lone.settle();
  EXPECT_EQ(lone.report().servers.size(), 2U);
}

TEST(AgentGathering, ANameWithoutAnAddressIsAServerLess) {
  LoneAgent lone{with_servers({"stun:stun.example.org"})};
  lone.gather();
  lone.agent().resolve_server(lone.now, ServerId{0}, {});
  lone.settle();
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  ASSERT_EQ(lone.report().servers.size(), 1U);
  EXPECT_EQ(lone.report().servers[0].cause, Cause::name_not_resolved);
}

TEST(AgentGathering, AServerIsAskedFromSocketsThatCanReachItAlone) {
  AgentConfig config = with_servers({"stun:203.0.113.1"});
  config.allow_loopback = true;
  LoneAgent lone{config, {"127.0.0.1:5000", "[2001:db8::1]:5000", "169.254.0.1:5000"}};
  lone.gather();
  lone.run_for(1s);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
}

TEST(AgentGathering, ASocketThatGoesAwayEndsItsQuestions) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  ASSERT_TRUE(lone.remove_socket(1));
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::socket_gone);
  EXPECT_EQ(lone.agent().next_timeout(), std::nullopt);
}

TEST(AgentGathering, IcmpAboutAServerIsEvidence) {
  LoneAgent lone{with_servers({"stun:203.0.113.1"})};
  lone.gather();
  lone.agent().handle_socket(lone.now, SocketUnreachable{LoneAgent::socket, endpoint(server), 3, 3});
  EXPECT_EQ(lone.report().servers.at(0).unreachable, 1U);
  EXPECT_TRUE(lone.events_of<GatheringDone>().empty());
}

}  // namespace
}  // namespace ice
