#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "ice/sim/network.hpp"
#include "support/allocations.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;

/// Sends back whatever it hears.
class Echo final : public SocketOwner {
 public:
  explicit Echo(Host& host) : host_{host}, socket_{*host.bind(*this, host.addresses()[0], {5000, 5000})} {}
  ~Echo() override { host_.release(*this); }
  void send(const Endpoint& to, Bytes payload) {
    Transmit transmit;
    transmit.socket = socket_;
    transmit.to = to;
    transmit.body = payload;
    EXPECT_TRUE(host_.send(transmit));
  }
  int heard = 0;

 private:
  void on_datagram(const Datagram& in) override {
    ++heard;
    send(in.from, in.payload);
  }
  void on_socket(const SocketEvent&) override {}

  Host& host_;
  SocketId socket_;
};

TEST(SimAllocations, PacketsInASettledNetworkCostNone) {
  Network network{1};
  const Link link = Link::both({.latency = 1ms, .jitter = 1ms});
  Nat& nat_a = network.internet().add_nat("a", NatConfig::full_cone(), {Address::v4(203, 0, 113, 1)}, link);
  Nat& nat_b = network.internet().add_nat("b", NatConfig::full_cone(), {Address::v4(203, 0, 113, 2)}, link);
  Echo alice{nat_a.inside().add_host("a", {Address::v4(10, 0, 0, 2)}, link)};
  Echo bob{nat_b.inside().add_host("b", {Address::v4(10, 0, 0, 2)}, link)};
  const std::array<std::uint8_t, 1200> payload{};
  for (int i = 0; i < 10; ++i) {
    alice.send({Address::v4(203, 0, 113, 2), 5000}, payload);
    bob.send({Address::v4(203, 0, 113, 1), 5000}, payload);
  }
  network.run_for(5s);
  const int before = alice.heard;
  const test::Allocations allocations;
  network.run_for(60s);
  EXPECT_EQ(allocations.count(), 0U);
  EXPECT_GT(alice.heard, before + 10'000);
}

}  // namespace
}  // namespace ice::sim
