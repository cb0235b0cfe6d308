#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/lone_agent.hpp"
#include "support/turn_client_rig.hpp"

namespace ice::test {

constexpr std::string_view turn_uri = "turn:203.0.113.20:3478";

inline AgentConfig with_turn(AgentConfig config = {}, std::string_view password = "pass") {
  config.servers.emplace_back(*stun::Uri::parse(turn_uri), *stun::Login::make("user", password));
  config.policy = CandidatePolicy::relay_only;  // so that all checks are relayed ones
  return config;
}
inline AgentConfig with_turn_and_all(AgentConfig config = {}) {
  config = with_turn(std::move(config));
  config.policy = CandidatePolicy::all;
  return config;
}

/// The same server by a name, which DNS has to resolve.
inline AgentConfig with_named_turn(AgentConfig config = {}) {
  config = with_turn(std::move(config));
  config.servers.back().uri = *stun::Uri::parse("turn:turn.example.org");
  return config;
}

inline Packet data_indication(const Endpoint& peer, Bytes data) {
  const auto fill = [&](stun::Builder& b) {
    b.add<stun::attr::XorPeerAddress>(peer);
    b.add<stun::attr::Data>(data);
  };
  return stun_message(stun::Class::indication, stun::TransactionId{{9}}, fill, stun::Method::data);
}

/// An agent, its TURN server, and the peer behind that.
class RelayedAgent {
 public:
  static constexpr std::string_view remote = "198.51.100.1:6000";
  static constexpr std::string_view server_at = "203.0.113.20:3478";
  static constexpr std::string_view relayed_at = "192.0.2.15:50000";

  /// What reached the peer through the server.
  struct ToPeer {
    TimePoint at;
    Endpoint peer;
    std::vector<std::uint8_t> bytes;
    bool channel;
    SocketId socket;  // of the agent, that it left from

    std::string text() const { return {bytes.begin(), bytes.end()}; }
    stun::Message message() const { return *stun::Message::parse(bytes); }
  };

  explicit RelayedAgent(AgentConfig config = with_turn()) : lone{std::move(config)} {}

  void gather() {
    lone.gather();
    settle();
  }
  /// DNS answers for the server of this number.
  void resolve(std::string_view to = server_at, std::uint16_t number = 0) {
    const std::array<Endpoint, 1> found{endpoint(to)};
    lone.agent().resolve_server(lone.now, ServerId{number}, found);
    lone.settle();
    settle();
  }
  void fail_to_resolve(std::uint16_t number = 0) {
    lone.agent().fail_server(lone.now, ServerId{number}, make_error_code(errc::name_not_resolved));
    lone.settle();
    settle();
  }
  void restart() {
    lone.restart();
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
  Received from_peer(Bytes payload, std::string_view peer = remote, SocketId on = LoneAgent::socket) {
    const Packet indication = data_indication(endpoint(peer), payload);
    last_in = indication.bytes();
    return receive(last_in, server_at, on);
  }
  Received from_peer(const Packet& packet, std::string_view peer = remote, SocketId on = LoneAgent::socket) {
    return from_peer(packet.bytes(), peer, on);
  }
  Received receive(Bytes bytes, std::string_view from = server_at, SocketId on = LoneAgent::socket) {
    const Received received = lone.agent().handle_datagram(lone.now, {on, endpoint(from), bytes, {}}, scratch);
    forwarded.reset();
    if (received.forward) forwarded.emplace(*received.forward);
    lone.settle();
    settle();
    return received;
  }
  /// The peer checks, and is answered.
  Received check(std::string_view peer = remote, const PeerCheck& how = {}) {
    return from_peer(lone.make_check(how), peer);
  }
  void answer(const ToPeer& check, const stun::Credential& key = LoneAgent::peer_key()) {
    const Packet success = success_response(check.message().transaction_id(), [&](stun::Builder& builder) {
      builder.add<stun::attr::XorMappedAddress>(endpoint(relayed_at));
      builder.integrity(key).fingerprint();
    });
    from_peer(success, check.peer.to_string(), check.socket);
  }
  bool can_send() {
    const std::array<std::uint8_t, 1> payload{1};
    return lone.agent().wrap(lone.now, ComponentId{1}, payload, scratch).has_value();
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
  std::map<Endpoint, ScriptedTurnServer> other_servers;
  std::vector<stun::Method> requests;
  std::vector<ToPeer> to_peers;
  std::vector<LoneAgent::Sent> direct;
  std::optional<Packet> forwarded;
  std::vector<std::uint8_t> last_in;
  std::map<std::uint16_t, Endpoint> channels;
  std::array<std::uint8_t, scratch_size> scratch{};

 private:
  void handle(const LoneAgent::Sent& sent) {
    ScriptedTurnServer* const asked = server_of(sent.packet.to);
    if (asked == nullptr) {
      direct.push_back(sent);
      return;
    }
    const Bytes bytes = sent.packet.bytes();
    if (bytes[0] >= 0x40) {
      const auto number = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
      const std::size_t length = std::size_t{bytes[2]} << 8 | bytes[3];
      pass_on(sent, channels.at(number), bytes.subspan(4, length), true);
      return;
    }
    const stun::Message message = sent.message();
    if (message.is(stun::Method::send, stun::Class::indication)) {
      pass_on(sent, *message.get<stun::attr::XorPeerAddress>(), *message.get<stun::attr::Data>(), false);
      return;
    }
    if (message.message_class() != stun::Class::request) return;
    requests.push_back(message.method());
    if (message.method() == stun::Method::channel_bind)
      channels[*message.get<stun::attr::ChannelNumber>()] = *message.get<stun::attr::XorPeerAddress>();
    const auto answered = asked->answer(message);
    if (answered) lone.receive(*answered, sent.packet.to.to_string(), sent.packet.socket);
  }
  ScriptedTurnServer* server_of(const Endpoint& at) {
    if (at == endpoint(server_at)) return &server;
    const auto found = other_servers.find(at);
    return found == other_servers.end() ? nullptr : &found->second;
  }
  void pass_on(const LoneAgent::Sent& sent, const Endpoint& peer, Bytes bytes, bool channel) {
    to_peers.push_back({sent.at, peer, {bytes.begin(), bytes.end()}, channel, sent.packet.socket});
  }
};

}  // namespace ice::test
