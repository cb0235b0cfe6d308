#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "ice/sim/network.hpp"
#include "ice/sim/node.hpp"
#include "ice/stun/binding_client.hpp"
#include "ice/stun/binding_server.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

/// A binding server with two addresses and two ports on the internet, and a binding client behind a NAT of the test's
/// choice, or beside the server if it chooses none.
class StunWorld {
 public:
  static Endpoint a1p1() { return endpoint("203.0.113.1:3478"); }
  static Endpoint a1p2() { return endpoint("203.0.113.1:3479"); }
  static Endpoint a2p1() { return endpoint("203.0.113.2:3478"); }
  static Endpoint a2p2() { return endpoint("203.0.113.2:3479"); }
  static Endpoint v6() { return endpoint("[2001:db8::1]:3478"); }

  explicit StunWorld(std::optional<sim::NatConfig> config = {}, stun::BindingClientConfig client_config = {},
                     std::uint64_t seed = 1)
      : network{seed},
        server_host{network.internet().add_host("server", {a1p1().address, a2p1().address, v6().address})},
        nat{config ? &network.internet().add_nat("nat", *config, {Address::v4(198, 51, 100, 1)}) : nullptr},
        client_host{nat ? nat->inside().add_host("client", {Address::v4(10, 0, 0, 2)})
                        : network.internet().add_host("client", {Address::v4(192, 0, 2, 2), ipv6()})},
        random{network.make_random()},
        client{std::move(client_config), {.random = random, .pacer = pacer}},
        server_node{server_host, server},
        client_node{client_host, client, [this](stun::BindingResult result) { results.push_back(result); }} {
    for (const Endpoint& local : {a1p1(), a1p2(), a2p1(), a2p2(), v6()}) {
      const auto socket = server_node.bind(local.address, {local.port, local.port});
      EXPECT_TRUE(server.add_socket({.socket = *socket, .local = local}));
    }
  }

  static Address ipv6() { return endpoint("[2001:db8::2]:0").address; }

  /// A socket of the client's on a port that nothing was sent from.
  SocketId fresh_socket() {
    const auto socket = client_node.bind(client_host.addresses().front());
    EXPECT_TRUE(socket);
    return *socket;
  }
  Endpoint local(SocketId socket) const { return client_node.local_endpoint(socket); }

  /// Asks, and waits for the result.
  stun::BindingResult ask(const stun::BindingRequest& request) {
    const auto id = client.ask(network.now(), request);
    EXPECT_TRUE(id);
    client_node.wake();
    const std::size_t before = results.size();
    EXPECT_TRUE(network.run_until([&] { return results.size() > before; }, network.now() + std::chrono::minutes{10}));
    return results.back();
  }

  sim::Network network;
  sim::Host& server_host;
  sim::Nat* nat;
  sim::Host& client_host;
  SeededRandom random;
  Pacer pacer;
  stun::BindingServer server;
  stun::BindingClient client;
  sim::Node<stun::BindingServer> server_node;
  sim::Node<stun::BindingClient> client_node;
  std::vector<stun::BindingResult> results;
};

}  // namespace ice::test
