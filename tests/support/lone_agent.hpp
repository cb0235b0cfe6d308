#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ice/agent.hpp"
#include "ice/stun/credential.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

using namespace std::chrono_literals;

/// A check as the peer of a LoneAgent would send it; every member is a way in which it may be wrong.
struct PeerCheck {
  std::string to_ufrag{};    ///< "" for the agent's own
  std::string from_ufrag{};  ///< "" for the peer's own
  std::optional<std::string> username{};
  std::optional<Role> role{};  ///< none for the role that the agent has not
  bool roleless = false;       ///< neither ICE-CONTROLLING nor ICE-CONTROLLED
  std::uint64_t tie_breaker = 1;
  std::optional<std::uint32_t> priority = 1'862'270'975;
  bool nominate = false;
  bool sign = true;
  bool fingerprint = true;
  std::string password{};  ///< that it is signed with; "" for the agent's own
  std::optional<stun::AttributeType> unknown{};
};

/// One agent in virtual time. The test plays everybody else: the peer, who signs what it says, STUN servers, strangers.
/// It holds the agent to the contract as it goes: after drain() no timeout is due.
class LoneAgent {
 public:
  struct Sent {
    TimePoint at{};
    Packet packet{};

    stun::Message message() const { return packet.message(); }
    bool is(stun::Class message_class) const { return message().message_class() == message_class; }
    bool nominates() const { return message().has<stun::attr::UseCandidate>(); }
    /// A check or a consent request; questions to servers have no user name.
    bool is_check() const { return is(stun::Class::request) && message().has<stun::attr::Username>(); }
  };
  struct Heard {
    Verdict verdict = Verdict::handled;
    std::string data{};
    std::optional<Packet> answer{};
  };

  static constexpr SocketId socket{1};
  static constexpr std::string_view peer_ufrag = "peerUfrag";
  static constexpr std::string_view peer_password = "thePasswordOfThePeer123456";
  // What the peer has after its restart.
  static constexpr std::string_view new_peer_ufrag = "newPeerUfrag";
  static constexpr std::string_view new_peer_password = "theNewPasswordOfThePeer123456";

  explicit LoneAgent(AgentConfig config = {}, std::initializer_list<std::string_view> locals = {"192.0.2.1:5000"},
                     Pacer* shared_pacer = nullptr, std::uint64_t seed = 1)
      : random{seed},
        agent_{std::make_unique<Agent>(std::move(config),
                                       Environment{random, shared_pacer ? *shared_pacer : own_pacer_, nullptr})} {
    std::uint32_t id = 1;
    for (const std::string_view local : locals)
      EXPECT_TRUE(agent().add_socket(now, {SocketId{id++}, endpoint(local), "eth0", ComponentId{1}}));
    settle();
  }

  Agent& agent() { return *agent_; }
  AgentState state() const { return agent_->state(); }
  ConnectivityReport report() const { return agent_->report(); }

  // ---- verbs

  void gather() {
    agent().gather(now);
    settle();
  }
  result<void> add_socket(std::uint32_t id, std::string_view local, ComponentId component = ComponentId{1}) {
    const auto added = agent().add_socket(now, {SocketId{id}, endpoint(local), "wlan0", component});
    settle();
    return added;
  }
  result<void> remove_socket(std::uint32_t id) {
    const auto removed = agent().remove_socket(now, SocketId{id}, make_error_code(errc::closed));
    settle();
    return removed;
  }
  /// What the peer signals, with host candidates at these endpoints.
  static Description description(std::initializer_list<std::string_view> candidates,
                                 std::optional<std::chrono::milliseconds> pacing = 5ms) {
    Description told;
    told.ufrag = peer_ufrag;
    told.password = peer_password;
    told.options = {"ice2", "trickle"};
    told.pacing = pacing;
    told.streams.emplace_back();
    for (const std::string_view text : candidates) told.streams.back().candidates.push_back(candidate(text));
    return told;
  }
  static Description new_description(std::initializer_list<std::string_view> candidates) {
    Description told = description(candidates);
    told.ufrag = new_peer_ufrag;
    told.password = new_peer_password;
    return told;
  }
  static Candidate candidate(std::string_view text, CandidateType type = CandidateType::host,
                             std::uint16_t preference = 65535, std::string foundation = "1") {
    Candidate told;
    told.foundation = std::move(foundation);
    told.priority = candidate_priority(type, preference, ComponentId{1});
    told.endpoint = endpoint(text);
    told.type = type;
    return told;
  }
  void describe(const Description& told) {
    EXPECT_TRUE(agent().set_remote_description(now, told));
    settle();
  }
  void restart() {
    EXPECT_TRUE(agent().restart(now));
    settle();
  }
  /// Gathers and learns of the peer.
  void start(std::initializer_list<std::string_view> candidates,
             std::optional<std::chrono::milliseconds> pacing = 5ms) {
    gather();
    describe(description(candidates, pacing));
  }
  result<void> add(const Candidate& told) {
    const auto added = agent().add_remote_candidate(now, told);
    settle();
    return added;
  }
  /// What wrap() answers: the destination, or the error.
  result<Endpoint> send(std::string_view text) {
    const Bytes payload{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    const auto packet = agent().wrap(now, ComponentId{1}, payload, scratch_);
    settle();
    if (!packet) return fail(packet.error());
    EXPECT_TRUE(packet->head.empty());
    EXPECT_EQ(packet->body.data(), payload.data());
    return packet->to;
  }

  // ---- the peer and everybody else

  stun::Credential local_key() const { return *stun::Credential::short_term(agent_->local_description().password); }
  static stun::Credential peer_key() { return *stun::Credential::short_term(peer_password); }
  static stun::Credential new_peer_key() { return *stun::Credential::short_term(new_peer_password); }

  Packet make_check(const PeerCheck& check = {}) {
    const Description mine = agent().local_description();
    return stun_message(stun::Class::request, stun::TransactionId::random(random), [&](stun::Builder& builder) {
      const std::string username =
          check.username.value_or((check.to_ufrag.empty() ? mine.ufrag : check.to_ufrag) + ":" +
                                  (check.from_ufrag.empty() ? std::string{peer_ufrag} : check.from_ufrag));
      if (!username.empty()) builder.add<stun::attr::Username>(username);
      if (check.priority) builder.add<stun::attr::Priority>(*check.priority);
      const Role other = agent().role() == Role::controlling ? Role::controlled : Role::controlling;
      if (!check.roleless && check.role.value_or(other) == Role::controlling)
        builder.add<stun::attr::IceControlling>(check.tie_breaker);
      else if (!check.roleless)
        builder.add<stun::attr::IceControlled>(check.tie_breaker);
      if (check.nominate) builder.add<stun::attr::UseCandidate>();
      if (check.unknown) builder.add_raw(*check.unknown, {});
      const std::string& password = check.password.empty() ? mine.password : check.password;
      if (check.sign) builder.integrity(*stun::Credential::short_term(password));
      if (check.fingerprint) builder.fingerprint();
    });
  }

  Heard receive(Bytes bytes, std::string_view from, SocketId on = socket) {
    const Received received = agent().handle_datagram(now, {on, endpoint(from), bytes, {}}, scratch_);
    Heard heard{received.verdict, {received.data.begin(), received.data.end()}, std::nullopt};
    if (received.forward) heard.answer.emplace(*received.forward);
    settle();
    return heard;
  }
  Heard receive(const Packet& packet, std::string_view from, SocketId on = socket) {
    return receive(packet.bytes(), from, on);
  }
  Heard receive_text(std::string_view text, std::string_view from) {
    return receive(Bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, from);
  }
  Heard check(std::string_view from, const PeerCheck& check = {}, SocketId on = socket) {
    return receive(make_check(check), from, on);
  }

  /// The peer's answer to a check of ours.
  static Packet success_for(const Sent& sent, std::string_view mapped, const stun::Credential& key = peer_key()) {
    return success_response(sent.message().transaction_id(), [&](stun::Builder& builder) {
      builder.add<stun::attr::XorMappedAddress>(endpoint(mapped)).integrity(key).fingerprint();
    });
  }
  static Packet error_for(const Sent& sent, stun::ErrorCode code, const stun::Credential& key = peer_key()) {
    return error_response(sent.message().transaction_id(), code,
                          [&](stun::Builder& builder) { builder.integrity(key).fingerprint(); });
  }
  Heard succeed(const Sent& sent, std::string_view mapped = "192.0.2.1:5000") {
    return receive(success_for(sent, mapped), sent.packet.to.to_string(), sent.packet.socket);
  }
  /// The same of the peer after its restart.
  Heard succeed_anew(const Sent& sent, std::string_view mapped = "192.0.2.1:5000") {
    return receive(success_for(sent, mapped, new_peer_key()), sent.packet.to.to_string(), sent.packet.socket);
  }
  Heard refuse(const Sent& sent, stun::ErrorCode code) {
    return receive(error_for(sent, code), sent.packet.to.to_string(), sent.packet.socket);
  }
  /// A server's answer, which is signed by nobody.
  Heard serve(const Sent& sent, std::string_view mapped) {
    const auto answer = success_response(sent.message().transaction_id(), [&](stun::Builder& builder) {
      builder.add<stun::attr::XorMappedAddress>(endpoint(mapped));
    });
    return receive(answer, sent.packet.to.to_string(), sent.packet.socket);
  }

  // ---- time

  /// Empties the agent. Called by everything here; for verbs that a test calls itself.
  void settle() {
    struct Outlet {
      LoneAgent& lone;
      void transmit(const Transmit& out) { lone.sent_.push_back({lone.now, Packet{out}}); }
      void event(AgentEvent event) { lone.events.push_back(std::move(event)); }
      void request(SocketRequest request) { lone.requests.push_back(std::move(request)); }
    } outlet{*this};
    const auto next = drain(agent(), now, scratch_, outlet);
    if (next && *next <= now) {
      spinning_ = true;
      ADD_FAILURE() << "the next timeout is due at once, after drain()";
    }
  }

  void run_until(TimePoint end) {
    for (auto next = agent().next_timeout(); next && *next <= end; next = agent().next_timeout()) {
      now = std::max(now, *next);
      agent().handle_timeout(now);
      settle();
      if (::testing::Test::HasFatalFailure() || spinning_) return;
    }
    now = std::max(now, end);
  }
  void run_for(Duration time) { run_until(now + time); }

  // ---- what came out

  /// Everything sent since the last call.
  std::vector<Sent> take_sent() { return std::exchange(sent_, {}); }
  /// Those to one destination.
  std::vector<Sent> take_sent_to(std::string_view to) {
    std::vector<Sent> all;
    for (Sent& sent : take_sent())
      if (sent.packet.to == endpoint(to)) all.push_back(std::move(sent));
    return all;
  }
  template <class E>
  std::vector<E> events_of() const {
    std::vector<E> all;
    for (const AgentEvent& event : events)
      if (const E* wanted = std::get_if<E>(&event)) all.push_back(*wanted);
    return all;
  }
  /// The pair to this remote address; the first, where several bases have one.
  PairReport pair(std::string_view remote) const {
    for (const PairReport& known : report().pairs)
      if (known.remote == endpoint(remote)) return known;
    ADD_FAILURE() << "no pair to " << remote;
    return {};
  }

  /// Becomes connected through `remote`, as either role, by answering what is asked.
  void connect(std::string_view remote = "198.51.100.1:6000") {
    if (agent().local_description().streams[0].candidates.empty()) gather();
    describe(description({remote}));
    for (int i = 0; i < 20 && state() != AgentState::connected; ++i) {
      run_for(5ms);
      for (const Sent& sent : take_sent()) {
        if (sent.is_check()) succeed(sent);
        if (agent().role() == Role::controlled) check(remote, {.nominate = true});
      }
    }
    EXPECT_EQ(state(), AgentState::connected);
    take_sent();
  }

  TimePoint now{};
  SeededRandom random;
  std::vector<AgentEvent> events{};
  std::vector<SocketRequest> requests{};

 private:
  Pacer own_pacer_{};
  std::unique_ptr<Agent> agent_;
  std::vector<Sent> sent_{};
  bool spinning_ = false;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

/// The config of an agent that answers, as most tests that play the controlling peer want it.
inline AgentConfig controlled_config() {
  AgentConfig config;
  config.role = Role::controlled;
  return config;
}

}  // namespace ice::test
