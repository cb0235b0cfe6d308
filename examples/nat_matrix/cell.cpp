#include "nat_matrix/cell.hpp"

#include <cassert>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

#include "ice/agent.hpp"
#include "ice/sim/node.hpp"
#include "ice/turn/server.hpp"

namespace ice::matrix {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint server_at{Address::v4(198, 51, 100, 1), 3478};
constexpr std::string_view user = "matrix";
constexpr std::string_view password = "red pill";
constexpr Duration signalling_delay = 50ms;
constexpr Duration gathering_time = 500ms;  // then what there is is told: a server that UDP does not reach takes 39.5 s
constexpr Duration limit = 120s;            // patience is 39.5 s (RFC 8863 §4), and nothing takes thrice that

/// The server of STUN and TURN that both ends know.
class Server {
 public:
  explicit Server(sim::Network& network)
      : random_{network.make_random()},
        machine_{config(), {random_, pacer_}},
        node_{network.internet().add_host("server", {server_at.address}), machine_} {
    const auto socket = node_.bind(server_at.address, {server_at.port, server_at.port});
    const bool ready = socket && machine_.add_socket({.socket = *socket, .local = server_at}) &&
                       machine_.add_relay_address(server_at.address) && machine_.add_user(user, password);
    assert(ready);
    static_cast<void>(ready);
    node_.listen(server_at, Framing::stun);
  }

 private:
  /// The addresses of this internet are those of documentation (RFC 5737), which no real peer has.
  static turn::ServerConfig config() {
    turn::ServerConfig config;
    for (const std::string_view range : {"192.0.2.0/24", "203.0.113.0/24"})
      config.allow_peers.push_back(*turn::AddressRange::parse(range));
    return config;
  }

  SeededRandom random_;
  Pacer pacer_;
  turn::Server machine_;
  sim::Node<turn::Server> node_;
};

/// One end of the call: a host, the NAT in front of it if there is one, and an agent.
class End {
 public:
  End(sim::Network& network, const NatKind& kind, std::uint8_t number, Role role, Relay relay)
      : network_{network},
        nat_{kind.nat ? &network.internet().add_nat("nat", *kind.nat, {Address::v4(203, 0, 113, number)}) : nullptr},
        host_{nat_ != nullptr ? nat_->inside().add_host("host", {Address::v4(192, 168, number, 2)})
                              : network.internet().add_host("host", {Address::v4(192, 0, 2, number)})},
        random_{network.make_random()},
        agent_{config(role, relay), {random_, pacer_}},
        node_{host_, agent_} {}

  void call(End& peer) {
    node_.on_event([this, &peer](const AgentEvent& event) {
      if (std::holds_alternative<GatheringDone>(event)) tell(peer);
    });
    network_.schedule(network_.now() + gathering_time, [this, &peer] { tell(peer); });
    const SocketId socket = *node_.bind(host_.addresses().front());
    const Socket added{socket, node_.local_endpoint(socket), "eth0"};
    static_cast<void>(agent_.add_socket(network_.now(), added).has_value());
    agent_.gather(network_.now());
    node_.wake();
  }

  bool connected() const { return agent_.state() == AgentState::connected; }
  bool ended() const { return connected() || agent_.state() == AgentState::failed; }

  Cell::Side side() const {
    Cell::Side side{.report = agent_.report()};
    for (const PairReport& pair : side.report.pairs) {
      if (pair.selected) side.type = pair.local_type;
    }
    if (nat_ != nullptr) {
      for (const sim::Drop why : {sim::Drop::filtered, sim::Drop::no_mapping, sim::Drop::mapping_expired}) {
        side.turned_away += nat_->counters().of(why);
      }
    }
    return side;
  }

 private:
  static AgentConfig config(Role role, Relay relay) {
    AgentConfig config;
    config.role = role;
    config.servers.emplace_back(*stun::Uri::parse("stun:" + server_at.to_string()));
    if (relay != Relay::none) {
      const std::string_view transport = relay == Relay::udp ? "?transport=udp" : "?transport=tcp";
      config.servers.emplace_back(*stun::Uri::parse("turn:" + server_at.to_string() + std::string{transport}),
                                  *stun::Login::make(user, password));
    }
    return config;
  }

  void tell(End& peer) {
    network_.schedule(network_.now() + signalling_delay, [this, &peer] { peer.hear(agent_.local_description()); });
  }

  void hear(const Description& description) {
    static_cast<void>(agent_.set_remote_description(network_.now(), description).has_value());
    node_.wake();
  }

  sim::Network& network_;
  sim::Nat* nat_;
  sim::Host& host_;
  SeededRandom random_;
  Pacer pacer_;
  Agent agent_;
  sim::Node<Agent> node_;
};

}  // namespace

std::vector<NatKind> classic_kinds(Relay relay) {
  std::vector<NatKind> kinds{{"open"},
                             {"full cone", sim::NatConfig::full_cone()},
                             {"restricted cone", sim::NatConfig::restricted_cone()},
                             {"port restricted cone", sim::NatConfig::port_restricted_cone()},
                             {"symmetric", sim::NatConfig::symmetric()}};
  if (relay == Relay::tcp) kinds.push_back({"udp blocked", sim::NatConfig::udp_blocked()});
  return kinds;
}

std::vector<NatKind> grid_kinds() {
  constexpr std::array behaviors{sim::Behavior::endpoint_independent, sim::Behavior::address_dependent,
                                 sim::Behavior::address_and_port_dependent};
  std::vector<NatKind> kinds;
  for (const sim::Behavior mapping : behaviors) {
    for (const sim::Behavior filtering : behaviors) {
      sim::NatConfig nat;
      nat.mapping = mapping;
      nat.filtering = filtering;
      // where a mapping is for one remote alone, the next one's port shall not be guessed from it
      if (mapping != sim::Behavior::endpoint_independent) nat.ports = sim::PortAllocation::random;
      kinds.push_back({std::string{to_string(mapping)} + "/" + std::string{to_string(filtering)}, nat});
    }
  }
  return kinds;
}

Cell run_cell(const NatKind& a, const NatKind& b, std::uint64_t seed, Relay relay) {
  sim::Network network{seed};
  Server server{network};
  End caller{network, a, 1, Role::controlling, relay};
  End callee{network, b, 2, Role::controlled, relay};
  caller.call(callee);
  callee.call(caller);
  Cell cell{.a = a.name, .b = b.name};
  cell.ended = network.run_until([&] { return caller.ended() && callee.ended(); }, TimePoint{limit});
  cell.connected = caller.connected() && callee.connected();
  cell.took = network.now().time_since_epoch();
  cell.sides = {caller.side(), callee.side()};
  return cell;
}

}  // namespace ice::matrix
