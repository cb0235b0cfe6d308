#include "ice/io/turn_server.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "ice/io/driver.hpp"
#include "ice/turn/allocation.hpp"
#include "support.hpp"

namespace ice::io {
namespace {

Address v4(std::uint8_t last) { return Address::v4(127, 0, 0, last); }

turn::ServerConfig on_loopback() {
  turn::ServerConfig config;
  config.allow_peers = {*turn::AddressRange::parse("127.0.0.0/8")};
  return config;
}

/// A client: an allocation on a driver of its own.
class TurnClient {
 public:
  TurnClient(boost::asio::io_context& loop, Context context, turn::AllocationConfig config)
      : loop_{loop}, driver_{context, std::move(config), context.environment()} {
    driver_.on_event([this](const turn::AllocationEvent& event) { events_.push_back(event); });
    driver_.on_data([this](const Received& in) { data.emplace_back(text_of(in.data)), from = in.from; });
    driver_.with([](turn::Allocation& one, TimePoint now) { EXPECT_TRUE(one.allocate(now)); });
  }

  template <class E>
  std::optional<E> wait_for() {
    std::optional<E> found;
    EXPECT_TRUE(run_until(loop_, [&] {
      for (const auto& event : events_) {
        if (const auto* one = std::get_if<E>(&event)) found = *one;
      }
      return found.has_value();
    }));
    return found;
  }
  Endpoint relayed() { return wait_for<turn::Allocated>().value_or(turn::Allocated{}).relayed; }

  template <class Verb>
  auto with(Verb verb) {
    return driver_.with(verb);
  }
  void permit(const Address& peer) {
    with([&](turn::Allocation& one, TimePoint now) { EXPECT_TRUE(one.permit(now, peer)); });
    wait_for<turn::PermissionGranted>();
  }
  void bind(const Endpoint& peer) {
    with([&](turn::Allocation& one, TimePoint now) { EXPECT_TRUE(one.bind_channel(now, peer)); });
    wait_for<turn::ChannelReady>();
  }
  void send(const Endpoint& peer, std::string_view text) {
    EXPECT_TRUE(driver_.send([&](turn::Allocation& one, TimePoint now, MutableBytes scratch) {
      return one.wrap(now, peer, bytes_of(text), scratch);
    }));
  }

  std::vector<std::string> data;
  Endpoint from;

 private:
  boost::asio::io_context& loop_;
  Driver<turn::Allocation> driver_;
  std::vector<turn::AllocationEvent> events_;
};

struct ServerAndPeer : testing::Test {
  boost::asio::io_context loop;
  CertificateAuthority authority;
  Context context{loop.get_executor()};
  std::optional<TurnServer> server;
  TurnServer::Bound bound;
  RawSocket peer = RawSocket::udp();

  void serve(turn::ServerConfig config = on_loopback(), TurnServerAddresses addresses = {}) {
    TlsConfig tls = authority.issue();
    tls.ca_file = authority.file();
    ASSERT_TRUE(context.configure_tls(tls));
    server.emplace(context, std::move(config));
    ASSERT_TRUE(server->add_user("ann", "secret"));
    if (addresses.plain.empty()) addresses.plain = {loopback()};
    addresses.secured = {loopback()};
    const auto listening = server->listen(addresses);
    ASSERT_TRUE(listening) << listening.error().message();
    bound = *listening;
  }

  turn::AllocationConfig config(Transport transport,
                                const stun::Login& login = *stun::Login::make("ann", "secret")) const {
    turn::AllocationConfig made;
    const bool secured = transport == Transport::tls || transport == Transport::dtls;
    made.server = secured ? bound.secured.at(0) : bound.plain.at(0);
    made.transport = transport;
    made.local = v4(1);
    made.login = login;
    return made;
  }

  std::string wait_for_datagram(Endpoint* from = nullptr) {
    std::optional<std::string> got;
    EXPECT_TRUE(run_until(loop, [&] { return (got = peer.receive(from)).has_value(); }));
    return got.value_or("");
  }
};

struct TurnServers : ServerAndPeer, testing::WithParamInterface<Transport> {};

INSTANTIATE_TEST_SUITE_P(Transports, TurnServers,
                         testing::Values(Transport::udp, Transport::tcp, Transport::tls, Transport::dtls),
                         [](const auto& tested) { return std::string{to_string(tested.param)}; });

TEST_P(TurnServers, RelaysBothWaysByIndicationsAndByChannels) {
  serve();
  TurnClient client{loop, context, config(GetParam())};
  const Endpoint relayed = client.relayed();
  EXPECT_EQ(relayed.address, v4(1));
  client.permit(v4(1));
  client.send(peer.local(), "by indication");
  Endpoint from;
  EXPECT_EQ(wait_for_datagram(&from), "by indication");
  EXPECT_EQ(from, relayed);
  peer.send(relayed, "and back");
  ASSERT_TRUE(run_until(loop, [&] { return client.data.size() == 1; }));
  EXPECT_EQ(client.data[0], "and back");
  EXPECT_EQ(client.from, peer.local());

  client.bind(peer.local());
  client.send(peer.local(), "by channel");
  EXPECT_EQ(wait_for_datagram(), "by channel");
  // Odd sizes show whether streams are padded and datagrams are not; all in one batch.
  const std::vector<std::string> back{"1", "22", "333", "4444", "55555"};
  for (const std::string& text : back) peer.send(relayed, text);
  ASSERT_TRUE(run_until(loop, [&] { return client.data.size() == 1 + back.size(); }));
  EXPECT_EQ((std::vector<std::string>{client.data.begin() + 1, client.data.end()}), back);
}

TEST_P(TurnServers, TwoClientsOfOneServerReachEachOther) {
  serve();
  TurnClient ann{loop, context, config(GetParam())};
  TurnClient other{loop, context, config(Transport::udp)};
  ann.bind(other.relayed());
  other.bind(ann.relayed());
  ann.send(other.relayed(), "to the other");
  ASSERT_TRUE(run_until(loop, [&] { return !other.data.empty(); }));
  other.send(ann.relayed(), "and back");
  ASSERT_TRUE(run_until(loop, [&] { return !ann.data.empty(); }));
  EXPECT_EQ(ann.data[0], "and back");
  EXPECT_EQ(ann.from, other.relayed());
}

TEST_P(TurnServers, AClientThatVanishesLosesItsAllocationWhereTheConnectionTells) {
  serve();
  std::vector<turn::Server::Event> events;
  server->on_event([&](const turn::Server::Event& event) { events.push_back(event); });
  {
    TurnClient client{loop, context, config(GetParam())};
    client.relayed();
  }
  if (is_stream(GetParam())) {
    ASSERT_TRUE(run_until(loop, [&] { return events.size() == 2; }));
    EXPECT_EQ(server->machine().gauges().allocations, 0U);
    EXPECT_EQ(std::get<turn::AllocationClosed>(events[1]).why, turn::AllocationClosed::Why::connection_closed);
  } else {
    loop.poll();
    EXPECT_EQ(server->machine().gauges().allocations, 1U) << "a datagram client may only be slow";
  }
}

TEST_P(TurnServers, AWrongPasswordIsRefused) {
  serve();
  TurnClient client{loop, context, config(GetParam(), *stun::Login::make("ann", "wrong"))};
  const auto failed = client.wait_for<turn::AllocationFailed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->why.error, errc::unauthorized) << failed->why.error.message();
}

// ---- what does not depend on the transport

struct LoneTurnServer : ServerAndPeer {};

TEST_F(LoneTurnServer, SharedSecretCredentialsAreGoodForTheirTime) {
  serve();
  server->set_secrets({"of the web server"});
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto good = turn::make_shared_secret_login("of the web server", "ben", now + std::chrono::hours{1});
  const auto late = turn::make_shared_secret_login("of the web server", "ben", now - std::chrono::hours{1});
  ASSERT_TRUE(good && late);
  TurnClient client{loop, context, config(Transport::udp, *good)};
  EXPECT_TRUE(client.relayed());
  TurnClient too_late{loop, context, config(Transport::udp, *late)};
  EXPECT_TRUE(too_late.wait_for<turn::AllocationFailed>());
}

TEST_F(LoneTurnServer, LoopbackIsForbiddenUnlessItIsAllowed) {
  serve({});
  TurnClient client{loop, context, config(Transport::udp)};
  client.relayed();
  client.with([&](turn::Allocation& one, TimePoint now) { EXPECT_TRUE(one.permit(now, v4(5))); });
  const auto refused = client.wait_for<turn::PermissionRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(stun::to_number(refused->why.code), 403U);
}

TEST_F(LoneTurnServer, IsAStunServerWithDiscoveryOnTheSamePorts) {
  serve(on_loopback(), {.plain = {{v4(1), 0}, {v4(2), 0}}});
  EXPECT_NE(bound.alternate_port, 0);
  EXPECT_EQ(bound.plain.at(0).port, bound.plain.at(1).port);
  EXPECT_TRUE(server->machine().discovers_nat_behavior(Family::ipv4));
}

TEST_F(LoneTurnServer, RelayedAddressesAreThoseThatWereAskedForAndTheWorldSeesAnother) {
  const Address shown = *Address::parse("192.0.2.77");
  serve(on_loopback(),
        {.relays = {v4(3)}, .external = [&](const Address& local) { return local == v4(3) ? shown : Address{}; }});
  TurnClient client{loop, context, config(Transport::udp)};
  EXPECT_EQ(client.relayed().address, shown);
  client.permit(v4(1));
  client.send(peer.local(), "from where?");
  Endpoint from;
  EXPECT_EQ(wait_for_datagram(&from), "from where?");
  EXPECT_EQ(from.address, v4(3));
}

TEST_F(LoneTurnServer, AnErrorLeavesNothingBound) {
  RawSocket taken = RawSocket::udp();
  server.emplace(context, on_loopback());
  EXPECT_EQ(server->listen({.plain = {taken.local()}}).error(), std::errc::address_in_use);
  EXPECT_EQ(server->listen({.plain = {loopback()}, .secured = {loopback()}}).error(),
            make_error_code(TlsError::no_certificate));
  EXPECT_EQ(server->listen({}).error(), errc::invalid_argument);
  EXPECT_EQ(server->listen({.plain = {loopback()}, .relays = {v4(1), v4(2)}}).error(), errc::invalid_argument);
  EXPECT_TRUE(server->listen({.plain = {loopback()}})) << "and it is as good as before";
}

TEST_F(LoneTurnServer, StopsInTwoSteps) {
  serve();
  TurnClient client{loop, context, config(Transport::udp)};
  const Endpoint relayed = client.relayed();
  client.permit(v4(1));
  server->stop_accepting();
  TurnClient late{loop, context, config(Transport::udp)};
  const auto refused = late.wait_for<turn::AllocationFailed>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(stun::to_number(refused->why.code), 508U);
  peer.send(relayed, "goes on");
  ASSERT_TRUE(run_until(loop, [&] { return client.data.size() == 1; }));

  server->close();
  EXPECT_EQ(server->machine().gauges().allocations, 0U);
}

TEST_F(LoneTurnServer, KeepsNoLoopRunningOnceItIsClosed) {
  serve();
  ASSERT_TRUE(server->serve_metrics(loopback()));
  {
    TurnClient client{loop, context, config(Transport::udp)};
    client.relayed();
  }
  ASSERT_EQ(server->machine().gauges().allocations, 1U);
  server->close();
  loop.restart();
  loop.run_for(std::chrono::seconds{30});
  EXPECT_TRUE(loop.stopped()) << "nothing is left to wait for";
}

TEST_F(LoneTurnServer, TellsItsMetricsOverHttp) {
  serve();
  TurnClient client{loop, context, config(Transport::udp)};
  client.relayed();
  const auto at = server->serve_metrics(loopback());
  ASSERT_TRUE(at);
  const auto ask = [&](std::string_view request) {
    RawSocket socket = RawSocket::tcp();
    EXPECT_TRUE(socket.connect(*at));
    socket.send(request);
    // The end of the connection is no event of the loop, so that is not waited for.
    std::string all;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (std::chrono::steady_clock::now() < deadline) {
      loop.poll();
      const auto some = socket.receive();
      if (some && some->empty()) break;
      all += some.value_or("");
    }
    return all;
  };
  const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  EXPECT_NE(answer.find("\nicebreaker_turn_allocations 1\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\nicebreaker_io_handshakes_failed_total 0\n"), std::string::npos);
  EXPECT_TRUE(ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 404 "));
  EXPECT_TRUE(ask("POST /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 405 "));
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.0 400 "));
  EXPECT_TRUE(ask(std::string(5'000, 'x')).starts_with("HTTP/1.0 400 "));
}

TEST_F(ServerAndPeer, ConnectionsAreRefusedByTheServersOwnLimitsAndNoOthers) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit before = files;
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  constexpr std::size_t most = 1'100;
  turn::ServerConfig many = on_loopback();
  many.limits.connections = many.limits.connections_per_source = most;
  serve(many);
  TurnClient client{loop, context, config(Transport::tcp)};
  ASSERT_TRUE(client.relayed());
  {
    std::vector<RawSocket> strangers;
    for (std::size_t i = 0; i < most; ++i) {
      strangers.push_back(RawSocket::tcp());
      ASSERT_TRUE(strangers.back().connect(bound.plain.at(0)));
      if (i % 32 == 0) loop.poll();
    }
    const auto refused = [&] { return server->machine().counters().connections_refused; };
    ASSERT_TRUE(run_until(loop, [&] { return refused() == 1; }));
    EXPECT_EQ(server->machine().gauges().connections, most);
    EXPECT_EQ(server->statistics().refused, 0U);
    client.permit(v4(1));
    client.send(peer.local(), "still here");
    EXPECT_EQ(wait_for_datagram(), "still here");
  }
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(LoneTurnServer, NoEventIsToldInsideTheCallThatCausesIt) {
  serve();
  TurnClient client{loop, context, config(Transport::udp)};
  client.relayed();
  bool in_call = false;
  int closed = 0;
  server->on_event([&](const turn::Server::Event& event) {
    EXPECT_FALSE(in_call);
    closed += std::holds_alternative<turn::AllocationClosed>(event);
    if (closed == 1) server.reset();  // which a call that is under way would not survive
  });
  in_call = true;
  server->remove_user("ann");
  server->close();
  in_call = false;
  ASSERT_TRUE(run_until(loop, [&] { return closed == 1; }));
}

}  // namespace
}  // namespace ice::io
