#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ice/agent.hpp"
#include "ice/sim/network.hpp"
#include "ice/sim/node.hpp"
#include "ice/stun/binding_server.hpp"
#include "scenario/support/topology.hpp"
#include "scenario/support/turn_world.hpp"

namespace ice::test {

/// Two agents that call each other through a simulated internet: host, NAT and agent for each side, one STUN server,
/// and signalling that takes its time. Side 0 is the caller. What happens to it is told by its agent's report.
class Call {
 public:
  struct Config : Topology {
    std::uint64_t seed = 1;
    Duration signalling = 50ms;       ///< one way
    std::optional<Role> same_role{};  ///< both believe to have it (RFC 8445 §7.3.1.1); else the caller controls
    std::vector<Transport> relays{};  ///< by which both may use a TURN server
    bool named_relays = false;        ///< their URIs have a name, which `dns` resolves
    Duration ringing{};               ///< from the offer's arrival until the callee begins to gather and answers
  };

  /// What DNS says of the name of the TURN server, and when.
  struct Dns {
    Duration takes = 20ms;
    bool silent = false;                                                 ///< it never says anything
    std::vector<Endpoint> addresses{relay_server(), relay_server_v6()};  ///< none: there is no such name
  };

  struct Side {
    SeededRandom random;
    sim::Nat* nat = nullptr;
    sim::Host* host = nullptr;
    Pacer pacer{};
    std::unique_ptr<Agent> agent{};
    std::unique_ptr<sim::Node<Agent>> node{};
    std::vector<AgentEvent> events{};
    std::vector<std::string> received{};
    std::optional<TimePoint> connected{};
    TimePoint changed{};                          // when its state did, last
    std::size_t first_relay = 0;                  // the ServerId of its first TURN server
    bool described = false;                       // its description is on its way to the peer
    bool offering = false;                        // and asks for one of the peer
    std::vector<std::function<void()>> unsent{};  // candidates from before
  };

  explicit Call(Config config)
      : network{config.seed},
        config_{std::move(config)},
        sides_{Side{.random = network.make_random()}, Side{.random = network.make_random()}} {
    server_ = std::make_unique<sim::Node<stun::BindingServer>>(Topology::add_server(network), stun_server);
    for (const Endpoint& endpoint : {Topology::server_v4(), Topology::server_v6()}) {
      const auto socket = server_->bind(endpoint.address, {endpoint.port, endpoint.port});
      static_cast<void>(stun_server.add_socket({*socket, server_->local_endpoint(*socket)}).has_value());
    }
    const auto places = config_.build(network);
    if (!config_.relays.empty()) {
      turn.emplace(network, relay_server(), relay_server_v6());
      turn->secrets = {std::string{relay_secret}};
      turn->start();
    }
    build(0, places[0], config_.caller);
    build(1, places[1], config_.callee);
  }

  Side& operator[](int side) { return sides_[static_cast<std::size_t>(side)]; }
  Agent& agent(int side) { return *(*this)[side].agent; }

  /// The caller gathers and offers; the callee gathers and answers once it has rung.
  void start() {
    gather(0);
    offer(0);
  }

  /// One side restarts and offers anew (RFC 8445 §9). The peer answers; where both offer at once the caller's stands
  /// (RFC 3264 §4).
  void restart(int side) {
    EXPECT_TRUE(agent(side).restart(network.now()));
    (*this)[side].node->wake();
  }

  /// From its next request on a side shows this to the TURN server.
  void replace_credentials(int side, const stun::Login& login) {
    for (std::size_t i = 0; i < config_.relays.size(); ++i)
      agent(side).replace_credentials(network.now(),
                                      ServerId{static_cast<std::uint16_t>((*this)[side].first_relay + i)}, login);
    (*this)[side].node->wake();
  }

  /// The callee has picked up, so either side may restart.
  bool picked_up() const { return offered_; }

  /// From now on signalling loses everything, or nothing any more.
  void lose_signalling(bool lost) { signalling_lost_ = lost; }

  /// Until both agents are connected, or `limit` has passed.
  bool run_until_connected(Duration limit) {
    return network.run_until([this] { return sides_[0].connected && sides_[1].connected; }, network.now() + limit);
  }
  /// Until both have come to an end of some kind, or `limit` has passed.
  bool run_until_final(Duration limit) {
    return network.run_until([this] { return is_final(0) && is_final(1); }, network.now() + limit);
  }
  bool is_final(int side) {
    const AgentState state = agent(side).state();
    return state == AgentState::connected || state == AgentState::failed || state == AgentState::disconnected ||
           state == AgentState::closed;
  }

  /// Until no state has changed for `quiet`.
  void run_until_quiet(Duration quiet) {
    while (std::max(sides_[0].changed, sides_[1].changed) + quiet > network.now())
      network.run_until(std::max(sides_[0].changed, sides_[1].changed) + quiet);
  }

  /// Sends application data from a side. False where the agent refuses.
  bool send(int side, std::string_view text) {
    const auto packet = agent(side).wrap(network.now(), ComponentId{1}, bytes_of(text), scratch_);
    return packet && (*this)[side].node->send(*packet);
  }

  /// The pair that a side has selected, by the eyes of its report.
  std::optional<PairReport> selected(int side) {
    for (const PairReport& pair : agent(side).report().pairs)
      if (pair.selected) return pair;
    return std::nullopt;
  }
  /// Both have selected a pair, and it is the same one.
  bool same_pair() {
    const auto a = selected(0);
    const auto b = selected(1);
    return a && b && a->mapped == b->remote && a->remote == b->mapped;
  }

  /// That the TURN server knows users by who have a name of the time.
  static constexpr std::string_view relay_secret = "secret";
  static Endpoint relay_server() { return endpoint("198.51.100.9:3478"); }
  static Endpoint relay_server_v6() { return endpoint("[2001:db8:ffff::9]:3478"); }
  static std::string relay_uri(Transport transport, std::string_view host = {}) {
    return "turn:" + (host.empty() ? relay_server().to_string() : std::string{host}) +
           (transport == Transport::tcp ? "?transport=tcp" : "");
  }
  static constexpr std::string_view relay_name = "turn.example.org";

  sim::Network network;
  stun::BindingServer stun_server;
  std::optional<TurnServerProcess> turn{};
  Dns dns{};

 private:
  void build(int index, const Topology::Place& place, const SideConfig& config) {
    Side& side = (*this)[index];
    side.nat = place.nat;
    side.host = place.host;
    AgentConfig agent = config.agent;
    agent.role = config_.same_role.value_or(index == 0 ? Role::controlling : Role::controlled);
    if (config.use_stun) {
      if (config.ipv4) agent.servers.push_back(*stun::Uri::parse("stun:" + Topology::server_v4().to_string()));
      if (config.ipv6) agent.servers.push_back(*stun::Uri::parse("stun:" + Topology::server_v6().to_string()));
    }
    side.first_relay = agent.servers.size();
    for (const Transport transport : config_.relays)
      agent.servers.emplace_back(*stun::Uri::parse(relay_uri(transport, config_.named_relays ? relay_name : "")),
                                 config.relay_login.value_or(*stun::Login::make("user", "pass")));
    side.agent = std::make_unique<Agent>(std::move(agent), Environment{side.random, side.pacer, nullptr});
    side.node = std::make_unique<sim::Node<Agent>>(
        *side.host, *side.agent, [this, index](AgentEvent event) { on_event(index, std::move(event)); });
    side.node->on_data([this, index](const Received& received) {
      (*this)[index].received.emplace_back(received.data.begin(), received.data.end());
    });
  }

  void gather(int index) {
    Side& side = (*this)[index];
    for (const Address& address : side.host->addresses()) {
      const auto socket = side.node->bind(address);
      const Socket added{*socket, side.node->local_endpoint(*socket), "eth0", ComponentId{1}};
      static_cast<void>(side.agent->add_socket(network.now(), added).has_value());
    }
    side.agent->gather(network.now());
    side.node->wake();
  }

  /// Tells the peer who this side is; candidates follow as they are found.
  void offer(int index) {
    (*this)[index].offering = true;
    describe(index, {});
  }

  /// `answered` is the ufrag of the offer that this answers; empty for an offer.
  void describe(int index, const std::string& answered) {
    Description description = agent(index).local_description();
    description.streams[0].candidates.clear();
    description.streams[0].end_of_candidates = false;
    signal(index, [this, index, answered, description = std::move(description)] {
      if (index == 0 && !offered_ && !std::exchange(ringing_, true))
        network.schedule(network.now() + config_.ringing, [this, description] { pick_up(description); });
      else
        hear(1 - index, description, answered);
    });
    Side& side = (*this)[index];
    side.described = true;
    for (auto& message : std::exchange(side.unsent, {})) signal(index, std::move(message));
  }

  void pick_up(const Description& offer) {
    gather(1);
    offered_ = true;
    hear(1, offer, {});
    for (const auto& message : std::exchange(before_answer_, {})) message();
  }

  void hear(int index, const Description& description, const std::string& answered) {
    Side& side = (*this)[index];
    const bool is_offer = answered.empty();
    if (is_offer && side.offering && index == 0) return;
    if (!is_offer && (!side.offering || answered != agent(index).local_description().ufrag)) return;
    side.offering = false;
    static_cast<void>(agent(index).set_remote_description(network.now(), description).has_value());
    if (is_offer) describe(index, description.ufrag);
    side.node->wake();
  }

  void on_event(int index, AgentEvent event) {
    Side& side = (*this)[index];
    if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
      trickle(index, [this, index, candidate = gathered->candidate] {
        static_cast<void>(agent(1 - index).add_remote_candidate(network.now(), candidate).has_value());
        (*this)[1 - index].node->wake();
      });
    } else if (std::holds_alternative<GatheringDone>(event)) {
      trickle(index, [this, index, ufrag = agent(index).local_description().ufrag] {
        agent(1 - index).end_of_remote_candidates(network.now(), ufrag);
        (*this)[1 - index].node->wake();
      });
    } else if (const auto* changed = std::get_if<StateChanged>(&event)) {
      side.changed = network.now();
      if (changed->state == AgentState::connected) side.connected = network.now();
    } else if (const auto* restarted = std::get_if<Restarted>(&event); restarted != nullptr && !restarted->by_peer) {
      offer(index);
    } else if (const auto* needed = std::get_if<ServerNameNeeded>(&event)) {
      resolve(index, needed->server);
    }
    side.events.push_back(std::move(event));
  }

  /// It is asked at this moment, and the answer comes later.
  void resolve(int index, ServerId server) {
    if (dns.silent) return;
    network.schedule(network.now() + dns.takes, [this, index, server, addresses = dns.addresses] {
      if (addresses.empty())
        agent(index).fail_server(network.now(), server, make_error_code(errc::name_not_resolved));
      else
        agent(index).resolve_server(network.now(), server, addresses);
      (*this)[index].node->wake();
    });
  }

  void trickle(int index, std::function<void()> message) {
    Side& side = (*this)[index];
    if (side.described)
      signal(index, std::move(message));
    else
      side.unsent.push_back(std::move(message));
  }

  /// What the caller says while the callee rings waits for the callee, as in a mailbox.
  void signal(int from, std::function<void()> message) {
    network.schedule(network.now() + config_.signalling, [this, from, message = std::move(message)] {
      if (signalling_lost_) return;
      if (from == 0 && ringing_ && !offered_)
        before_answer_.push_back(message);
      else
        message();
    });
  }

  Config config_;
  std::unique_ptr<sim::Node<stun::BindingServer>> server_;
  std::array<Side, 2> sides_;
  std::array<std::uint8_t, scratch_size> scratch_{};
  bool ringing_ = false;
  bool offered_ = false;
  bool signalling_lost_ = false;
  std::vector<std::function<void()>> before_answer_;
};

}  // namespace ice::test
