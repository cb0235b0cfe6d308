#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ice/nat/discovery.hpp"
#include "ice/sim/network.hpp"
#include "ice/sim/node.hpp"
#include "ice/stun/binding_server.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

/// A server that says and does what a test tells it to, on one socket.
class OddServer {
 public:
  struct Event {};
  struct Manners {
    Endpoint other_address{};     ///< OTHER-ADDRESS, or none
    bool obeys = true;            ///< false: CHANGE-REQUEST makes no difference to it
    bool answers_change = false;  ///< true: it answers CHANGE-REQUEST, from where it was asked
    bool random_mapped = false;   ///< tells a new port every time
    bool garbage = false;         ///< sends noise, foreign answers and broken ones before the good one
  };
  OddServer(SocketId socket, Manners manners) : socket_{socket}, manners_{manners} {}

  Received handle_datagram(TimePoint, const Datagram& in, MutableBytes) {
    const auto request = stun::Message::parse(in.payload);
    if (!request || !request->is(stun::Method::binding, stun::Class::request)) return {.verdict = Verdict::not_mine};
    const bool change = request->has<stun::attr::ChangeRequest>();
    if (change && !manners_.answers_change) return {};
    if (manners_.garbage) garble(in, request->transaction_id());
    Endpoint mapped = in.from;
    if (manners_.random_mapped) mapped.port = static_cast<std::uint16_t>(20'000 + ++told_);
    answers_.push_back(
        to(in, stun_message(stun::Class::success_response, request->transaction_id(), [&](auto& builder) {
             builder.template add<stun::attr::XorMappedAddress>(mapped);
             if (manners_.other_address) builder.template add<stun::attr::OtherAddress>(manners_.other_address);
           })));
    return {};
  }
  void handle_timeout(TimePoint) {}
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes) {
    if (sent_ == answers_.size()) return std::nullopt;
    const Packet& packet = answers_[sent_++];
    Transmit transmit;
    transmit.socket = socket_;
    transmit.to = packet.to;
    transmit.body = packet.bytes();
    return transmit;
  }
  std::optional<Event> poll_event() { return std::nullopt; }
  std::optional<TimePoint> next_timeout() const { return std::nullopt; }

 private:
  static Packet to(const Datagram& in, Packet packet) {
    packet.to = in.from;
    return packet;
  }
  void garble(const Datagram& in, stun::TransactionId id) {
    const auto mapped = [](auto& builder) {
      builder.template add<stun::attr::XorMappedAddress>(endpoint("192.0.2.9:9"));
    };
    Packet foreign = stun_message(stun::Class::success_response, stun::TransactionId{}, mapped);
    Packet broken = stun_message(stun::Class::success_response, id, mapped);
    broken.bytes().pop_back();
    Packet noise;
    noise.bytes() = {0xde, 0xad, 0xbe, 0xef};
    for (Packet* packet : {&foreign, &broken, &noise}) answers_.push_back(to(in, *packet));
  }

  SocketId socket_;
  Manners manners_;
  std::vector<Packet> answers_;
  std::size_t sent_ = 0;
  unsigned told_ = 0;
};

/// A discovery behind a NAT of the test's choice, or on the internet if it chooses none; a server of RFC 5780, and as
/// many others as are added.
class DiscoveryWorld {
 public:
  static Endpoint a1p1() { return endpoint("203.0.113.1:3478"); }
  static Endpoint a1p2() { return endpoint("203.0.113.1:3479"); }
  static Endpoint a2p1() { return endpoint("203.0.113.2:3478"); }
  static Endpoint a2p2() { return endpoint("203.0.113.2:3479"); }
  /// The same server over IPv6.
  static Endpoint six_a1p1() { return endpoint("[2001:db8::1]:3478"); }
  static Endpoint six_a2p2() { return endpoint("[2001:db8::2]:3479"); }
  static Endpoint nobody() { return endpoint("203.0.113.99:3478"); }

  struct Config {
    std::optional<sim::NatConfig> nat{};
    double loss = 0;  ///< of packets, in each direction
    std::uint64_t seed = 1;
    bool tcp = true;                                  ///< the server is there for TCP too
    bool response_port = true;                        ///< and knows RESPONSE-PORT
    Duration latency = std::chrono::milliseconds{5};  ///< of the client's link, each way
    std::uint32_t mtu = 1500;                         ///< of every link
    bool lifetime = false;                            ///< measure it
  };

  explicit DiscoveryWorld(const Config& config)
      : network{config.seed},
        server_host{network.internet().add_host(
            "server", {a1p1().address, a2p1().address, six_a1p1().address, six_a2p2().address})},
        nat{config.nat
                ? &network.internet().add_nat("nat", *config.nat, {Address::v4(198, 51, 100, 1), six("2001:db8:1::1")})
                : nullptr},
        client_host{nat ? nat->inside().add_host("client", {Address::v4(10, 0, 0, 2), six("2001:db8:2::2")})
                        : network.internet().add_host("client", {Address::v4(192, 0, 2, 2), six("2001:db8:2::2")})},
        random{network.make_random()},
        server{stun::BindingServerConfig{.response_port = config.response_port}},
        server_node{server_host, server} {
    for (const Endpoint& local : {a1p1(), a1p2(), a2p1(), a2p2(), six_a1p1(), Endpoint{six_a1p1().address, 3479},
                                  Endpoint{six_a2p2().address, 3478}, six_a2p2()}) {
      const auto socket = server_node.bind(local.address, {local.port, local.port});
      EXPECT_TRUE(server.add_socket({.socket = *socket, .local = local}));
    }
    if (config.tcp) server_node.listen(a1p1(), Framing::stun);
    sim::Link& link = client_host.interfaces().front()->link();
    link.egress.loss = link.ingress.loss = config.loss;
    link.egress.latency = link.ingress.latency = config.latency;
    for (sim::Link* one : {&link, &server_host.interfaces().front()->link(), nat ? &nat->uplink() : &link})
      one->egress.mtu = one->ingress.mtu = config.mtu;
    lifetime_ = config.lifetime;
  }

  /// An ordinary server with one address; "203.0.113.10:3478" and so on.
  Endpoint add_server(OddServer::Manners manners = {}) {
    const Endpoint local{Address::v4(203, 0, 113, static_cast<std::uint8_t>(10 + odd_.size())), 3478};
    return add_server(local, manners);
  }
  Endpoint add_server(const Endpoint& local, OddServer::Manners manners) {
    sim::Host& host = network.internet().add_host("server" + std::to_string(odd_.size()), {local.address});
    odd_.push_back(std::make_unique<Odd>(host, local, manners));
    return local;
  }

  /// Runs one to its end.
  nat::Behavior discover(std::vector<Endpoint> servers) {
    const Address local = client_host.addresses()[servers.front().address.is_v6() ? 1 : 0];
    discovery.emplace(nat::DiscoveryConfig{.servers = std::move(servers), .local = local, .lifetime = lifetime_},
                      Environment{random, pacer});
    node.emplace(client_host, *discovery, [this](nat::DiscoveryEvent event) {
      if (auto* done = std::get_if<nat::Discovered>(&event)) behavior = done->behavior;
      if (auto* answer = std::get_if<nat::ServerAnswered>(&event)) answers.push_back(*answer);
    });
    const TimePoint started = network.now();
    EXPECT_TRUE(discovery->start(started));
    node->wake();
    EXPECT_TRUE(network.run_until([&] { return behavior.has_value(); }, started + std::chrono::minutes{60}));
    took = network.now() - started;
    EXPECT_FALSE(discovery->next_timeout());
    return behavior.value_or(nat::Behavior{});
  }
  nat::Behavior discover() { return discover({a1p1()}); }

  sim::Network network;
  sim::Host& server_host;
  sim::Nat* nat;
  sim::Host& client_host;
  SeededRandom random;
  Pacer pacer;
  stun::BindingServer server;
  sim::Node<stun::BindingServer> server_node;
  std::optional<nat::Discovery> discovery;
  std::optional<sim::Node<nat::Discovery>> node;
  std::optional<nat::Behavior> behavior;
  std::vector<nat::ServerAnswered> answers;
  Duration took{};

 private:
  static Address six(std::string_view text) { return *Address::parse(text); }

  /// The socket must be known before the server is made.
  struct Odd final : sim::SocketOwner {
    Odd(sim::Host& on, const Endpoint& local, OddServer::Manners manners)
        : host{on}, server{*host.bind(*this, local.address, {local.port, local.port}), manners} {}
    ~Odd() override { host.release(*this); }
    Odd(const Odd&) = delete;
    Odd& operator=(const Odd&) = delete;
    void on_datagram(const Datagram& in) override {
      static_cast<void>(server.handle_datagram(host.network().now(), in, {}));
      while (const auto packet = server.poll_transmit(host.network().now(), {}))
        static_cast<void>(host.send(*packet).has_value());
    }
    void on_socket(const SocketEvent&) override {}

    sim::Host& host;
    OddServer server;
  };
  std::vector<std::unique_ptr<Odd>> odd_;
  bool lifetime_ = false;
};

}  // namespace ice::test
