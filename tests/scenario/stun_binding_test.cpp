// Client and server of RFC 8489 with a network between them.

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "scenario/support/stun_world.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::StunWorld;

TEST(Binding, LearnsTheExternalEndpointThatTheNatHasChosen) {
  for (const sim::NatConfig& kind : {sim::NatConfig::full_cone(), sim::NatConfig::restricted_cone(),
                                     sim::NatConfig::port_restricted_cone(), sim::NatConfig::symmetric()}) {
    StunWorld world{kind};
    const SocketId socket = world.fresh_socket();
    const BindingResult result = world.ask({.socket = socket, .server = StunWorld::a1p1()});
    ASSERT_FALSE(result.error) << result.error.message();
    EXPECT_EQ(result.mapped, *world.nat->external_of(world.local(socket)));
    EXPECT_NE(result.mapped.address, world.local(socket).address);
    EXPECT_EQ(result.round_trip, 30ms) << "three links of 5 ms, there and back";
  }
}

TEST(Binding, LearnsItsOwnAddressWithoutANat) {
  StunWorld world;
  const SocketId socket = world.fresh_socket();
  EXPECT_EQ(world.ask({.socket = socket, .server = StunWorld::a1p1()}).mapped, world.local(socket));
}

TEST(Binding, WorksOverIpv6) {
  StunWorld world;
  const SocketId socket = *world.client_node.bind(StunWorld::ipv6());
  const BindingResult result = world.ask({.socket = socket, .server = StunWorld::v6()});
  EXPECT_EQ(result.mapped, world.local(socket));
  EXPECT_FALSE(result.other_address) << "the server has one IPv6 address";
}

TEST(Binding, SurvivesLoss) {
  int retransmitted = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    StunWorld world{sim::NatConfig::port_restricted_cone(), {}, seed};
    world.client_host.interfaces().front()->link() = sim::Link::both({.loss = 0.2});
    const BindingResult result = world.ask({.socket = world.fresh_socket(), .server = StunWorld::a1p1()});
    EXPECT_FALSE(result.error) << "seed " << seed;
    EXPECT_EQ(result.round_trip.has_value(), result.transmissions == 1) << "Karn";
    retransmitted += result.transmissions > 1;
  }
  EXPECT_GT(retransmitted, 5) << "else the test shows nothing";
}

TEST(Binding, MeasuresLossyPathsWithTheTransmitCounter) {  // RFC 7982
  int measured_after_loss = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    StunWorld world{{}, {.count_transmissions = true}, seed};
    world.client_host.interfaces().front()->link() = sim::Link::both({.loss = 0.2});
    const BindingResult result = world.ask({.socket = world.fresh_socket(), .server = StunWorld::a1p1()});
    if (!result.round_trip || result.transmissions == 1) continue;
    ++measured_after_loss;
    EXPECT_EQ(result.round_trip, 20ms) << "seed " << seed;
  }
  EXPECT_GT(measured_after_loss, 5);
}

TEST(Binding, TakesOneOfTwoAnswersToADuplicatedRequest) {
  StunWorld world;
  world.client_host.interfaces().front()->link() = sim::Link::both({.duplication = 1});
  EXPECT_FALSE(world.ask({.socket = world.fresh_socket(), .server = StunWorld::a1p1()}).error);
  world.network.run_for(1s);
  EXPECT_EQ(world.results.size(), 1u);
  EXPECT_EQ(world.server.counters().requests, 2u);
  EXPECT_EQ(world.client.counters().unsolicited, 3u) << "two answers, each of them twice";
}

TEST(Binding, TimesOutAfter39500MillisecondsWhenTheServerIsDead) {
  StunWorld world{sim::NatConfig::full_cone()};
  world.server_host.kill();
  const BindingResult result = world.ask({.socket = world.fresh_socket(), .server = StunWorld::a1p1()});
  EXPECT_EQ(result.error, errc::timed_out);
  EXPECT_EQ(result.transmissions, 7);
  EXPECT_EQ(world.network.now() - TimePoint{}, 39500ms);
}

TEST(Binding, FailsAtOnceWhereNoServerRuns) {  // RFC 8489 §6.2.1: a hard ICMP error
  StunWorld world;
  const Endpoint nobody = endpoint("203.0.113.1:99");
  const BindingResult result = world.ask({.socket = world.fresh_socket(), .server = nobody});
  EXPECT_EQ(result.error, errc::unreachable);
  EXPECT_EQ(result.last_heard.kind, LastHeard::Kind::icmp);
  EXPECT_EQ(result.last_heard.icmp_code, 3);
  EXPECT_LT(world.network.now() - TimePoint{}, 500ms);
}

TEST(Binding, RemembersThatAFirewallSaidNo) {
  sim::NatConfig blocked = sim::NatConfig::udp_blocked();
  blocked.icmp_prohibited = true;
  StunWorld world{blocked};
  const BindingResult result = world.ask({.socket = world.fresh_socket(), .server = StunWorld::a1p1()});
  EXPECT_EQ(result.error, errc::timed_out);
  EXPECT_EQ(result.last_heard.kind, LastHeard::Kind::icmp);
  EXPECT_EQ(result.last_heard.icmp_code, 13);
}

TEST(Binding, TellsOfTheMappingThatASymmetricNatMakesForEachServer) {
  StunWorld world{sim::NatConfig::symmetric()};
  const SocketId socket = world.fresh_socket();
  const Endpoint first = world.ask({.socket = socket, .server = StunWorld::a1p1()}).mapped;
  EXPECT_NE(world.ask({.socket = socket, .server = StunWorld::a2p1()}).mapped, first);
  EXPECT_EQ(world.ask({.socket = socket, .server = StunWorld::a1p1()}).mapped, first);
}

TEST(Binding, SeesTheMappingExpire) {
  StunWorld world{sim::NatConfig::full_cone()};
  const SocketId socket = world.fresh_socket();
  const Endpoint first = world.ask({.socket = socket, .server = StunWorld::a1p1()}).mapped;
  world.network.run_for(29s);
  EXPECT_EQ(world.ask({.socket = socket, .server = StunWorld::a1p1()}).mapped, first);
  world.network.run_for(31s);
  EXPECT_NE(world.ask({.socket = socket, .server = StunWorld::a1p1()}).mapped, first);
}

// --- streams

/// The server with a TCP listener: the machine knows nothing of it, as with the driver of sockets.
struct ListeningServer {
  using Event = BindingServer::Event;

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
    return server.handle_datagram(now, in, scratch);
  }
  void handle_timeout(TimePoint) {}
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes) { return {}; }
  std::optional<Event> poll_event() { return {}; }
  std::optional<TimePoint> next_timeout() const { return {}; }
  std::optional<SocketRequest> poll_socket() { return std::exchange(wish, {}); }
  void handle_socket(TimePoint, const SocketEvent&) {}

  BindingServer server{};
  std::optional<SocketRequest> wish{};
};

/// A client that asks once it is connected.
struct ConnectingClient {
  using Event = BindingResult;

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
    return client.handle_datagram(now, in, scratch);
  }
  void handle_timeout(TimePoint now) { client.handle_timeout(now); }
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch) {
    return client.poll_transmit(now, scratch);
  }
  std::optional<Event> poll_event() { return client.poll_event(); }
  std::optional<TimePoint> next_timeout() const { return client.next_timeout(); }
  std::optional<SocketRequest> poll_socket() { return wish ? std::exchange(wish, {}) : client.poll_socket(); }
  void handle_socket(TimePoint now, const SocketEvent& event) {
    if (const auto* opened = std::get_if<SocketOpened>(&event)) {
      local = opened->local;
      EXPECT_TRUE(client.ask(now, {.socket = opened->socket, .server = server, .transport = Transport::tcp}));
    } else {
      client.handle_socket(now, event);
    }
  }

  BindingClient client;
  Endpoint server{};
  std::optional<SocketRequest> wish{};
  Endpoint local{};
};

struct OverTcp : testing::Test {
  static constexpr std::uint16_t port = 5000;  // nothing else of the server is there
  OverTcp() {
    OpenSocket listen;
    listen.kind = OpenSocket::Kind::listen;
    listen.transport = Transport::tcp;
    listen.local = {StunWorld::a1p1().address, 0};
    listen.ports = {port, port};
    listen.framing = Framing::stun;
    server.wish = listen;
    server_node.wake();
    client.server = {StunWorld::a1p1().address, port};
    OpenSocket connect;
    connect.kind = OpenSocket::Kind::connect;
    connect.transport = Transport::tcp;
    connect.remote = client.server;
    connect.framing = Framing::stun;
    client.wish = connect;
  }

  StunWorld world{sim::NatConfig::port_restricted_cone()};
  ListeningServer server;
  ConnectingClient client{.client = BindingClient{{}, {.random = world.random, .pacer = world.pacer}}};
  std::vector<BindingResult> results;
  sim::Node<ListeningServer> server_node{world.server_host, server};
  sim::Node<ConnectingClient> client_node{world.client_host, client,
                                          [this](const BindingResult& result) { results.push_back(result); }};
};

TEST_F(OverTcp, LearnsTheMappingOfTheConnection) {
  client_node.wake();
  world.network.run_for(1s);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_FALSE(results[0].error);
  EXPECT_EQ(results[0].mapped.address, Address::v4(198, 51, 100, 1));
  EXPECT_NE(results[0].mapped, client.local);
  EXPECT_EQ(server.server.counters().successes, 1u);
}

TEST_F(OverTcp, FailsWhenTheConnectionDoes) {  // RFC 8489 §6.2.2
  world.client_host.interfaces().front()->link().egress.latency = 1s;
  client_node.wake();
  world.network.run_for(1500ms);  // connected, and the request is on its way
  ASSERT_TRUE(client.local);
  world.server_host.close_sockets();
  world.network.run_for(10s);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].error);
  EXPECT_NE(results[0].error, errc::timed_out);
}

}  // namespace
}  // namespace ice::stun
