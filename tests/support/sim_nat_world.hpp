#pragma once

#include <string>

#include "support/sim_peer.hpp"

namespace ice::test {

/// A host behind a NAT, and servers outside that hear where its packets come from: s1 and s2 on one address, t on
/// another.
struct NatWorld {
  explicit NatWorld(const sim::NatConfig& config, std::vector<Address> external = {ip("198.51.100.1")},
                    std::uint64_t seed = 1)
      : network{seed}, nat{network.internet().add_nat("nat", config, std::move(external))} {}

  sim::Network network;
  sim::Nat& nat;
  sim::Host& host = nat.inside().add_host("host", {ip("10.0.0.2")});
  sim::Host& neighbour_host = nat.inside().add_host("neighbour", {ip("10.0.0.3")});
  sim::Host& s_host = network.internet().add_host("s", {ip("203.0.113.1")});
  sim::Host& t_host = network.internet().add_host("t", {ip("203.0.113.2")});
  Peer inside{host};
  Peer neighbour{neighbour_host};
  Peer s{s_host};
  Peer t{t_host};
  SocketId socket = inside.udp(5000);
  SocketId s1 = s.udp(1001);
  SocketId s2 = s.udp(1002);
  SocketId t1 = t.udp(1001);

  static Endpoint at_s1() { return {ip("203.0.113.1"), 1001}; }
  static Endpoint at_s2() { return {ip("203.0.113.1"), 1002}; }
  static Endpoint at_t1() { return {ip("203.0.113.2"), 1001}; }

  void run() { network.run_for(std::chrono::milliseconds{100}); }

  /// Sends from inside and returns where it came from, as its receiver saw it; none if it did not arrive.
  Endpoint seen(Peer& from, SocketId from_socket, Peer& by, const Endpoint& to) {
    by.heard.clear();
    EXPECT_TRUE(from.send(from_socket, to, "out"));
    run();
    return by.heard.empty() ? Endpoint{} : by.heard.back().from;
  }
  Endpoint seen_by_s1() { return seen(inside, socket, s, at_s1()); }
  Endpoint seen_by_s2() { return seen(inside, socket, s, at_s2()); }
  Endpoint seen_by_t1() { return seen(inside, socket, t, at_t1()); }

  /// Whether a packet from outside to `external` gets in.
  bool gets_in(Peer& from, SocketId from_socket, const Endpoint& external) {
    inside.heard.clear();
    EXPECT_TRUE(from.send(from_socket, external, "in"));
    run();
    return !inside.heard.empty();
  }
};

}  // namespace ice::test
