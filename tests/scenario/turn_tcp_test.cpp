// A TCP allocation with a network between client, server and peers (RFC 6062).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "ice/turn/tcp_allocation.hpp"
#include "scenario/support/turn_world.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using test::endpoint;
using test::ip;
using test::turn_config;
using test::TurnServerProcess;
using testing::IsEmpty;

/// Text in which every place can be told from every other.
std::string long_text(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

struct ATcpRelay : testing::Test {
  ATcpRelay() {
    server.start();
    node.on_data([this](const Received& in) {
      EXPECT_EQ(in.from.address, peer_address);
      received += text_of(in.data);
    });
  }

  void allocate() {
    EXPECT_TRUE(client.allocate(network.now()));
    node.wake();
    EXPECT_TRUE(network.run_until([&] { return client.state() == AllocationState::allocated; }, network.now() + 1min));
    relayed = client.relayed(Family::ipv4);
  }
  void permit() {
    EXPECT_TRUE(client.permit(network.now(), peer_address));
    node.wake();
    network.run_for(1s);
  }
  /// The peer listens, and is connected to.
  SocketId connected() {
    peer.listen(peer_endpoint);
    EXPECT_TRUE(client.connect(network.now(), peer_endpoint));
    node.wake();
    network.run_for(1s);
    EXPECT_TRUE(client.connected(peer_endpoint));
    const auto accepted = peer.of<SocketAccepted>();
    EXPECT_EQ(accepted.size(), 1u);
    EXPECT_EQ(accepted.at(0).remote, relayed);
    return accepted.at(0).socket;
  }
  result<void> send(std::string_view text) {
    const auto transmit = client.wrap(peer_endpoint, bytes_of(text));
    return transmit ? node.send(*transmit) : result<void>{fail(transmit.error())};
  }
  std::string at_peer() const {
    const auto texts = peer.texts();
    return std::accumulate(texts.begin(), texts.end(), std::string{});
  }
  template <class E>
  std::vector<E> told() const {
    std::vector<E> result;
    for (const auto& event : events)
      if (const E* const e = std::get_if<E>(&event)) result.push_back(*e);
    return result;
  }

  const Address peer_address = ip("192.0.2.9");
  const Endpoint peer_endpoint{peer_address, 80};
  sim::Network network{1};
  TurnServerProcess server{network};
  sim::Host& host = network.internet().add_host("user", {ip("192.0.2.2")});
  SeededRandom random{network.make_random()};
  Pacer pacer;
  TcpAllocation client{turn_config(Transport::tcp), {.random = random, .pacer = pacer}};
  std::vector<TcpAllocationEvent> events;
  sim::Node<TcpAllocation> node{host, client, [this](TcpAllocationEvent event) { events.push_back(std::move(event)); }};
  test::Peer peer{network.internet().add_host("peer", {peer_address})};
  std::string received;
  Endpoint relayed;
};

TEST_F(ATcpRelay, CarriesBytesBothWaysOfAConnectionThatTheClientBegan) {
  allocate();
  const SocketId at = connected();
  EXPECT_EQ(told<PeerConnected>().size(), 1u);
  EXPECT_TRUE(send("hello"));
  EXPECT_TRUE(peer.send(at, relayed, "world"));
  network.run_for(1s);
  EXPECT_EQ(at_peer(), "hello");
  EXPECT_EQ(received, "world");
}

TEST_F(ATcpRelay, CarriesWhatAPeerSaysThatHasCalled) {
  allocate();
  permit();
  peer.connect(relayed, Framing::none, 80);
  network.run_for(1s);
  ASSERT_EQ(told<PeerCalled>().size(), 1u);
  const SocketId at = peer.of<SocketOpened>().at(0).socket;
  EXPECT_TRUE(peer.send(at, relayed, "before anybody listens"));
  network.run_for(10s);
  EXPECT_TRUE(received.empty());
  EXPECT_TRUE(client.accept(network.now(), peer_endpoint));
  node.wake();
  network.run_for(5s);
  EXPECT_EQ(told<PeerConnected>().size(), 1u);
  EXPECT_EQ(received, "before anybody listens");
  EXPECT_TRUE(send("yes?"));
  network.run_for(1s);
  EXPECT_EQ(at_peer(), "yes?");
}

TEST_F(ATcpRelay, RefusesAPeerThatIsNotPermitted) {
  allocate();
  peer.connect(relayed, Framing::none, 80);
  network.run_for(1s);
  EXPECT_THAT(told<PeerCalled>(), IsEmpty());
  EXPECT_EQ(peer.of<SocketClosed>().size(), 1u);
}

TEST_F(ATcpRelay, ForgetsACallThatNobodyAcceptsAtBothEnds) {
  allocate();
  permit();
  peer.connect(relayed, Framing::none, 80);
  network.run_for(31s);
  ASSERT_EQ(told<PeerRefused>().size(), 1u);
  EXPECT_EQ(told<PeerRefused>()[0].why.error, errc::timed_out);
  EXPECT_EQ(peer.of<SocketClosed>().size(), 1u);
  EXPECT_FALSE(client.accept(network.now(), peer_endpoint));
}

TEST_F(ATcpRelay, SaysThatNobodyListensAndAsksAgainTenSecondsLaterAtTheEarliest) {
  allocate();
  EXPECT_TRUE(client.connect(network.now(), peer_endpoint));
  node.wake();
  network.run_for(1s);
  ASSERT_EQ(told<PeerRefused>().size(), 1u);
  EXPECT_EQ(told<PeerRefused>()[0].why.code, ErrorCode::connection_timeout_or_failure);
  peer.listen(peer_endpoint);
  EXPECT_TRUE(client.connect(network.now(), peer_endpoint));
  node.wake();
  network.run_for(8s);
  EXPECT_THAT(told<PeerConnected>(), IsEmpty());
  network.run_for(3s);
  EXPECT_EQ(told<PeerConnected>().size(), 1u);
}

TEST_F(ATcpRelay, SaysThatAPeerIsForbidden) {
  allocate();
  EXPECT_TRUE(client.connect(network.now(), endpoint("127.0.0.1:80")));
  node.wake();
  network.run_for(1s);
  ASSERT_EQ(told<PeerRefused>().size(), 1u);
  EXPECT_EQ(told<PeerRefused>()[0].why.code, ErrorCode::forbidden);
}

TEST_F(ATcpRelay, WaitsForItsAllocationBeforeItConnects) {
  peer.listen(peer_endpoint);
  EXPECT_TRUE(client.connect(network.now(), peer_endpoint));
  EXPECT_TRUE(client.allocate(network.now()));
  node.wake();
  network.run_for(2s);
  EXPECT_TRUE(client.connected(peer_endpoint));
}

TEST_F(ATcpRelay, ClosesTheClientsSideBehindTheLastByteOfThePeers) {
  allocate();
  const SocketId at = connected();
  const std::string text = long_text(200'000);
  EXPECT_TRUE(peer.send(at, relayed, text));
  peer.host().close(at);
  network.run_for(10s);
  EXPECT_EQ(received, text);
  ASSERT_EQ(told<PeerClosed>().size(), 1u);
  EXPECT_FALSE(told<PeerClosed>()[0].error);
  EXPECT_EQ(send("too late").error(), errc::closed);
}

TEST_F(ATcpRelay, ClosesThePeersSideBehindTheLastByteOfTheClients) {
  allocate();
  connected();
  const std::string text = long_text(200'000);
  EXPECT_TRUE(send(text));
  client.disconnect(peer_endpoint);
  node.wake();
  network.run_for(10s);
  EXPECT_EQ(at_peer(), text);
  EXPECT_EQ(peer.of<SocketClosed>().size(), 1u);
  EXPECT_THAT(told<PeerClosed>(), IsEmpty()) << "nobody is told of what he has done";
  EXPECT_EQ(server->gauges().peer_connections, 0u);
}

TEST_F(ATcpRelay, StopsTheSenderWhereThePeerDoesNotReadAndLosesNothing) {
  allocate();
  const SocketId at = connected();
  peer.host().request(peer, ReadSocket{at, false});
  const std::string piece = long_text(10'000);
  std::size_t taken = 0;
  for (int i = 0; i < 500; ++i) {
    if (send(piece)) ++taken;
    network.run_for(10ms);
  }
  EXPECT_LT(taken, 120u) << "no more than the buffers of three hosts hold";
  EXPECT_TRUE(told<PeerFlow>().at(0).full);
  peer.host().request(peer, ReadSocket{at, true});
  network.run_for(2min);
  EXPECT_EQ(at_peer().size(), taken * piece.size());
  EXPECT_FALSE(told<PeerFlow>().back().full);
  EXPECT_TRUE(send("more"));
}

TEST_F(ATcpRelay, StopsThePeerWhereTheClientDoesNotRead) {
  allocate();
  const SocketId at = connected();
  client.read(peer_endpoint, false);
  node.wake();
  std::size_t taken = 0;
  const std::string piece = long_text(10'000);
  for (int i = 0; i < 500; ++i) {
    if (peer.send(at, relayed, piece)) ++taken;
    network.run_for(10ms);
  }
  EXPECT_LT(taken, 120u);
  EXPECT_TRUE(received.empty());
  client.read(peer_endpoint, true);
  node.wake();
  network.run_for(2min);
  EXPECT_EQ(received.size(), taken * piece.size());
}

TEST_F(ATcpRelay, TellsOfEveryConnectionThatEndsWithTheServerAndMakesANewAllocation) {
  allocate();
  connected();
  server.die();
  network.run_for(1s);
  EXPECT_EQ(told<AllocationLost>().size(), 1u);
  EXPECT_EQ(told<PeerClosed>().size(), 1u);
  server.start();
  network.run_for(1min);
  EXPECT_EQ(told<Allocated>().size(), 2u);
  EXPECT_TRUE(client.connect(network.now(), peer_endpoint));
  node.wake();
  network.run_for(1s);
  EXPECT_TRUE(client.connected(peer_endpoint));
}

TEST_F(ATcpRelay, GivesEverythingBack) {
  allocate();
  connected();
  client.release(network.now());
  node.wake();
  network.run_for(1s);
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_EQ(server->gauges().allocations, 0u);
  EXPECT_EQ(server->gauges().connections, 0u);
  EXPECT_EQ(peer.of<SocketClosed>().size(), 1u);
}

TEST_F(ATcpRelay, IsForStreamsAndWithoutWhatIsForUdpAlone) {
  const auto refuses = [&](AllocationConfig config) {
    TcpAllocation one{std::move(config), {.random = random, .pacer = pacer}};
    return one.allocate(network.now()).error() == errc::invalid_argument;
  };
  EXPECT_TRUE(refuses(turn_config(Transport::udp)));
  AllocationConfig even = turn_config(Transport::tcp), whole = even;
  even.even_port = stun::EvenPort{false};
  EXPECT_TRUE(refuses(even));
  whole.dont_fragment = true;
  EXPECT_TRUE(refuses(whole));
}

TEST_F(ATcpRelay, ReachesThroughTwoRelays) {
  allocate();
  permit();
  SeededRandom other_random{network.make_random()};
  TcpAllocation other{turn_config(Transport::tcp), {.random = other_random, .pacer = pacer}};
  std::vector<TcpAllocationEvent> other_events;
  std::string heard;
  sim::Node<TcpAllocation> other_node{network.internet().add_host("other", {ip("192.0.2.3")}), other,
                                      [&](TcpAllocationEvent e) { other_events.push_back(std::move(e)); }};
  other_node.on_data([&](const Received& in) { heard += text_of(in.data); });
  EXPECT_TRUE(other.allocate(network.now()));
  EXPECT_TRUE(other.permit(network.now(), relayed.address));
  other_node.wake();
  network.run_for(1s);
  const Endpoint theirs = other.relayed(Family::ipv4);
  EXPECT_TRUE(client.connect(network.now(), theirs));
  node.wake();
  network.run_for(1s);
  EXPECT_TRUE(other.accept(network.now(), relayed));
  other_node.wake();
  network.run_for(1s);
  const auto transmit = client.wrap(theirs, bytes_of("through both"));
  ASSERT_TRUE(transmit);
  EXPECT_TRUE(node.send(*transmit));
  network.run_for(1s);
  EXPECT_EQ(heard, "through both");
}

}  // namespace
}  // namespace ice::turn
