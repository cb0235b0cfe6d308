// TCP allocations on real sockets (RFC 6062): our client, our server, and peers that know nothing but TCP.

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/turn_server.hpp"
#include "ice/turn/tcp_allocation.hpp"
#include "support.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

/// Text in which every place can be told from every other.
std::string long_text(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

struct TcpAllocations : testing::TestWithParam<Transport> {
  boost::asio::io_context loop;
  CertificateAuthority authority;
  Context context{loop.get_executor()};
  std::optional<TurnServer> server;
  std::optional<Driver<turn::TcpAllocation>> client;
  std::vector<turn::TcpAllocationEvent> events;
  std::string received;
  Endpoint relayed;

  void SetUp() override {
    TlsConfig tls = authority.issue();
    tls.ca_file = authority.file();
    ASSERT_TRUE(context.configure_tls(tls));
    server.emplace(context, turn::ServerConfig{.allow_peers = {*turn::AddressRange::parse("127.0.0.0/8")}});
    ASSERT_TRUE(server->add_user("ann", "secret"));
    const auto bound = server->listen({.plain = {loopback()}, .secured = {loopback()}});
    ASSERT_TRUE(bound) << bound.error().message();

    turn::AllocationConfig config;
    config.server = GetParam() == Transport::tls ? bound->secured.at(0) : bound->plain.at(0);
    config.transport = GetParam();
    config.local = Address::loopback(Family::ipv4);
    config.login = *stun::Login::make("ann", "secret");
    client.emplace(context, config, context.environment());
    client->on_event([this](const turn::TcpAllocationEvent& event) { events.push_back(event); });
    client->on_data([this](const Received& in) { received += text_of(in.data); });
    client->with([](turn::TcpAllocation& one, TimePoint now) {
      EXPECT_TRUE(one.allocate(now));
      EXPECT_TRUE(one.permit(now, Address::loopback(Family::ipv4)));
    });
    ASSERT_TRUE(wait_for<turn::PermissionGranted>());
    relayed = client->machine().relayed(Family::ipv4);
  }

  template <class E>
  std::optional<E> wait_for() {
    std::optional<E> found;
    EXPECT_TRUE(run_until(loop, [&] {
      for (const auto& event : events) {
        if (const auto* one = std::get_if<E>(&event)) found = *one;
      }
      return found.has_value();
    }));
    return found;
  }
  result<void> send(const Endpoint& peer, std::string_view text) {
    return client->send(
        [&](turn::TcpAllocation& one, TimePoint, MutableBytes) { return one.wrap(peer, bytes_of(text)); });
  }
  /// A peer that calls and is accepted.
  RawSocket caller() {
    RawSocket peer = RawSocket::tcp();
    EXPECT_TRUE(peer.connect(relayed));
    const auto called = wait_for<turn::PeerCalled>();
    EXPECT_EQ(called->peer, peer.local());
    client->with([&](turn::TcpAllocation& one, TimePoint now) { EXPECT_TRUE(one.accept(now, called->peer)); });
    EXPECT_EQ(wait_for<turn::PeerConnected>()->peer, peer.local());
    return peer;
  }
};

INSTANTIATE_TEST_SUITE_P(Transports, TcpAllocations, testing::Values(Transport::tcp, Transport::tls),
                         [](const auto& tested) { return std::string{to_string(tested.param)}; });

TEST_P(TcpAllocations, ConnectToAPeerFromTheRelayedAddress) {
  Driver<ToyMachine> peer{context};
  const auto listening = peer.listen(loopback(), Framing::none);
  ASSERT_TRUE(listening);
  const Endpoint at = *peer.local_endpoint(*listening);
  client->with([&](turn::TcpAllocation& one, TimePoint now) { EXPECT_TRUE(one.connect(now, at)); });
  ASSERT_TRUE(wait_for<turn::PeerConnected>());
  const auto accepted = peer.machine().socket_events_of<SocketAccepted>();
  ASSERT_EQ(accepted.size(), 1U);
  EXPECT_EQ(accepted[0].remote, relayed);
  EXPECT_TRUE(send(at, ">hello"));  // which it sends back
  ASSERT_TRUE(run_until(loop, [&] { return received.size() == 6; }));
  EXPECT_EQ(received, ">hello");
}

TEST_P(TcpAllocations, SayThatNobodyListens) {
  Endpoint nobody;
  {
    RawSocket closed = RawSocket::tcp();
    Driver<ToyMachine> peer{context};
    nobody = *peer.local_endpoint(*peer.listen(loopback(), Framing::none));
  }
  client->with([&](turn::TcpAllocation& one, TimePoint now) { EXPECT_TRUE(one.connect(now, nobody)); });
  EXPECT_EQ(stun::to_number(wait_for<turn::PeerRefused>()->why.code), 447U);
}

TEST_P(TcpAllocations, HaveWhatAPeerSaidBeforeItWasAcceptedAndItsEnd) {
  const std::string text = long_text(50'000);
  {
    RawSocket peer = RawSocket::tcp();
    ASSERT_TRUE(peer.connect(relayed));
    peer.send(text);
  }
  const auto called = wait_for<turn::PeerCalled>();
  EXPECT_TRUE(received.empty());
  client->with([&](turn::TcpAllocation& one, TimePoint now) { EXPECT_TRUE(one.accept(now, called->peer)); });
  EXPECT_EQ(wait_for<turn::PeerClosed>()->peer, called->peer);
  EXPECT_EQ(received, text);
  ASSERT_TRUE(run_until(loop, [&] { return server->machine().gauges().peer_connections == 0; }));
}

TEST_P(TcpAllocations, CloseThePeerWhenTheClientDoes) {
  RawSocket peer = caller();
  EXPECT_TRUE(send(peer.local(), "goodbye"));
  client->with([&](turn::TcpAllocation& one, TimePoint) { one.disconnect(peer.local()); });
  std::string all;
  const auto ended = [&] {
    const auto more = peer.receive();
    if (more) all += *more;
    return more && more->empty();
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!ended() && std::chrono::steady_clock::now() < deadline) loop.poll(), loop.restart();
  EXPECT_EQ(all, "goodbye");
  EXPECT_EQ(server->machine().gauges().peer_connections, 0U);
}

// Nothing is lost, and nobody keeps more than the buffers of the system and one read in each program.
TEST_P(TcpAllocations, StopTheSenderWhereThePeerDoesNotRead) {
  RawSocket peer = caller();
  const std::string text = long_text(60'000);
  std::size_t sent = 0;
  const std::size_t most = 200;  // pieces; what every buffer on the way takes together is less
  std::size_t refused = 0;
  while (sent < 1'000 && refused < most) {
    if (send(peer.local(), text)) {
      ++sent;
      refused = 0;
    } else {
      ++refused;
      loop.restart();
      loop.poll();
    }
  }
  ASSERT_EQ(refused, most) << "somebody keeps it all";
  std::string all;
  ASSERT_TRUE(run_until(loop, [&] {
    while (const auto more = peer.receive()) {
      if (more->empty()) return true;
      all += *more;
    }
    return all.size() >= sent * text.size();
  }));
  ASSERT_EQ(all.size(), sent * text.size());
  for (std::size_t i = 0; i < sent; ++i) ASSERT_EQ(all.compare(i * text.size(), text.size(), text), 0) << i;
}

}  // namespace
}  // namespace ice::io
