#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ice/sim/network.hpp"
#include "ice/sim/node.hpp"
#include "ice/turn/allocation.hpp"
#include "ice/turn/server.hpp"
#include "support/sim_peer.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

/// A relay server on the internet, whose process can die and begin again.
class TurnServerProcess {
 public:
  static Endpoint v4() { return endpoint("203.0.113.1:3478"); }
  static Endpoint v6() { return endpoint("[2001:db8::1]:3478"); }

  explicit TurnServerProcess(sim::Network& network, const Endpoint& at_v4 = v4(), const Endpoint& at_v6 = v6())
      : host{network.internet().add_host("server", {at_v4.address, at_v6.address})},
        local{at_v4, at_v6},
        random_{network.make_random()} {
    // The addresses of these tests are those of documentation, which nobody has.
    for (const char* range : {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"})
      config.allow_peers.push_back(*turn::AddressRange::parse(range));
  }

  void start() {
    server_.emplace(config, Environment{.random = random_, .pacer = pacer_});
    for (const auto& [name, password] : users) EXPECT_TRUE(server_->add_user(name, password));
    server_->set_secrets(secrets);
    server_->set_unix_time(host.network().now(), unix_time_at_start + since_start());
    node_.emplace(host, *server_);
    for (const Endpoint& at : local) {
      const auto socket = node_->bind(at.address, {at.port, at.port});
      ASSERT_TRUE(socket);
      EXPECT_TRUE(server_->add_socket({.socket = *socket, .local = at}));
      EXPECT_TRUE(server_->add_relay_address(at.address));
      node_->listen(at, Framing::stun);
    }
    node_->wake();
  }
  void die() {
    host.close_sockets();
    node_.reset();
    server_.reset();
  }

  turn::Server& operator*() { return *server_; }
  turn::Server* operator->() { return &*server_; }

  static constexpr std::chrono::seconds unix_time_at_start{1'700'000'000};
  std::chrono::seconds since_start() const {
    return std::chrono::duration_cast<std::chrono::seconds>(host.network().now() - TimePoint{});
  }

  sim::Host& host;
  std::array<Endpoint, 2> local;
  turn::ServerConfig config;
  std::vector<std::pair<std::string, std::string>> users{{"user", "pass"}};
  std::vector<std::string> secrets;

 private:
  SeededRandom random_;
  Pacer pacer_;
  std::optional<turn::Server> server_;
  std::optional<sim::Node<turn::Server>> node_;
};

/// Somebody with an allocation, and what came to it.
class TurnUser {
 public:
  struct Heard {
    Endpoint from;
    std::string text;
    TimePoint at;
  };

  TurnUser(sim::Host& at, turn::AllocationConfig config)
      : host{at},
        random_{at.network().make_random()},
        allocation{config, environment()},
        node{at, allocation, [this](turn::AllocationEvent event) { events.push_back(std::move(event)); }} {
    node.on_data([this](const Received& data) {
      heard.push_back({data.from, std::string{text_of(data.data)}, node.now()});
    });
    if (config.transport != Transport::udp) return;
    config.socket = *node.bind(address_for(config.server.address.family()));
    allocation = turn::Allocation{std::move(config), environment()};
  }

  void allocate() {
    EXPECT_TRUE(allocation.allocate(node.now()));
    node.wake();
  }
  void permit(const Address& peer) {
    EXPECT_TRUE(allocation.permit(node.now(), peer));
    node.wake();
  }
  void bind(const Endpoint& peer) {
    EXPECT_TRUE(allocation.bind_channel(node.now(), peer));
    node.wake();
  }
  /// False where there is no way to at this moment.
  bool send(const Endpoint& peer, std::string_view text) {
    std::array<std::uint8_t, turn::Allocation::wrap_overhead> scratch{};
    const auto transmit = allocation.wrap(node.now(), peer, bytes_of(text), scratch);
    return transmit && node.send(*transmit).has_value();
  }

  /// Runs the network until there is an allocation, a minute at most.
  void wait_for_allocation() {
    EXPECT_TRUE(host.network().run_until([&] { return allocation.state() == turn::AllocationState::allocated; },
                                         node.now() + std::chrono::minutes{1}));
  }
  template <class E>
  std::vector<E> told() const {
    std::vector<E> result;
    for (const auto& event : events)
      if (const E* const e = std::get_if<E>(&event)) result.push_back(*e);
    return result;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> result;
    for (const Heard& one : heard) result.push_back(one.text);
    return result;
  }
  Endpoint relayed(Family family = Family::ipv4) const { return allocation.relayed(family); }

  sim::Host& host;

 private:
  Environment environment() { return {.random = random_, .pacer = pacer_}; }
  Address address_for(Family family) const {
    for (const Address& address : host.addresses())
      if (address.family() == family) return address;
    return {};
  }

  SeededRandom random_;
  Pacer pacer_;

 public:
  std::vector<turn::AllocationEvent> events;
  std::vector<Heard> heard;
  turn::Allocation allocation;
  sim::Node<turn::Allocation> node;
};

inline turn::AllocationConfig turn_config(Transport transport = Transport::udp) {
  turn::AllocationConfig config;
  config.server = TurnServerProcess::v4();
  config.transport = transport;
  config.login = *stun::Login::make("user", "pass");
  return config;
}

/// A relay server, a user beside it or behind a NAT, and a peer on the internet.
class TurnWorld {
 public:
  explicit TurnWorld(std::optional<sim::NatConfig> behind = {}, turn::AllocationConfig config = turn_config(),
                     std::uint64_t seed = 1)
      : network{seed},
        server{network},
        nat{behind ? &network.internet().add_nat("nat", *behind, {Address::v4(198, 51, 100, 1)}) : nullptr},
        user{nat ? nat->inside().add_host("user", {Address::v4(10, 0, 0, 2)})
                 : network.internet().add_host("user", {Address::v4(192, 0, 2, 2), ip("2001:db8::2")}),
             std::move(config)},
        peer{network.internet().add_host("peer", {Address::v4(192, 0, 2, 9), ip("2001:db8::9")})},
        peer_socket{peer.udp(Address::v4(192, 0, 2, 9), 9)} {
    server.start();
  }

  static Endpoint peer_v4() { return endpoint("192.0.2.9:9"); }

  /// An allocation with a permission for the peer, and a channel where it is wanted.
  void begin(bool channel = false) {
    user.allocate();
    user.wait_for_allocation();
    if (channel) {
      user.bind(peer_v4());
    } else {
      user.permit(peer_v4().address);
    }
    network.run_for(std::chrono::seconds{1});
  }
  void answer_from_peer(std::string_view text) { EXPECT_TRUE(peer.send(peer_socket, user.relayed(), text)); }
  /// The peer answers whatever it hears.
  void echo() {
    peer.on_heard = [this](const Datagram& in) { EXPECT_TRUE(peer.send(peer_socket, in.from, text_of(in.payload))); };
  }

  sim::Network network;
  TurnServerProcess server;
  sim::Nat* nat;
  TurnUser user;
  Peer peer;
  SocketId peer_socket;
};

}  // namespace ice::test
