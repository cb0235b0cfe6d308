#include "explain_truth/world.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "explain_truth/host_firewall.hpp"
#include "ice/sim/network.hpp"
#include "ice/sim/node.hpp"
#include "ice/stun/binding_server.hpp"
#include "ice/turn/server.hpp"

namespace ice::truth {
namespace {

using namespace std::chrono_literals;

constexpr std::array stun_at{Endpoint{Address::v4(198, 51, 100, 1), 3478},
                             Endpoint{Address::v4(198, 51, 100, 2), 3478}};
constexpr Endpoint turn_at{Address::v4(198, 51, 100, 9), 3478};
constexpr Endpoint nobody_at{Address::v4(198, 51, 100, 200), 3478};
constexpr std::string_view secret = "red pill";
constexpr std::chrono::seconds unix_time_at_start{1'700'000'000};
constexpr std::string_view another_password = "notThePasswordOfAnybody1";
constexpr std::string_view another_ufrag = "somebody";

/// Longer than RFC 4787 lets a NAT forget in, and as long as people let it ring.
constexpr Duration long_ringing = 50s;
constexpr Duration calm = 5s;        // of a connection, before something strikes it
constexpr Duration aftermath = 45s;  // until consent has expired (RFC 7675 §5.1) and the application has restarted
constexpr std::size_t big_packet = 1000;
constexpr std::uint32_t small_mtu = 700;

/// The servers on the internet that both know.
class Servers {
 public:
  Servers(sim::Network& network, const turn::ServerLimits& limits)
      : stun_hosts_{&network.internet().add_host("stun1", {stun_at[0].address}),
                    &network.internet().add_host("stun2", {stun_at[1].address})},
        turn_host_{network.internet().add_host("turn", {turn_at.address})},
        random_{network.make_random()},
        turn_{turn_config(limits), {random_, pacer_}},
        turn_node_{turn_host_, turn_} {
    for (std::size_t i = 0; i < stun_hosts_.size(); ++i) {
      nodes_.push_back(std::make_unique<sim::Node<stun::BindingServer>>(*stun_hosts_[i], stun_[i]));
      static_cast<void>(
          stun_[i].add_socket({*nodes_[i]->bind(stun_at[i].address, {3478, 3478}), stun_at[i]}).has_value());
    }
    const auto socket = turn_node_.bind(turn_at.address, {turn_at.port, turn_at.port});
    static_cast<void>(turn_.add_socket({.socket = *socket, .local = turn_at}).has_value());
    static_cast<void>(turn_.add_relay_address(turn_at.address).has_value());
    turn_.set_secrets({std::string{secret}});
    turn_.set_unix_time(network.now(), unix_time_at_start);
    turn_node_.listen(turn_at, Framing::stun);
  }

  void kill_stun() {
    for (sim::Host* host : stun_hosts_) host->kill();
  }
  void kill_turn() { turn_host_.kill(); }

 private:
  // The addresses of this internet are those of documentation (RFC 5737), which a server does not relay to by itself.
  static turn::ServerConfig turn_config(const turn::ServerLimits& limits) {
    turn::ServerConfig config;
    config.limits = limits;
    for (const std::string_view range : {"192.0.2.0/24", "203.0.113.0/24"})
      config.allow_peers.push_back(*turn::AddressRange::parse(range));
    return config;
  }

  std::array<sim::Host*, 2> stun_hosts_;
  sim::Host& turn_host_;
  SeededRandom random_;
  Pacer pacer_;
  std::array<stun::BindingServer, 2> stun_;
  turn::Server turn_;
  std::vector<std::unique_ptr<sim::Node<stun::BindingServer>>> nodes_;
  sim::Node<turn::Server> turn_node_;
};

struct Side {
  SeededRandom random;
  Pacer pacer{};
  sim::Nat* nat = nullptr;
  sim::Host* host = nullptr;
  std::optional<Agent> agent{};
  std::optional<HostFirewall> firewall{};
  std::optional<sim::Node<HostFirewall>> node{};
  std::optional<SocketId> socket{};
  bool gathering = false;
  bool offering = false;
  bool described = false;
  bool restarted = false;
  bool interrupted = false;
  std::size_t big_received = 0;
  std::vector<std::function<void()>> unsent{};
};

class World {
 public:
  World(const Plan& plan, const std::vector<Fault>& faults)
      : plan_{plan},
        faults_{faults},
        network_{plan.seed},
        servers_{network_, turn_limits()},
        sides_{Side{network_.make_random()}, Side{network_.make_random()}} {
    sim::Realm* outside = &network_.internet();
    if (plan_.shape == Shape::nested) {
      sim::NatConfig outer = sim::NatConfig::port_restricted_cone();
      if (!has(RootCause::hairpin_missing)) outer.hairpinning = sim::Hairpinning::external_source;
      outside = &outside->add_nat("outer", outer, {Address::v4(203, 0, 113, 9)}).inside();
    }
    for (const int side : {0, 1}) build(side, *outside);
    if (has(RootCause::turn_unreachable)) servers_.kill_turn();
    if (const Fault* fault = find(RootCause::stun_unreachable); fault != nullptr && fault->variant)
      servers_.kill_stun();
  }

  Result run() {
    Result result;
    gather(0);
    offer(0);
    const Duration patience = ringing() + 100s;
    network_.run_until([this] { return final(0) && final(1); }, network_.now() + patience);
    result.connected_once = connected(0) && connected(1);
    if (result.connected_once) live();
    for (const int side : {0, 1}) {
      result.reports[index(side)] = report(side);
      result.filtered[index(side)] = at(side).firewall->dropped();
    }
    result.candidates_lost = candidates_lost_;
    result.outcome = judge(result);
    return result;
  }

 private:
  static std::size_t index(int side) { return static_cast<std::size_t>(side); }
  Side& at(int side) { return sides_[index(side)]; }

  // ---- faults
  const Fault* find(RootCause cause) const {
    const auto found =
        std::find_if(faults_.begin(), faults_.end(), [&](const Fault& each) { return each.cause == cause; });
    return found == faults_.end() ? nullptr : &*found;
  }
  bool has(RootCause cause) const { return find(cause) != nullptr; }
  bool has(RootCause cause, int side) const {
    const Fault* fault = find(cause);
    return fault != nullptr && fault->side == side;
  }
  turn::ServerLimits turn_limits() const {
    turn::ServerLimits limits;
    if (const Fault* fault = find(RootCause::turn_refused); fault != nullptr)
      (fault->variant ? limits.allocations : limits.allocations_per_user) = 0;
    return limits;
  }
  Duration ringing() const { return has(RootCause::mapping_expired) ? long_ringing : plan_.ringing; }

  // ---- building
  sim::NatConfig nat_of(int side) const {
    sim::NatConfig nat = plan_.nats[index(side)];
    if (const Fault* fault = find(RootCause::symmetric_nats); fault != nullptr)
      nat =
          fault->variant && fault->side == side ? sim::NatConfig::port_restricted_cone() : sim::NatConfig::symmetric();
    if (has(RootCause::udp_blocked, side)) {
      nat.udp = false;
      nat.icmp_prohibited = find(RootCause::udp_blocked)->variant;
    }
    return nat;
  }

  void build(int number, sim::Realm& outside) {
    Side& side = at(number);
    const auto id = static_cast<std::uint8_t>(number + 1);
    const bool nested = plan_.shape == Shape::nested;
    const Address external = nested ? Address::v4(100, 64, 0, id) : Address::v4(203, 0, 113, id);
    side.nat = &outside.add_nat("nat", nat_of(number), {external});
    sim::LinkProfile link;
    link.latency = plan_.latency[index(number)];
    sim::Link both = sim::Link::both(link);
    if (has(RootCause::path_mtu, number)) both.egress.mtu = small_mtu;
    const Address address = has(RootCause::no_common_family, number)
                                ? *Address::parse("2001:db8::" + std::to_string(id))
                                : Address::v4(192, 168, id, 2);
    side.host = &side.nat->inside().add_host("host", {address}, both);
    side.agent.emplace(config_of(number), Environment{side.random, side.pacer, nullptr});
    side.firewall.emplace(*side.agent, rules_of(number));
    side.node.emplace(*side.host, *side.firewall, [this, number](AgentEvent event) { on_event(number, event); });
    side.node->on_data([&side](const Received& received) { side.big_received += received.data.size() == big_packet; });
  }

  HostFirewall::Rules rules_of(int side) const {
    HostFirewall::Rules rules;
    for (const Endpoint& server : {stun_at[0], stun_at[1], turn_at, nobody_at}) rules.servers.insert(server.address);
    rules.nothing_to_peers = has(RootCause::checks_blocked, side);
    rules.nothing_from_peers = rules.nothing_to_peers || has(RootCause::one_direction, side);
    rules.no_answers_from_peers = has(RootCause::answers_lost, side);
    return rules;
  }

  AgentConfig config_of(int side) const {
    AgentConfig config;
    config.role = side == 0 ? Role::controlling : Role::controlled;
    const bool relayed = plan_.shape == Shape::relayed;
    const bool unresolved =
        has(RootCause::server_name_unresolved) && (relayed || has(RootCause::server_name_unresolved, side));
    const Fault* silent = find(RootCause::stun_unreachable);
    const bool misdirected = silent != nullptr && !silent->variant && silent->side == side;
    for (const Endpoint& server : stun_at) {
      Endpoint at = server;
      if (misdirected)
        at = {nobody_at.address, server.address == stun_at[0].address ? nobody_at.port : std::uint16_t{19302}};
      const std::string host = unresolved && !relayed ? "stun.example" : at.to_string();
      config.servers.emplace_back(*stun::Uri::parse("stun:" + host));
      if (unresolved && !relayed) break;
    }
    if (relayed || plan_.shape == Shape::choice) {
      const std::string host = unresolved ? "turn.example" : turn_at.to_string();
      const std::string transport = plan_.relay == Transport::tcp ? "?transport=tcp" : "?transport=udp";
      config.servers.emplace_back(*stun::Uri::parse("turn:" + host + transport), login());
    }
    if (has(RootCause::relay_by_policy, side)) config.policy = CandidatePolicy::relay_only;
    if (has(RootCause::mapping_expired)) config.mapping_keepalive = 24h;
    return config;
  }

  stun::Login login() const {
    if (has(RootCause::turn_credentials_refused)) return *stun::Login::make("user", "pass");
    const auto until = has(RootCause::turn_credentials_expired) ? unix_time_at_start - 1h : unix_time_at_start + 24h;
    return *turn::make_shared_secret_login(secret, "user", until);
  }

  // ---- signalling
  void gather(int number) {
    Side& side = at(number);
    side.gathering = true;
    if (!has(RootCause::no_local_address, number)) {
      const auto socket = side.node->bind(side.host->addresses().front());
      side.socket = *socket;
      static_cast<void>(
          side.agent->add_socket(network_.now(), {*socket, side.node->local_endpoint(*socket), "eth0"}).has_value());
    }
    side.agent->gather(network_.now());
    side.node->wake();
  }

  void offer(int number) {
    at(number).offering = true;
    describe(number, {});
  }

  /// `answered` is the ufrag of the offer that this answers; empty for an offer.
  void describe(int number, const std::string& answered) {
    Side& side = at(number);
    Description description = side.agent->local_description();
    description.streams[0].candidates.clear();
    description.streams[0].end_of_candidates = false;
    if (!has(RootCause::description_missing, 1 - number)) {
      disfigure(description, 1 - number);
      signal([this, number, answered, description] { deliver(1 - number, description, answered); });
    }
    side.described = true;
    for (auto& message : std::exchange(side.unsent, {})) signal(std::move(message));
  }

  void disfigure(Description& description, int receiver) const {
    if (has(RootCause::wrong_credentials, receiver) || has(RootCause::wrong_generation, receiver))
      description.password = another_password;
    if (has(RootCause::wrong_generation, receiver)) description.ufrag = another_ufrag;
  }

  void deliver(int number, const Description& description, const std::string& answered) {
    Side& side = at(number);
    if (!side.gathering) {  // the callee: it rings first
      network_.schedule(network_.now() + ringing(), [this, number, description, answered] {
        if (!at(number).gathering) gather(number);
        hear(number, description, answered);
        for (auto& message : std::exchange(mailbox_, {})) message();
      });
      return;
    }
    hear(number, description, answered);
  }

  void hear(int number, const Description& description, const std::string& answered) {
    Side& side = at(number);
    const bool is_offer = answered.empty();
    if (is_offer && side.offering && number == 0) return;  // both offered: the caller's stands
    if (!is_offer && !side.offering) return;
    if (!is_offer && answered != side.agent->local_description().ufrag && !has(RootCause::wrong_generation, 1 - number))
      return;
    side.offering = false;
    static_cast<void>(side.agent->set_remote_description(network_.now(), description).has_value());
    if (is_offer) describe(number, description.ufrag);
    side.node->wake();
  }

  void on_event(int number, const AgentEvent& event) {
    Side& side = at(number);
    if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
      trickle(number, gathered->candidate);
    } else if (const auto* name = std::get_if<ServerNameNeeded>(&event)) {
      network_.schedule(network_.now() + 20ms, [this, number, id = name->server] {
        at(number).agent->fail_server(network_.now(), id, std::make_error_code(std::errc::host_unreachable));
        at(number).node->wake();
      });
    } else if (const auto* changed = std::get_if<StateChanged>(&event)) {
      side.interrupted |= changed->state == AgentState::disconnected;
    } else if (std::holds_alternative<RestartNeeded>(event) && !std::exchange(side.restarted, true)) {
      network_.schedule(network_.now(), [this, number] {
        if (at(number).agent->restart(network_.now())) at(number).node->wake();
      });
    } else if (const auto* restarted = std::get_if<Restarted>(&event); restarted != nullptr && !restarted->by_peer) {
      offer(number);
    }
  }

  void trickle(int number, const Candidate& candidate) {
    const int receiver = 1 - number;
    if (const Fault* fault = find(RootCause::candidates_missing); fault != nullptr && fault->side == receiver) {
      if (fault->variant || candidate.type != CandidateType::host) {
        ++candidates_lost_;
        return;
      }
    }
    const auto message = [this, receiver, candidate] {
      Side& side = at(receiver);
      Candidate told = candidate;
      if (has(RootCause::wrong_generation, receiver)) told.ufrag = another_ufrag;
      static_cast<void>(side.agent->add_remote_candidate(network_.now(), told).has_value());
      side.node->wake();
    };
    const auto arrive = [this, receiver, message] {
      if (at(receiver).gathering)
        message();
      else
        mailbox_.emplace_back(message);  // it waits for the callee
    };
    if (at(number).described)
      signal(arrive);
    else
      at(number).unsent.emplace_back(arrive);
  }

  void signal(std::function<void()> message) {
    network_.schedule(network_.now() + plan_.signalling, std::move(message));
  }

  // ---- a connection that is there
  bool connected(int side) { return at(side).agent->state() == AgentState::connected; }
  bool final(int side) {
    const AgentState state = at(side).agent->state();
    return state == AgentState::connected || state == AgentState::failed || state == AgentState::disconnected ||
           state == AgentState::closed;
  }

  void talk(Duration time) {
    const std::vector<std::uint8_t> big(big_packet, 'x');
    for (const TimePoint end = network_.now() + time; network_.now() < end;) {
      for (const int number : {0, 1}) {
        Side& side = at(number);
        const auto packet = side.agent->wrap(network_.now(), ComponentId{1}, big, scratch_);
        if (packet) static_cast<void>(side.node->send(*packet).has_value());
      }
      network_.run_for(1s);
    }
  }

  void live() {
    talk(calm);
    strike();
    if (std::none_of(faults_.begin(), faults_.end(), [](const Fault& each) { return strikes_late(each.cause); }))
      return;
    talk(aftermath);
    network_.run_until([this] { return final(0) && final(1); }, network_.now() + 60s);
  }

  void strike() {
    for (const Fault& fault : faults_) {
      Side& side = at(fault.side);
      switch (fault.cause) {
        case RootCause::consent_lost:
          for (const auto& interface : side.host->interfaces()) interface->set_up(false);
          break;
        case RootCause::peer_ended:
          side.agent->close(network_.now());
          side.node->wake();
          break;
        case RootCause::rebinding:
          if (fault.variant)
            side.nat->set_external_addresses({Address::v4(203, 0, 113, static_cast<std::uint8_t>(100 + fault.side))});
          else
            side.nat->reboot();
          break;
        case RootCause::interface_gone:
          side.node->close(*side.socket);
          static_cast<void>(
              side.agent->remove_socket(network_.now(), *side.socket, std::make_error_code(std::errc::network_down))
                  .has_value());
          side.node->wake();
          break;
        case RootCause::relay_lost:
          servers_.kill_turn();
          break;
        default:
          break;
      }
    }
  }

  // ---- what came of it
  ConnectivityReport report(int side) {
    ConnectivityReport report = at(side).agent->report();
    report.unix_time =
        unix_time_at_start + std::chrono::duration_cast<std::chrono::seconds>(network_.now() - TimePoint{});
    return report;
  }

  Outcome judge(const Result& result) {
    const bool heard = at(0).big_received > 0 && at(1).big_received > 0;
    if (!result.connected_once || !heard || at(0).interrupted || at(1).interrupted) return Outcome::broken;
    const auto& pairs = result.reports[0].pairs;
    const bool relayed = std::any_of(pairs.begin(), pairs.end(), [](const PairReport& pair) {
      return pair.selected && (pair.local_type == CandidateType::relayed || pair.remote_type == CandidateType::relayed);
    });
    return relayed ? Outcome::relayed : Outcome::direct;
  }

  const Plan& plan_;
  const std::vector<Fault>& faults_;
  sim::Network network_;
  Servers servers_;
  std::array<Side, 2> sides_;
  std::vector<std::function<void()>> mailbox_;
  std::uint32_t candidates_lost_ = 0;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

}  // namespace

Result run(const Plan& plan, const std::vector<Fault>& faults) { return World{plan, faults}.run(); }

}  // namespace ice::truth
