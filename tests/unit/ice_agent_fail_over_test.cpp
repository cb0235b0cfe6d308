// Where one name has several addresses: when the next one is asked, and when it is not (RFC 3958 §2.2.4, RFC 5928 §3).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "support/lone_agent.hpp"
#include "support/turn_client_rig.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::LoneAgent;
using test::ScriptedTurnServer;

constexpr std::string_view first = "203.0.113.1:3478";
constexpr std::string_view second = "203.0.113.2:3478";
constexpr std::string_view third = "203.0.113.3:3478";

AgentConfig with_server(std::string_view uri, std::string_view password = "pass") {
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse(uri), *stun::Login::make("user", password));
  return config;
}

/// An agent whose one server has a name, and addresses behind it.
struct ServerWithAddresses {
  explicit ServerWithAddresses(std::string_view uri,
                               std::vector<Endpoint> addresses = {endpoint(first), endpoint(second)},
                               std::string_view password = "pass")
      : lone{with_server(uri, password)} {
    lone.gather();
    lone.agent().resolve_server(lone.now, ServerId{0}, addresses);
    lone.settle();
  }

  std::size_t asked(std::string_view address) { return lone.take_sent_to(address).size(); }
  std::vector<Cause> causes() const {
    std::vector<Cause> all;
    for (const ServerReport& server : lone.report().servers) all.push_back(server.cause);
    return all;
  }
  /// What the scripts at their addresses say, until nothing more is sent.
  void serve(std::initializer_list<std::pair<std::string_view, ScriptedTurnServer*>> servers) {
    for (auto sent = lone.take_sent(); !sent.empty(); sent = lone.take_sent())
      for (const LoneAgent::Sent& one : sent)
        for (const auto& [address, server] : servers)
          if (one.packet.to == endpoint(address))
            if (const auto answer = server->answer(one.message())) lone.receive(*answer, address);
  }

  LoneAgent lone;
};

TEST(AgentFailOver, AsksAtTheNextAddressWhereTheFirstIsSilent) {
  for (const char* uri : {"stun:example.org", "turn:example.org"}) {
    ServerWithAddresses one{uri};
    one.lone.run_for(3900ms);
    EXPECT_EQ(one.asked(first), 4U) << uri << ": at 0, 0.5, 1.5 and 3.5 s";
    EXPECT_EQ(one.asked(second), 0U) << uri;
    one.lone.run_for(200ms);
    EXPECT_EQ(one.asked(second), 1U) << uri;
    EXPECT_TRUE(one.lone.events_of<GatheringDone>().empty()) << uri;
    one.lone.run_for(60s);
    EXPECT_EQ(one.lone.events_of<GatheringDone>().size(), 1U) << uri;
    EXPECT_THAT(one.causes(), testing::ElementsAre(Cause::no_response, Cause::no_response)) << uri;
  }
}

TEST(AgentFailOver, TakesTheAnswerOfWhicheverAddressIsAlive) {
  ServerWithAddresses one{"stun:example.org"};
  one.lone.run_for(5s);
  const auto sent = one.lone.take_sent_to(second);
  ASSERT_FALSE(sent.empty());
  one.lone.serve(sent[0], "198.51.100.7:7");
  const auto gathered = one.lone.events_of<CandidateGathered>();
  ASSERT_FALSE(gathered.empty());
  EXPECT_EQ(gathered.back().candidate.endpoint, endpoint("198.51.100.7:7"));
}

TEST(AgentFailOver, GoesOnAtOnceWhereAnAddressRefuses) {
  ServerWithAddresses one{"stun:example.org", {endpoint(first), endpoint(second), endpoint(third)}};
  one.lone.run_for(10ms);
  for (const std::string_view address : {first, second}) {
    const auto sent = one.lone.take_sent_to(address);
    ASSERT_EQ(sent.size(), 1U) << address;
    one.lone.receive(test::error_response(sent[0].message().transaction_id(), stun::ErrorCode::server_error), address);
    one.lone.run_for(10ms);
  }
  EXPECT_EQ(one.asked(third), 1U);
}

TEST(AgentFailOver, StaysWithAnAddressThatAnswers) {
  ServerWithAddresses stun{"stun:example.org"};
  stun.lone.run_for(10ms);
  stun.lone.serve(stun.lone.take_sent_to(first).at(0), "198.51.100.7:7");
  stun.lone.run_for(60s);
  EXPECT_EQ(stun.asked(second), 0U);

  ServerWithAddresses turn{"turn:example.org"};
  ScriptedTurnServer server;
  turn.lone.run_for(10ms);
  turn.serve({{first, &server}});
  ASSERT_EQ(turn.causes(), std::vector{Cause::none});
  turn.lone.run_for(60s);
  EXPECT_EQ(turn.asked(second), 0U);
}

TEST(AgentFailOver, AllocatesWhereTheFirstServerHasNoRoom) {
  ServerWithAddresses one{"turn:example.org"};
  one.lone.run_for(10ms);
  ScriptedTurnServer full;
  full.refusals[stun::Method::allocate] = {508};
  ScriptedTurnServer next;
  for (int slot = 0; slot < 2; ++slot) {
    one.serve({{first, &full}, {second, &next}});
    one.lone.run_for(10ms);
  }
  EXPECT_THAT(one.causes(), testing::ElementsAre(Cause::no_capacity, Cause::none));
  EXPECT_EQ(one.lone.events_of<GatheringDone>().size(), 1U);
}

TEST(AgentFailOver, AsksNoOtherServerForWhatTheUserIsNotGiven) {
  for (const Cause cause : {Cause::wrong_credentials, Cause::quota_reached}) {
    const bool wrong = cause == Cause::wrong_credentials;
    ServerWithAddresses one{"turn:example.org", {endpoint(first), endpoint(second)}, wrong ? "wrong" : "pass"};
    one.lone.run_for(10ms);
    ScriptedTurnServer server;
    if (!wrong) server.refusals[stun::Method::allocate] = {486};
    one.serve({{first, &server}});
    EXPECT_EQ(one.causes(), std::vector{cause});
    one.lone.run_for(60s);
    EXPECT_EQ(one.asked(second), 0U);
  }
}

TEST(AgentFailOver, ConnectsToTheNextAddressWhereTheFirstRefusesTheConnection) {
  ServerWithAddresses one{"turns:example.org", {endpoint("203.0.113.1:5349"), endpoint("203.0.113.2:5349")}};
  one.lone.run_for(10ms);
  ASSERT_EQ(one.lone.requests.size(), 1U);
  const auto open = std::get<OpenSocket>(one.lone.requests[0]);
  one.lone.agent().handle_socket(one.lone.now,
                                 SocketFailed{open.ticket, make_error_code(std::errc::connection_refused)});
  one.lone.settle();
  one.lone.run_for(10ms);
  ASSERT_EQ(one.lone.requests.size(), 2U);
  const auto next = std::get<OpenSocket>(one.lone.requests[1]);
  EXPECT_EQ(next.remote, endpoint("203.0.113.2:5349"));
  EXPECT_EQ(next.tls_name, "example.org");
}

TEST(AgentFailOver, KeepsFewAddressesOfOneName) {
  std::vector<Endpoint> many;
  for (std::uint8_t i = 1; i <= 100; ++i) many.push_back({Address::v4(203, 0, 113, i), 3478});
  ServerWithAddresses one{"stun:example.org", many};
  one.lone.run_for(600s);
  EXPECT_EQ(one.lone.report().servers.size(), 8U);
}

TEST(AgentFailOver, EndsWhenAPairIsSelected) {
  ServerWithAddresses one{"stun:example.org"};
  one.lone.connect("198.51.100.1:6000");
  one.lone.run_for(20s);
  EXPECT_EQ(one.asked(second), 0U);
}

TEST(AgentFailOver, SaysThatStunOverTlsIsNotAsked) {
  LoneAgent lone{with_server("stuns:example.org")};
  lone.gather();
  lone.run_for(1s);
  EXPECT_TRUE(lone.take_sent().empty());
  EXPECT_TRUE(lone.requests.empty());
  EXPECT_TRUE(lone.events_of<ServerNameNeeded>().empty());
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  ASSERT_EQ(lone.report().servers.size(), 1U);
  EXPECT_EQ(lone.report().servers[0].uri, "stuns:example.org");
  EXPECT_EQ(lone.report().servers[0].cause, Cause::unsupported);
  EXPECT_EQ(lone.report().servers[0].why, errc::unsupported);
}

}  // namespace
}  // namespace ice
