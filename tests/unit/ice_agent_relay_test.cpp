// Relayed candidates in one agent, beside a TURN server by script: what is asked when, what is wrapped, what is told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "ice/base/machine.hpp"
#include "support/allocations.hpp"
#include "support/lone_agent.hpp"
#include "support/turn_client_rig.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Allocations;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;
using test::Packet;
using test::ScriptedTurnServer;

constexpr std::string_view remote = "198.51.100.1:6000";
constexpr std::string_view other = "198.51.100.2:6000";
constexpr std::string_view server_at = "203.0.113.20:3478";
constexpr std::string_view relayed_at = "192.0.2.15:50000";
constexpr std::string_view uri = "turn:203.0.113.20:3478";

AgentConfig with_turn(AgentConfig config = {}, std::string_view password = "pass") {
  config.servers.emplace_back(*stun::Uri::parse(uri), *stun::Login::make("user", password));
  config.policy = CandidatePolicy::relay_only;  // so that all checks are relayed ones
  return config;
}
AgentConfig with_turn_and_all(AgentConfig config = {}) {
  config = with_turn(std::move(config));
  config.policy = CandidatePolicy::all;
  return config;
}

Packet data_indication(const Endpoint& peer, Bytes data) {
  const auto fill = [&](stun::Builder& b) {
    b.add<stun::attr::XorPeerAddress>(peer);
    b.add<stun::attr::Data>(data);
  };
  return test::stun_message(stun::Class::indication, stun::TransactionId{{9}}, fill, stun::Method::data);
}

/// An agent, its TURN server, and the peer behind that.
class RelayedAgent {
 public:
  /// What reached the peer through the server.
  struct ToPeer {
    TimePoint at;
    Endpoint peer;
    std::vector<std::uint8_t> bytes;
    bool channel;

    std::string text() const { return {bytes.begin(), bytes.end()}; }
    stun::Message message() const { return *stun::Message::parse(bytes); }
  };

  explicit RelayedAgent(AgentConfig config = with_turn()) : lone{std::move(config)} {}

  void gather() {
    lone.gather();
    settle();
  }
  void describe(const Description& told) {
    lone.describe(told);
    settle();
  }
  void run_for(Duration time) {
    const TimePoint end = lone.now + time;
    for (auto next = lone.agent().next_timeout(); next && *next <= end; next = lone.agent().next_timeout()) {
      lone.run_until(*next);
      settle();
    }
    lone.now = end;
  }

  /// The server answers what it is asked, and passes on what it is to pass on.
  void settle() {
    for (auto sent = lone.take_sent(); !sent.empty(); sent = lone.take_sent())
      for (const LoneAgent::Sent& one : sent) handle(one);
  }

  /// From the peer, as the server brings it.
  Received from_peer(Bytes payload, std::string_view peer = remote) {
    const Packet indication = data_indication(endpoint(peer), payload);
    last_in = indication.bytes();
    return receive(last_in);
  }
  Received from_peer(const Packet& packet, std::string_view peer = remote) { return from_peer(packet.bytes(), peer); }
  Received receive(Bytes bytes, std::string_view from = server_at) {
    const Received received =
        lone.agent().handle_datagram(lone.now, {LoneAgent::socket, endpoint(from), bytes, {}}, scratch);
    forwarded.reset();
    if (received.forward) forwarded.emplace(*received.forward);
    lone.settle();
    settle();
    return received;
  }
  /// The peer checks, and is answered.
  Received check(std::string_view peer = remote, const test::PeerCheck& how = {}) {
    return from_peer(lone.make_check(how), peer);
  }
  void answer(const ToPeer& check) {
    const Packet success = test::success_response(check.message().transaction_id(), [&](stun::Builder& builder) {
      builder.add<stun::attr::XorMappedAddress>(endpoint(relayed_at));
      builder.integrity(LoneAgent::peer_key()).fingerprint();
    });
    from_peer(success, check.peer.to_string());
  }
  std::vector<ToPeer> take_to_peers() { return std::exchange(to_peers, {}); }

  void connect() {
    gather();
    describe(LoneAgent::description({remote}));
    for (int i = 0; i < 20 && lone.state() != AgentState::connected; ++i) {
      run_for(5ms);
      for (const ToPeer& sent : take_to_peers()) answer(sent);
      if (lone.agent().role() == Role::controlled) check(remote, {.nominate = true});
    }
    ASSERT_EQ(lone.state(), AgentState::connected);
  }
  /// For so long, with a peer that answers consent.
  void talk_for(Duration time) {
    for (const TimePoint end = lone.now + time; lone.now < end;) {
      run_for(1s);
      for (const ToPeer& sent : take_to_peers()) answer(sent);
    }
  }

  std::vector<Candidate> candidates() { return lone.agent().local_description().streams[0].candidates; }
  ServerReport report() { return lone.report().servers.at(0); }
  std::size_t asked(stun::Method method) const {
    return static_cast<std::size_t>(std::count(requests.begin(), requests.end(), method));
  }

  LoneAgent lone;
  ScriptedTurnServer server;
  std::vector<stun::Method> requests;
  std::vector<ToPeer> to_peers;
  std::vector<LoneAgent::Sent> direct;
  std::optional<Packet> forwarded;
  std::vector<std::uint8_t> last_in;
  std::map<std::uint16_t, Endpoint> channels;
  std::array<std::uint8_t, scratch_size> scratch{};

 private:
  void handle(const LoneAgent::Sent& sent) {
    if (sent.packet.to != endpoint(server_at)) {
      direct.push_back(sent);
      return;
    }
    const Bytes bytes = sent.packet.bytes();
    if (bytes[0] >= 0x40) {
      const auto number = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
      const std::size_t length = std::size_t{bytes[2]} << 8 | bytes[3];
      pass_on(sent.at, channels.at(number), bytes.subspan(4, length), true);
      return;
    }
    const stun::Message message = sent.message();
    if (message.is(stun::Method::send, stun::Class::indication)) {
      pass_on(sent.at, *message.get<stun::attr::XorPeerAddress>(), *message.get<stun::attr::Data>(), false);
      return;
    }
    if (message.message_class() != stun::Class::request) return;
    requests.push_back(message.method());
    if (message.method() == stun::Method::channel_bind)
      channels[*message.get<stun::attr::ChannelNumber>()] = *message.get<stun::attr::XorPeerAddress>();
    const auto answered = server.answer(message);
    if (answered) lone.receive(*answered, server_at);
  }
  void pass_on(TimePoint at, const Endpoint& peer, Bytes bytes, bool channel) {
    to_peers.push_back({at, peer, {bytes.begin(), bytes.end()}, channel});
  }
};

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
  agent.lone.restart();
  agent.settle();
  agent.run_for(100ms);
  ASSERT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.candidates()[0].endpoint, endpoint("192.0.2.15:50001"));
}

TEST(AgentRelay, ARestartUsesTheAllocationThatIsThere) {
  RelayedAgent agent;
  agent.connect();
  const std::size_t before = agent.asked(stun::Method::allocate);
  agent.lone.restart();
  agent.settle();
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
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse("turn:turn.example.org"), *stun::Login::make("user", "pass"));
  RelayedAgent agent{config};
  agent.gather();
  ASSERT_EQ(agent.lone.events_of<ServerNameNeeded>().size(), 1U);
  EXPECT_EQ(agent.lone.events_of<ServerNameNeeded>()[0].host, "turn.example.org");
  agent.lone.agent().fail_server(agent.lone.now, ServerId{0}, make_error_code(errc::name_not_resolved));
  agent.lone.settle();
  EXPECT_EQ(agent.report().cause, Cause::name_not_resolved);
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
  EXPECT_EQ(agent.asked(stun::Method::allocate), 0U);
}

TEST(AgentRelay, ANameThatIsResolvedIsAskedThere) {
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse("turn:turn.example.org"), *stun::Login::make("user", "pass"));
  RelayedAgent agent{config};
  agent.gather();
  const std::array<Endpoint, 1> found{endpoint(server_at)};
  agent.lone.agent().resolve_server(agent.lone.now, ServerId{0}, found);
  agent.lone.settle();
  agent.settle();
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

}  // namespace
}  // namespace ice
