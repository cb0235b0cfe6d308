// Two agents behind NATs find each other in a simulated internet: no sockets, no waiting, and the same run every time.
//
// An ice::Agent is a machine, which does nothing by itself. Its owner moves bytes, time and events: here sim::Node.

#include <chrono>
#include <ice/agent.hpp>
#include <ice/sdp/candidate.hpp>
#include <ice/sim/node.hpp>
#include <ice/stun/binding_server.hpp>
#include <iostream>

using namespace ice;
using namespace std::chrono_literals;

/// One end of the call: a host behind a NAT of its own, an agent, and the node that runs the agent on the host.
struct End {
  End(sim::Network& on, std::string is_called, Role role, const sim::NatConfig& nat, const Address& public_address)
      : network{on},
        name{std::move(is_called)},
        host{on.internet().add_nat("NAT", nat, {public_address}).inside().add_host(name, {Address::v4(10, 0, 0, 2)})},
        random{on.make_random()},
        agent{{.role = role, .servers = {*stun::Uri::parse("stun:198.51.100.1")}}, {random, pacer}},
        node{host, agent} {}

  void call(End& peer) {
    // Signalling brings descriptions and candidates to the peer. It is the application's; here it takes 50 ms.
    const auto signal = [this, &peer](auto say) {
      network.schedule(network.now() + 50ms, [this, &peer, say] {
        if (const result<void> said = say(peer.agent); !said) tell("refused: " + said.error().message());
        peer.node.wake();  // after each verb, so that the agent is asked what it has to send now
      });
    };
    node.on_event([this, signal](const AgentEvent& event) {
      if (const auto* found = std::get_if<CandidateGathered>(&event)) {
        tell(sdp::format(found->candidate));
        signal([this, c = found->candidate](Agent& to) { return to.add_remote_candidate(network.now(), c); });
      } else if (const auto* pair = std::get_if<PairSelected>(&event)) {
        tell("connected: " + pair->local.endpoint.to_string() + " to " + pair->remote.endpoint.to_string());
        std::array<std::uint8_t, scratch_size> scratch;
        const std::string hello = "Hello from " + name;  // the packet is a view of it
        const auto packet = agent.wrap(network.now(), ComponentId{1}, bytes_of(hello), scratch);
        if (!packet || !node.send(*packet)) tell("could not send");
      }
    });
    node.on_data([this](const Received& data) { tell("received: " + std::string{text_of(data.data)}), heard = true; });
    const SocketId socket = *node.bind(host.addresses().front());
    if (!agent.add_socket(network.now(), {socket, node.local_endpoint(socket), "eth0"})) return tell("no socket");
    agent.gather(network.now());
    signal([this, d = agent.local_description()](Agent& to) { return to.set_remote_description(network.now(), d); });
    node.wake();
  }

  void tell(const std::string& what) const {
    std::cout << network.now().time_since_epoch() / 1ms << " ms  " << name << ": " << what << '\n';
  }

  sim::Network& network;
  std::string name;
  sim::Host& host;
  SeededRandom random;  // follows from the network's seed, as everything does
  Pacer pacer;          // limits how fast the host begins new transactions (RFC 8445 §14.2)
  Agent agent;
  sim::Node<Agent> node;
  bool heard = false;
};

int main() {
  sim::Network network{1};
  stun::BindingServer server;  // a machine too
  sim::Node<stun::BindingServer> node{network.internet().add_host("server", {Address::v4(198, 51, 100, 1)}), server};
  const SocketId socket = *node.bind(Address::v4(198, 51, 100, 1), {3478, 3478});
  if (!server.add_socket({socket, node.local_endpoint(socket)})) return 1;

  End alice{network, "Alice", Role::controlling, sim::NatConfig::symmetric(), Address::v4(203, 0, 113, 1)};
  End bob{network, "Bob", Role::controlled, sim::NatConfig::restricted_cone(), Address::v4(203, 0, 113, 2)};
  alice.call(bob);
  bob.call(alice);
  return network.run_until([&] { return alice.heard && bob.heard; }, TimePoint{60s}) ? 0 : 1;
}
