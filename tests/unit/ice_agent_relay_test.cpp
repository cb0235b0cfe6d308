// Relayed candidates in one agent, beside a TURN server by script: what is asked when, what is wrapped, what is told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ice/base/machine.hpp"
#include "support/allocations.hpp"
#include "support/relayed_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Allocations;
using test::controlled_config;
using test::data_indication;
using test::endpoint;
using test::LoneAgent;
using test::Packet;
using test::RelayedAgent;
using test::with_named_turn;
using test::with_turn;
using test::with_turn_and_all;

constexpr std::string_view remote = RelayedAgent::remote;
constexpr std::string_view other = "198.51.100.2:6000";
constexpr std::string_view server_at = RelayedAgent::server_at;
constexpr std::string_view relayed_at = RelayedAgent::relayed_at;

TEST(AgentRelay, OneAnswerBringsARelayedAndAServerReflexiveCandidate) {
  RelayedAgent agent{with_turn_and_all()};
  agent.gather();
  const auto candidates = agent.candidates();
  ASSERT_EQ(candidates.size(), 3U);
  EXPECT_EQ(candidates[1].type, CandidateType::server_reflexive);
  EXPECT_EQ(candidates[1].endpoint, endpoint("203.0.113.9:40000"));
  EXPECT_EQ(candidates[1].related, endpoint("192.0.2.1:5000"));
  EXPECT_EQ(candidates[2].type, CandidateType::relayed);
  EXPECT_EQ(candidates[2].endpoint, endpoint(relayed_at));
  EXPECT_EQ(candidates[2].related, endpoint("203.0.113.9:40000"));  // RFC 8839 §5.1
  EXPECT_EQ(agent.asked(stun::Method::binding), 0U) << "the same would be asked twice";
  EXPECT_EQ(agent.asked(stun::Method::allocate), 2U) << "challenged once";
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(agent.report().relayed, endpoint(relayed_at));
  EXPECT_EQ(agent.report().mapped, endpoint("203.0.113.9:40000"));
  EXPECT_EQ(agent.report().cause, Cause::none);
  EXPECT_EQ(agent.lone.report().sockets.size(), 1U) << "a relayed address is no socket of this host";
}

// RFC 8656 §9: "the client MUST first install a permission".
TEST(AgentRelay, TheFirstCheckWaitsForThePermission) {
  RelayedAgent agent;
  agent.gather();
  agent.server.alive = false;
  agent.describe(LoneAgent::description({remote}));
  agent.run_for(2s);
  EXPECT_GE(agent.asked(stun::Method::create_permission), 2U);
  EXPECT_TRUE(agent.take_to_peers().empty());
  EXPECT_EQ(agent.lone.pair(remote).requests_sent, 0U);
  agent.server.alive = true;
  agent.run_for(2s);
  const auto sent = agent.take_to_peers();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].peer, endpoint(remote));
  EXPECT_TRUE(sent[0].message().authenticate(LoneAgent::peer_key()));
  EXPECT_FALSE(sent[0].channel);
  EXPECT_TRUE(agent.direct.empty()) << "only relayed ones are wanted";
  EXPECT_EQ(agent.lone.pair(remote).local_type, CandidateType::relayed);
  EXPECT_EQ(agent.lone.pair(remote).base, endpoint(relayed_at));
}

TEST(AgentRelay, APermissionThatIsRefusedFailsThePairForThatReason) {
  RelayedAgent agent;
  agent.gather();
  agent.server.refuses_peer = [](const stun::Message&) { return true; };
  agent.describe(LoneAgent::description({remote}));
  agent.run_for(1s);
  const PairReport pair = agent.lone.pair(remote);
  EXPECT_EQ(pair.state, PairState::failed);
  EXPECT_EQ(pair.cause, Cause::permission_refused);
  EXPECT_EQ(pair.error_code, 403U);
  EXPECT_EQ(pair.requests_sent, 0U);
  agent.run_for(60s);
  EXPECT_EQ(agent.lone.state(), AgentState::failed);
}

TEST(AgentRelay, ACheckThatCameThroughTheRelayIsAnsweredThroughIt) {
  RelayedAgent agent{with_turn(controlled_config())};
  agent.gather();
  agent.describe(LoneAgent::description({remote}));
  const Packet check = agent.lone.make_check();
  EXPECT_EQ(agent.from_peer(check, "198.51.100.1:7777").verdict, Verdict::forward);
  ASSERT_TRUE(agent.forwarded);
  EXPECT_EQ(agent.forwarded->to, endpoint(server_at));
  const stun::Message wrapped = agent.forwarded->message();
  ASSERT_TRUE(wrapped.is(stun::Method::send, stun::Class::indication));
  EXPECT_EQ(*wrapped.get<stun::attr::XorPeerAddress>(), endpoint("198.51.100.1:7777"));
  const auto answer = stun::Message::parse(*wrapped.get<stun::attr::Data>());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->transaction_id(), check.message().transaction_id());
  EXPECT_EQ(*answer->get<stun::attr::XorMappedAddress>(), endpoint("198.51.100.1:7777"));
  EXPECT_TRUE(answer->authenticate(agent.lone.local_key()));
  // And is checked back through it.
  agent.run_for(50ms);
  EXPECT_EQ(agent.lone.pair("198.51.100.1:7777").base, endpoint(relayed_at));
  EXPECT_EQ(agent.lone.pair("198.51.100.1:7777").remote_type, CandidateType::peer_reflexive);
}

TEST(AgentRelay, DataGoesInSendIndicationsUntilTheChannelOfTheSelectedPairIsBound) {
  RelayedAgent agent;
  agent.server.refusals[stun::Method::channel_bind] = {};
  agent.connect();
  EXPECT_EQ(agent.lone.events_of<PairSelected>().at(0).local.type, CandidateType::relayed);
  EXPECT_EQ(agent.asked(stun::Method::channel_bind), 1U);
  const std::array<std::uint8_t, 4> payload{'t', 'e', 'x', 't'};
  auto packet = agent.lone.agent().wrap(agent.lone.now, ComponentId{1}, payload, agent.scratch);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->to, endpoint(server_at));
  EXPECT_EQ(packet->socket, LoneAgent::socket);
  EXPECT_EQ(packet->head.size(), 4U);
  EXPECT_EQ(packet->head.data(), agent.scratch.data());
  EXPECT_EQ(packet->body.data(), payload.data()) << "never copied";

  RelayedAgent without;
  without.server.refusals[stun::Method::channel_bind] = {508};
  without.connect();
  packet = without.lone.agent().wrap(without.lone.now, ComponentId{1}, payload, without.scratch);
  ASSERT_TRUE(packet);
  EXPECT_GT(packet->head.size(), 4U);
  EXPECT_EQ(packet->body.data(), payload.data());
}

TEST(AgentRelay, DataIsTakenFromAPeerThatHasProvenItselfThroughTheRelay) {
  RelayedAgent agent{with_turn_and_all(controlled_config())};
  agent.gather();
  agent.describe(LoneAgent::description({remote}));
  const std::vector<std::uint8_t> text{'h', 'i'};
  EXPECT_EQ(agent.from_peer(text).verdict, Verdict::not_mine);
  agent.check();
  const Received received = agent.from_peer(text);
  EXPECT_EQ(received.verdict, Verdict::application_data);
  EXPECT_EQ(received.from, endpoint(remote));
  EXPECT_GE(received.data.data(), agent.last_in.data());
  EXPECT_LT(received.data.data(), agent.last_in.data() + agent.last_in.size()) << "a view of the input";
  EXPECT_EQ(agent.receive(text, remote).verdict, Verdict::not_mine) << "proven there, not on the socket itself";
}

// RFC 8656 §11.4 unwraps once.
TEST(AgentRelay, WhatIsInsideIsNotUnwrappedAgain) {
  RelayedAgent agent{with_turn(controlled_config())};
  agent.gather();
  agent.describe(LoneAgent::description({remote}));
  agent.check();
  const Packet inside = data_indication(endpoint(other), {});
  const Received received = agent.from_peer(inside);
  EXPECT_EQ(received.verdict, Verdict::application_data);
  EXPECT_EQ(received.data.size(), inside.bytes().size());
}

TEST(AgentRelay, WhatLooksLikeChannelDataAndIsNotFromTheServerIsNotUnwrapped) {
  RelayedAgent agent{with_turn_and_all(controlled_config())};
  agent.connect();
  const std::vector<std::uint8_t> hello{'H', 'e', 'l', 'l', 'o'};
  const auto strangers = agent.lone.report().ignored.data_from_strangers;
  EXPECT_EQ(agent.receive(hello, other).verdict, Verdict::not_mine);
  EXPECT_EQ(agent.lone.report().ignored.data_from_strangers, strangers + 1);
}

TEST(AgentRelay, RelayedDataComesAndGoesWithoutAnAllocationOfMemory) {
  RelayedAgent agent{with_turn(controlled_config())};
  agent.connect();
  agent.run_for(10ms);
  ASSERT_EQ(agent.channels.size(), 1U);
  const std::array<std::uint8_t, 1200> payload{1};
  std::vector<std::uint8_t> in(4 + payload.size());
  in[0] = static_cast<std::uint8_t>(agent.channels.begin()->first >> 8);
  in[1] = static_cast<std::uint8_t>(agent.channels.begin()->first);
  in[2] = payload.size() >> 8;
  in[3] = payload.size() & 0xFF;
  const Packet check = agent.lone.make_check();
  struct Outlet {
    void transmit(const Transmit&) {}
    void event(const AgentEvent&) {}
    void request(const SocketRequest&) {}
  } outlet;
  std::size_t done = 0;
  const Allocations allocations;
  for (int i = 0; i < 200; ++i) {
    if (agent.lone.agent().wrap(agent.lone.now, ComponentId{1}, payload, agent.scratch)) ++done;
    drain(agent.lone.agent(), agent.lone.now, agent.scratch, outlet);
    const auto received = agent.lone.agent().handle_datagram(
        agent.lone.now, {LoneAgent::socket, endpoint(server_at), in, {}}, agent.scratch);
    if (received.verdict == Verdict::application_data) ++done;
    drain(agent.lone.agent(), agent.lone.now, agent.scratch, outlet);
  }
  EXPECT_EQ(allocations.count(), 0U);
  EXPECT_EQ(done, 400U);
}

TEST(AgentRelay, ConsentIsKeptThroughIt) {
  RelayedAgent agent;
  agent.connect();
  agent.talk_for(20min);
  EXPECT_EQ(agent.lone.state(), AgentState::connected);
  EXPECT_GE(agent.asked(stun::Method::refresh), 2U);
  agent.run_for(31s);
  EXPECT_EQ(agent.lone.state(), AgentState::disconnected);
  EXPECT_EQ(agent.lone.report().cause, Cause::consent_expired);
}

TEST(AgentRelay, ALostAllocationOfTheSelectedPairAsksForARestartWhichFindsTheNewOne) {
  RelayedAgent agent;
  agent.connect();
  agent.server.has_allocation = false;  // it restarted
  agent.server.relayed = {endpoint("192.0.2.15:50001")};
  agent.talk_for(5min);
  EXPECT_EQ(agent.lone.state(), AgentState::disconnected);
  ASSERT_EQ(agent.lone.events_of<RestartNeeded>().size(), 1U);
  EXPECT_EQ(agent.lone.events_of<RestartNeeded>()[0].cause, Cause::relay_lost);
  EXPECT_EQ(agent.lone.pair(remote).cause, Cause::relay_lost);
  EXPECT_EQ(agent.report().losses, 1U);
  agent.restart();
  agent.run_for(100ms);
  ASSERT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.candidates()[0].endpoint, endpoint("192.0.2.15:50001"));
}

TEST(AgentRelay, ARestartUsesTheAllocationThatIsThere) {
  RelayedAgent agent;
  agent.connect();
  const std::size_t before = agent.asked(stun::Method::allocate);
  agent.restart();
  ASSERT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.candidates()[0].endpoint, endpoint(relayed_at));
  EXPECT_EQ(agent.candidates()[0].ufrag, agent.lone.agent().local_description().ufrag);
  EXPECT_EQ(agent.asked(stun::Method::allocate), before);
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 2U);
  const std::array<std::uint8_t, 1> payload{1};
  EXPECT_TRUE(agent.lone.agent().wrap(agent.lone.now, ComponentId{1}, payload, agent.scratch));
}

TEST(AgentRelay, OfAWrongPasswordTheReportTellsAtOnceAndNewCredentialsBeginAgain) {
  RelayedAgent agent{with_turn({}, "wrong")};
  agent.gather();
  EXPECT_EQ(agent.report().cause, Cause::wrong_credentials);
  EXPECT_EQ(agent.report().error_code, 401U);
  EXPECT_TRUE(agent.candidates().empty());
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
  agent.lone.agent().replace_credentials(agent.lone.now, ServerId{0}, *stun::Login::make("user", "pass"));
  agent.lone.settle();
  agent.settle();
  EXPECT_EQ(agent.report().cause, Cause::none);
  EXPECT_EQ(agent.report().relayed, endpoint(relayed_at));
}

TEST(AgentRelay, ADeadServerEndsGatheringWithinATransaction) {
  RelayedAgent agent;
  agent.server.alive = false;
  agent.gather();
  agent.run_for(39'400ms);
  EXPECT_TRUE(agent.lone.events_of<GatheringDone>().empty());
  agent.run_for(200ms);
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(agent.report().cause, Cause::no_response);
}

TEST(AgentRelay, AServerWithoutAnAddressIsInTheReport) {
  RelayedAgent agent{with_named_turn()};
  agent.gather();
  ASSERT_EQ(agent.lone.events_of<ServerNameNeeded>().size(), 1U);
  EXPECT_EQ(agent.lone.events_of<ServerNameNeeded>()[0].host, "turn.example.org");
  agent.fail_to_resolve();
  EXPECT_EQ(agent.report().cause, Cause::name_not_resolved);
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(agent.asked(stun::Method::allocate), 0U);
}

TEST(AgentRelay, ANameThatIsResolvedIsAskedThere) {
  RelayedAgent agent{with_named_turn()};
  agent.gather();
  agent.resolve();
  EXPECT_EQ(agent.candidates().back().endpoint, endpoint(relayed_at));
}

TEST(AgentRelay, OverTcpItAsksForAConnectionOfItsOwn) {
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse("turns:203.0.113.20"), *stun::Login::make("user", "pass"));
  LoneAgent lone{config};
  lone.gather();
  ASSERT_EQ(lone.requests.size(), 1U);
  const auto open = std::get<OpenSocket>(lone.requests[0]);
  EXPECT_EQ(open.kind, OpenSocket::Kind::connect);
  EXPECT_EQ(open.transport, Transport::tls);
  EXPECT_EQ(open.remote, endpoint("203.0.113.20:5349"));
  EXPECT_EQ(open.local.address, endpoint("192.0.2.1:0").address);
  EXPECT_EQ(open.framing, Framing::stun);
  EXPECT_EQ(open.tls_name, "203.0.113.20");
  EXPECT_TRUE(lone.events_of<GatheringDone>().empty());
  lone.agent().handle_socket(lone.now, SocketOpened{open.ticket, SocketId{77}, endpoint("192.0.2.1:33333")});
  lone.settle();
  const auto sent = lone.take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].packet.socket, SocketId{77});
  EXPECT_EQ(sent[0].message().method(), stun::Method::allocate);
  lone.agent().handle_socket(lone.now, SocketClosed{SocketId{77}, std::make_error_code(std::errc::connection_reset)});
  lone.settle();
  EXPECT_EQ(lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(lone.report().servers.at(0).cause, Cause::unreachable);
  EXPECT_EQ(lone.report().servers.at(0).transport, Transport::tls);
}

TEST(AgentRelay, AConnectionThatComesTooLateIsClosed) {
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse("turn:203.0.113.20?transport=tcp"), *stun::Login::make("user", "pass"));
  LoneAgent lone{config};
  lone.gather();
  const auto open = std::get<OpenSocket>(lone.requests.at(0));
  lone.agent().close(lone.now);
  lone.settle();
  lone.requests.clear();
  lone.agent().handle_socket(lone.now, SocketOpened{open.ticket, SocketId{77}, endpoint("192.0.2.1:33333")});
  lone.settle();
  ASSERT_EQ(lone.requests.size(), 1U);
  EXPECT_EQ(std::get<CloseSocket>(lone.requests[0]).socket, SocketId{77});
}

TEST(AgentRelay, ClosingGivesTheAllocationBackByOnePacketAndIsTheEnd) {
  RelayedAgent agent;
  agent.connect();
  agent.server.alive = false;
  agent.requests.clear();
  agent.lone.agent().close(agent.lone.now);
  agent.lone.settle();
  agent.settle();
  EXPECT_EQ(agent.requests, std::vector{stun::Method::refresh});
  EXPECT_EQ(agent.lone.agent().next_timeout(), std::nullopt);
}

TEST(AgentRelay, ASocketThatGoesAwayTakesItsRelayedAddressAlong) {
  RelayedAgent agent;
  agent.connect();
  ASSERT_TRUE(agent.lone.remove_socket(1));
  EXPECT_EQ(agent.lone.state(), AgentState::disconnected);
  EXPECT_EQ(agent.lone.events_of<RestartNeeded>().size(), 1U);
}

TEST(AgentRelay, ADriversSocketMayNotHaveTheIdOfARelayedAddress) {
  LoneAgent lone;
  EXPECT_EQ(lone.add_socket(0xFFFF0000, "192.0.2.9:5000").error(), errc::invalid_argument);
  EXPECT_TRUE(lone.add_socket(0xFFFEFFFF, "192.0.2.9:5000"));
}

TEST(AgentRelay, TwoUrisOfOneServerAreOneAllocation) {
  AgentConfig config = with_turn_and_all();
  config.servers.push_back(config.servers[0]);
  RelayedAgent agent{config};
  agent.gather();
  agent.run_for(1s);
  EXPECT_EQ(agent.asked(stun::Method::allocate), 2U);
  EXPECT_EQ(agent.candidates().size(), 3U);
}

TEST(AgentRelay, WhatNobodyNeedsAfterTheSelectionIsGivenBack) {
  RelayedAgent agent{with_turn_and_all()};
  agent.gather();
  agent.describe(LoneAgent::description({remote}));
  for (int i = 0; i < 20 && agent.lone.state() != AgentState::connected; ++i) {
    agent.run_for(5ms);
    for (const auto& sent : std::exchange(agent.direct, {}))
      if (sent.is_check()) agent.lone.succeed(sent);
  }
  ASSERT_EQ(agent.lone.state(), AgentState::connected);
  agent.run_for(2900ms);
  EXPECT_TRUE(agent.server.has_allocation);
  agent.run_for(200ms);
  EXPECT_FALSE(agent.server.has_allocation);
}

TEST(AgentRelay, ARelayThatIsAskedForLateIsWaitedForBeforeTheAgentFails) {
  for (const bool there : {true, false}) {
    RelayedAgent agent{with_named_turn()};
    agent.gather();
    agent.describe(LoneAgent::description({remote}));
    agent.run_for(38s);
    agent.server.alive = false;
    agent.resolve();
    agent.run_for(3s);
    EXPECT_EQ(agent.lone.state(), AgentState::checking);
    agent.server.alive = there;
    agent.run_for(38s - 3s);
    EXPECT_EQ(agent.lone.state(), AgentState::checking);
    EXPECT_EQ(agent.lone.report().pairs.size(), there ? 1U : 0U);
    agent.run_for(60s);
    EXPECT_EQ(agent.lone.state(), AgentState::failed);
    EXPECT_EQ(agent.lone.report().cause, there ? Cause::checks_failed : Cause::no_relay);
    EXPECT_EQ(agent.report().cause, there ? Cause::none : Cause::no_response);
  }
}

// Two connections are two allocations (RFC 8656 §3.2), and only one of them may be what the server wants.
TEST(AgentRelay, TwoUrisOfOneAddressAreAskedBothWhereTheirNamesOrLoginsDiffer) {
  const auto opened = [](const char* first, const char* second, const char* second_user) {
    AgentConfig config;
    config.servers.emplace_back(*stun::Uri::parse(first), *stun::Login::make("user", "pass"));
    config.servers.emplace_back(*stun::Uri::parse(second), *stun::Login::make(second_user, "pass"));
    LoneAgent lone{config};
    lone.gather();
    const std::array<Endpoint, 1> found{endpoint("203.0.113.20:5349")};
    for (const std::uint16_t server : {std::uint16_t{0}, std::uint16_t{1}})
      lone.agent().resolve_server(lone.now, ServerId{server}, found);
    lone.settle();
    lone.run_for(20ms);
    std::vector<std::string> names;
    for (const SocketRequest& request : lone.requests) names.push_back(std::get<OpenSocket>(request).tls_name);
    return names;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(opened("turns:a.example.org", "turns:b.example.org", "user"),
              ElementsAre("a.example.org", "b.example.org"));
  EXPECT_THAT(opened("turns:a.example.org", "turns:a.example.org", "other"),
              ElementsAre("a.example.org", "a.example.org"));
  EXPECT_THAT(opened("turns:a.example.org", "turns:a.example.org", "user"), ElementsAre("a.example.org"));
  EXPECT_THAT(opened("turn:a.example.org?transport=tcp", "turn:b.example.org?transport=tcp", "other"),
              ElementsAre("", ""));
  EXPECT_THAT(opened("turn:a.example.org?transport=tcp", "turn:b.example.org?transport=tcp", "user"), ElementsAre(""));
}

}  // namespace
}  // namespace ice
