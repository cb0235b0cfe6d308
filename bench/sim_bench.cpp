// How fast the simulator is: packets a second, and virtual seconds a second for a full mesh of agents behind NATs.

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ice/agent.hpp"
#include "ice/sim/node.hpp"
#include "ice/stun/binding_server.hpp"

namespace {

using namespace ice;
using namespace std::chrono_literals;

constexpr Endpoint stun_endpoint{Address::v4(198, 51, 100, 1), 3478};

/// Sends back whatever it hears.
class Echo final : public sim::SocketOwner {
 public:
  Echo(sim::Host& host, std::uint16_t port)
      : host_{host}, socket_{*host.bind(*this, host.addresses()[0], {port, port})} {}
  ~Echo() override { host_.release(*this); }

  void send(const Endpoint& to, Bytes payload) {
    Transmit transmit;
    transmit.socket = socket_;
    transmit.to = to;
    transmit.body = payload;
    benchmark::DoNotOptimize(host_.send(transmit).has_value());
  }

 private:
  void on_datagram(const Datagram& in) override { send(in.from, in.payload); }
  void on_socket(const SocketEvent&) override {}

  sim::Host& host_;
  SocketId socket_;
};

/// Two hosts, each behind a NAT, that send each other 100-byte packets through `flows` mappings, over links with the
/// given loss: each packet is one over the path of four links and two NATs.
void packets(benchmark::State& state) {
  sim::Network network{1};
  sim::LinkProfile link;
  link.jitter = state.range(0) != 0 ? 2ms : 0ms;
  sim::Nat& nat_a = network.internet().add_nat("a", sim::NatConfig::full_cone(), {Address::v4(203, 0, 113, 1)},
                                               sim::Link::both(link));
  sim::Nat& nat_b = network.internet().add_nat("b", sim::NatConfig::full_cone(), {Address::v4(203, 0, 113, 2)},
                                               sim::Link::both(link));
  sim::Host& a = nat_a.inside().add_host("a", {Address::v4(10, 0, 0, 2)}, sim::Link::both(link));
  sim::Host& b = nat_b.inside().add_host("b", {Address::v4(10, 0, 0, 2)}, sim::Link::both(link));
  const std::array<std::uint8_t, 100> payload{};
  std::vector<std::unique_ptr<Echo>> sockets;
  for (std::uint16_t port = 5000; port < 5064; ++port) {
    for (auto [host, other] : {std::pair{&a, &nat_b}, std::pair{&b, &nat_a}}) {
      sockets.push_back(std::make_unique<Echo>(*host, port));
      sockets.back()->send({other->external_addresses()[0], port}, payload);  // the first opens the way
    }
  }
  network.run_for(1s);
  const std::uint64_t before = network.counters().delivered;
  for (auto _ : state) network.run_for(20ms);
  state.SetItemsProcessed(static_cast<std::int64_t>(network.counters().delivered - before));
}
BENCHMARK(packets)->ArgName("jitter")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

/// Every host has one agent for each other host; the agents of a host share its pacer.
class Mesh {
 public:
  explicit Mesh(int hosts) : network_{1} {
    sim::Host& server = network_.internet().add_host("stun", {stun_endpoint.address});
    server_ = std::make_unique<sim::Node<stun::BindingServer>>(server, stun_server_);
    const SocketId socket = *server_->bind(stun_endpoint.address, {stun_endpoint.port, stun_endpoint.port});
    benchmark::DoNotOptimize(stun_server_.add_socket({socket, stun_endpoint}).has_value());
    for (int i = 0; i < hosts; ++i) {
      const auto octet = static_cast<std::uint8_t>(i + 1);
      sim::Nat& nat = network_.internet().add_nat(std::to_string(i), sim::NatConfig::port_restricted_cone(),
                                                  {Address::v4(203, 0, 113, octet)});
      hosts_.push_back(&nat.inside().add_host(std::to_string(i), {Address::v4(10, 0, 0, 2)}));
      pacers_.push_back(std::make_unique<Pacer>());
    }
    for (int i = 0; i < hosts; ++i) {
      for (int k = 0; k < i; ++k) add_pair(i, k);
    }
  }

  sim::Network& network() noexcept { return network_; }
  std::size_t pairs() const noexcept { return ends_.size() / 2; }
  /// Pairs of agents that are connected at both ends.
  std::size_t connected() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < ends_.size(); i += 2) count += ends_[i]->connected && ends_[i + 1]->connected ? 1U : 0U;
    return count;
  }

 private:
  struct End {
    End(sim::Host& host, AgentConfig config, Environment environment)
        : agent{std::move(config), environment}, node{host, agent} {}
    Agent agent;
    sim::Node<Agent> node;
    bool connected = false;
  };

  void add_pair(int caller, int callee) {
    End& a = add_end(caller, Role::controlling);
    End& b = add_end(callee, Role::controlled);
    join(a, b);
    join(b, a);
    for (End* end : {&a, &b}) {
      const SocketId socket = *end->node.bind(end->node.host().addresses()[0]);
      const Socket added{socket, end->node.local_endpoint(socket), "eth0", ComponentId{1}};
      benchmark::DoNotOptimize(end->agent.add_socket(network_.now(), added).has_value());
      end->agent.gather(network_.now());
      end->node.wake();
    }
  }

  End& add_end(int host, Role role) {
    AgentConfig config;
    config.role = role;
    config.servers.push_back(*stun::Uri::parse("stun:" + stun_endpoint.to_string()));
    const auto at = static_cast<std::size_t>(host);
    ends_.push_back(std::make_unique<End>(*hosts_[at], std::move(config), Environment{random_, *pacers_[at]}));
    return *ends_.back();
  }

  /// What `from` gathers is told to `to` when it is whole, 50 ms later.
  void join(End& from, End& to) {
    from.node.on_event([this, &from, &to](const AgentEvent& event) {
      if (std::holds_alternative<GatheringDone>(event)) {
        network_.schedule(network_.now() + 50ms, [this, &to, description = from.agent.local_description()] {
          benchmark::DoNotOptimize(to.agent.set_remote_description(network_.now(), description).has_value());
          to.node.wake();
        });
      } else if (const auto* changed = std::get_if<StateChanged>(&event)) {
        from.connected = changed->state == AgentState::connected;
      }
    });
  }

  sim::Network network_;
  SeededRandom random_ = network_.make_random();
  stun::BindingServer stun_server_;
  std::unique_ptr<sim::Node<stun::BindingServer>> server_;
  std::vector<sim::Host*> hosts_;
  std::vector<std::unique_ptr<Pacer>> pacers_;
  std::vector<std::unique_ptr<End>> ends_;
};

/// From nothing until every pair is connected.
void mesh_connects(benchmark::State& state) {
  double virtual_seconds = 0;
  for (auto _ : state) {
    Mesh mesh{static_cast<int>(state.range(0))};
    while (mesh.connected() < mesh.pairs() && mesh.network().now() < TimePoint{60s}) mesh.network().run_for(10ms);
    if (mesh.connected() < mesh.pairs()) state.SkipWithError("some pair did not connect");
    virtual_seconds += std::chrono::duration<double>(mesh.network().now().time_since_epoch()).count();
  }
  state.counters["virtual_s_per_s"] = benchmark::Counter(virtual_seconds, benchmark::Counter::kIsRate);
}
BENCHMARK(mesh_connects)->ArgName("hosts")->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond);

/// A mesh that stands: consent and keepalives, minute after minute.
void mesh_stands(benchmark::State& state) {
  Mesh mesh{static_cast<int>(state.range(0))};
  mesh.network().run_for(60s);
  if (mesh.connected() != mesh.pairs()) state.SkipWithError("some pair did not connect");
  double virtual_seconds = 0;
  for (auto _ : state) {
    mesh.network().run_for(10s);
    virtual_seconds += 10;
  }
  state.counters["virtual_s_per_s"] = benchmark::Counter(virtual_seconds, benchmark::Counter::kIsRate);
}
BENCHMARK(mesh_stands)->ArgName("hosts")->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond);

}  // namespace
