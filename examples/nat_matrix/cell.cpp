#include "nat_matrix/cell.hpp"

#include <chrono>
#include <utility>
#include <variant>

#include "ice/agent.hpp"
#include "ice/sim/node.hpp"
#include "ice/stun/binding_server.hpp"

namespace ice::matrix {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint stun_server{Address::v4(198, 51, 100, 1), 3478};
constexpr Duration signalling_delay = 50ms;
constexpr Duration limit = 120s;  // patience is 39.5 s (RFC 8863 §4), and nothing takes thrice that

/// One end of the call: a host, the NAT in front of it if there is one, and an agent.
class End {
 public:
  End(sim::Network& network, const NatKind& kind, std::uint8_t number, Role role)
      : network_{network},
        nat_{kind.nat ? &network.internet().add_nat("nat", *kind.nat, {Address::v4(203, 0, 113, number)}) : nullptr},
        host_{nat_ != nullptr ? nat_->inside().add_host("host", {Address::v4(192, 168, number, 2)})
                              : network.internet().add_host("host", {Address::v4(192, 0, 2, number)})},
        random_{network.make_random()},
        agent_{config(role), {random_, pacer_}},
        node_{host_, agent_} {}

  void call(End& peer) {
    node_.on_event([this, &peer](const AgentEvent& event) {
      if (!std::holds_alternative<GatheringDone>(event)) return;
      network_.schedule(network_.now() + signalling_delay, [this, &peer] { peer.hear(agent_.local_description()); });
    });
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
  static AgentConfig config(Role role) {
    AgentConfig config;
    config.role = role;
    config.servers.push_back(*stun::Uri::parse("stun:" + stun_server.to_string()));
    return config;
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

std::vector<NatKind> classic_kinds() {
  return {{"open"},
          {"full cone", sim::NatConfig::full_cone()},
          {"restricted cone", sim::NatConfig::restricted_cone()},
          {"port restricted cone", sim::NatConfig::port_restricted_cone()},
          {"symmetric", sim::NatConfig::symmetric()}};
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

Cell run_cell(const NatKind& a, const NatKind& b, std::uint64_t seed) {
  sim::Network network{seed};
  sim::Host& server_host = network.internet().add_host("stun", {stun_server.address});
  stun::BindingServer server;
  sim::Node<stun::BindingServer> server_node{server_host, server};
  const SocketId socket = *server_node.bind(stun_server.address, {stun_server.port, stun_server.port});
  static_cast<void>(server.add_socket({socket, stun_server}).has_value());

  End caller{network, a, 1, Role::controlling};
  End callee{network, b, 2, Role::controlled};
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
