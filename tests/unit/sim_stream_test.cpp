#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "support/sim_nat_world.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::NatWorld;
using test::Peer;

const Endpoint server_endpoint{ip("203.0.113.1"), 443};

/// A client that has connected to a server, unless the link is so bad that it has not.
struct Connected {
  explicit Connected(Framing framing = Framing::none, const LinkProfile& profile = {}) {
    a.interfaces()[0]->link() = Link::both(profile);
    server.listen(server_endpoint, framing);
    client.connect(server_endpoint, framing);
    network.run_until([&] { return !server.of<SocketAccepted>().empty() && !client.of<SocketOpened>().empty(); },
                      TimePoint{60s});
    EXPECT_EQ(server.of<SocketAccepted>().size(), 1U);
    EXPECT_EQ(client.of<SocketOpened>().size(), 1U);
    if (server.of<SocketAccepted>().empty() || client.of<SocketOpened>().empty()) return;
    at_client = client.of<SocketOpened>()[0].socket;
    at_server = server.of<SocketAccepted>()[0].socket;
  }
  result<void> to_server(std::string_view text) { return client.send(at_client, server_endpoint, text); }

  Network network{1};
  Host& a = network.internet().add_host("a", {ip("192.0.2.1")});
  Host& b = network.internet().add_host("b", {server_endpoint.address});
  Peer client{a};
  Peer server{b};
  SocketId at_client{};
  SocketId at_server{};
};

std::string join(const std::vector<std::string>& texts) {
  return std::accumulate(texts.begin(), texts.end(), std::string{});
}

/// Text in which every place can be told from every other.
std::string long_text(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

TEST(SimStream, ConnectsAndTellsBothSidesWhoTheOtherIs) {
  Connected world;
  const SocketAccepted accepted = world.server.of<SocketAccepted>()[0];
  const SocketOpened opened = world.client.of<SocketOpened>()[0];
  EXPECT_EQ(accepted.listener, world.server.of<SocketOpened>()[0].socket);
  EXPECT_EQ(accepted.local, server_endpoint);
  EXPECT_EQ(accepted.remote, opened.local);
  EXPECT_EQ(opened.local.address, ip("192.0.2.1"));
  EXPECT_NE(accepted.socket, accepted.listener);
}

TEST(SimStream, CarriesBytesBothWays) {
  Connected world;
  ASSERT_TRUE(world.to_server("hello"));
  ASSERT_TRUE(world.server.send(world.at_server, {}, "world"));
  world.network.run_for(1s);
  EXPECT_EQ(world.server.texts(), std::vector<std::string>{"hello"});
  EXPECT_EQ(world.client.texts(), std::vector<std::string>{"world"});
  EXPECT_EQ(world.client.heard[0].from, server_endpoint);
  EXPECT_EQ(world.client.heard[0].socket, world.at_client);
}

TEST(SimStream, KeepsTheBoundariesOfMessagesWhereThereIsFraming) {
  Connected world{Framing::rfc4571};
  const std::string large = long_text(5000);
  ASSERT_TRUE(world.to_server("one"));
  ASSERT_TRUE(world.to_server(""));
  ASSERT_TRUE(world.to_server(large));
  ASSERT_TRUE(world.to_server("four"));
  world.network.run_for(1s);
  EXPECT_EQ(world.server.texts(), (std::vector<std::string>{"one", "", large, "four"}));
}

TEST(SimStream, AStreamThatCannotBeCutIntoMessagesIsReset) {
  Connected world{Framing::stun};
  ASSERT_TRUE(world.to_server("\xff\xff no STUN at all"));
  world.network.run_for(1s);
  ASSERT_EQ(world.server.of<SocketClosed>().size(), 1U);
  EXPECT_EQ(world.server.of<SocketClosed>()[0].error, errc::not_stun);
  ASSERT_EQ(world.client.of<SocketClosed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketClosed>()[0].error, std::errc::connection_reset);
}

TEST(SimStream, LossReorderingAndDuplicationCostTimeAndNeverOrder) {
  const std::string text = long_text(100'000);
  const auto took = [&](const LinkProfile& profile) {
    Connected world{Framing::none, profile};
    const TimePoint start = world.network.now();
    EXPECT_TRUE(world.to_server(text));
    EXPECT_TRUE(
        world.network.run_until([&] { return join(world.server.texts()).size() == text.size(); }, start + 100s));
    EXPECT_EQ(join(world.server.texts()), text);
    return world.network.now() - start;
  };
  const Duration clean = took({});
  const Duration dirty = took({.loss = 0.05, .reordering = 0.02, .duplication = 0.02});
  EXPECT_LT(clean, 100ms);
  EXPECT_GT(dirty, 2 * clean);
}

TEST(SimStream, WithoutFramingItEndsRatherThanGetAGap) {
  Connected world{Framing::none};
  world.a.interfaces()[0]->link().egress.up = false;
  const std::string piece(1024, 'x');
  Transmit control;
  control.socket = world.at_client;
  control.body = bytes_of(piece);
  std::size_t taken = 0;
  while (world.a.send(control, Host::Priority::control)) taken += piece.size();
  EXPECT_EQ(taken, Host::stream_send_buffer + Host::stream_control_reserve);
  world.network.run_for(1ms);
  const auto closed = world.client.of<SocketClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].error, errc::would_block);
}

TEST(SimStream, SaysWithoutFramingWhenItIsFullAndWhenItIsNotAnyMore) {
  Connected world{Framing::none};
  world.a.interfaces()[0]->link().egress.up = false;
  const std::string piece(1024, 'x');
  std::size_t taken = 0;
  while (world.to_server(piece)) ++taken;
  world.network.run_for(1ms);
  ASSERT_EQ(world.client.of<SocketFlow>().size(), 1U);
  EXPECT_TRUE(world.client.of<SocketFlow>()[0].full);
  world.a.interfaces()[0]->link().egress.up = true;
  world.network.run_for(10s);
  ASSERT_EQ(world.client.of<SocketFlow>().size(), 2U);
  EXPECT_FALSE(world.client.of<SocketFlow>()[1].full);
  EXPECT_EQ(join(world.server.texts()).size(), taken * piece.size());
}

TEST(SimStream, KeepsABoundedPartOfWhatItsOwnerDoesNotWantToReadYet) {
  Connected world{Framing::none};
  const std::string text = long_text(Host::stream_receive_buffer + 20'000);
  world.b.request(world.server, ReadSocket{world.at_server, false});
  EXPECT_TRUE(world.to_server(text));
  world.a.close(world.at_client);
  world.network.run_for(5s);
  EXPECT_TRUE(world.server.texts().empty());
  EXPECT_TRUE(world.server.of<SocketClosed>().empty()) << "the end is not noticed either";
  world.b.request(world.server, ReadSocket{world.at_server, true});
  EXPECT_TRUE(world.server.texts().empty()) << "nothing comes from within a call";
  world.network.run_for(30s);
  EXPECT_EQ(join(world.server.texts()), text);
  EXPECT_EQ(world.server.of<SocketClosed>().size(), 1U);
}

TEST(SimStream, MayGetAnotherFramingWhileItsMessagesCome) {
  Connected world{Framing::rfc4571};
  world.server.on_heard = [&](const Datagram&) { world.b.request(world.server, FrameSocket{world.at_server}); };
  EXPECT_TRUE(world.to_server("one"));
  EXPECT_TRUE(world.to_server("two"));
  world.network.run_for(1s);
  EXPECT_EQ(join(world.server.texts()), std::string("one\0\3two", 8));
}

TEST(SimStream, TakesNoMoreThanItsSendBufferAndKeepsAReserveForControl) {
  Connected world{Framing::rfc4571};
  world.a.interfaces()[0]->link().egress.up = false;
  const std::string piece(1022, 'x');  // a kilobyte with its length
  std::size_t taken = 0;
  while (world.to_server(piece)) ++taken;
  EXPECT_EQ(taken * 1024, Host::stream_send_buffer);
  EXPECT_EQ(world.to_server(piece).error(), errc::would_block);
  Transmit control;
  control.socket = world.at_client;
  control.body = bytes_of(piece);
  std::size_t reserve = 0;
  while (world.a.send(control, Host::Priority::control)) ++reserve;
  EXPECT_EQ(reserve * 1024, Host::stream_control_reserve);

  world.a.interfaces()[0]->link().egress.up = true;
  world.network.run_for(10s);
  EXPECT_EQ(world.server.texts().size(), taken + reserve);
  EXPECT_TRUE(world.to_server(piece)) << "there is room again";
}

TEST(SimStream, IsRefusedWhereNobodyListens) {
  Connected world;
  world.client.connect({server_endpoint.address, 444});
  world.network.run_for(1s);
  ASSERT_EQ(world.client.of<SocketFailed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketFailed>()[0].error, std::errc::connection_refused);
}

TEST(SimStream, TimesOutWhereThereIsSilence) {
  Connected world;
  world.b.kill();
  world.client.connect(server_endpoint);
  world.network.run_for(60s);
  EXPECT_TRUE(world.client.of<SocketFailed>().empty());
  world.network.run_for(60s);
  ASSERT_EQ(world.client.of<SocketFailed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketFailed>()[0].error, std::errc::timed_out);
}

TEST(SimStream, IsUnreachableWhereThereIsNoRouteOrIcmpSaysSo) {
  Connected world;
  world.client.connect({ip("2001:db8::1"), 443});
  world.network.run_for(0s);
  ASSERT_EQ(world.client.of<SocketFailed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketFailed>()[0].error, std::errc::network_unreachable);
  world.network.internet().set_icmp_unreachable(true);
  world.client.connect({ip("198.51.100.99"), 443});
  world.network.run_for(1s);
  ASSERT_EQ(world.client.of<SocketFailed>().size(), 2U);
  EXPECT_EQ(world.client.of<SocketFailed>()[1].error, std::errc::host_unreachable);
}

TEST(SimStream, ClosingDeliversWhatWasGivenAndThenTellsTheOtherSide) {
  Connected world{Framing::none, {.loss = 0.1}};
  const std::string text = long_text(50'000);
  ASSERT_TRUE(world.to_server(text));
  world.a.close(world.at_client);
  EXPECT_EQ(world.to_server("more").error(), errc::no_such_socket);
  world.network.run_for(60s);
  EXPECT_EQ(join(world.server.texts()), text);
  ASSERT_EQ(world.server.of<SocketClosed>().size(), 1U);
  EXPECT_FALSE(world.server.of<SocketClosed>()[0].error) << "an orderly end";
  EXPECT_TRUE(world.client.of<SocketClosed>().empty()) << "who closes is not told";
  EXPECT_EQ(world.server.send(world.at_server, {}, "x").error(), errc::no_such_socket);
  EXPECT_TRUE(world.network.run_until_idle(world.network.now() + 300s));
}

TEST(SimStream, AProcessThatDiesResetsItsStreams) {
  Connected world;
  world.b.close_sockets();
  world.network.run_for(1s);
  ASSERT_EQ(world.client.of<SocketClosed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketClosed>()[0].error, std::errc::connection_reset);
  EXPECT_EQ(world.server.of<SocketClosed>().size(), 2U) << "the stream and the listener";
  EXPECT_EQ(world.to_server("x").error(), errc::no_such_socket);
}

TEST(SimStream, AHostThatDiesIsFoundOutByWhoeverSends) {
  Connected world;
  world.b.kill();
  world.network.run_for(600s);
  EXPECT_TRUE(world.client.of<SocketClosed>().empty()) << "nobody sends, nobody knows";
  ASSERT_TRUE(world.to_server("anybody there?"));
  world.network.run_for(200s);
  ASSERT_EQ(world.client.of<SocketClosed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketClosed>()[0].error, std::errc::timed_out);
}

TEST(SimStream, AnOwnerMayCloseFromWithinItsCallbacks) {
  Connected world{Framing::rfc4571};
  world.server.on_heard = [&](const Datagram& datagram) { world.b.close(datagram.socket); };
  ASSERT_TRUE(world.to_server("one"));
  ASSERT_TRUE(world.to_server("two"));
  world.network.run_for(1s);
  EXPECT_EQ(world.server.texts(), std::vector<std::string>{"one"});
  EXPECT_EQ(world.client.of<SocketClosed>().size(), 1U);
}

TEST(SimStream, AListenerThatClosesDuringTheHandshakeResetsTheCaller) {
  Connected world;
  world.client.connect(server_endpoint);
  world.network.run_for(15ms);  // the SYN has arrived, the ACK has not
  world.b.close(world.server.of<SocketOpened>()[0].socket);
  world.network.run_for(1s);
  ASSERT_EQ(world.client.of<SocketClosed>().size(), 1U);
  EXPECT_EQ(world.client.of<SocketClosed>()[0].error, std::errc::connection_reset);
  EXPECT_EQ(world.server.of<SocketAccepted>().size(), 1U) << "the first connection alone";
}

TEST(SimStream, ASmallerPathMtuIsFoundByIcmp) {
  Connected world;
  world.b.interfaces()[0]->link().ingress.mtu = 576;
  const std::string text = long_text(20'000);
  ASSERT_TRUE(world.to_server(text));
  world.network.run_for(5s);
  EXPECT_EQ(join(world.server.texts()), text);
  EXPECT_GT(world.network.counters().of(Drop::too_big), 0U);
}

TEST(SimStream, WorksOverLoopbackAndIpv6) {
  Network network{1};
  Host& host = network.internet().add_host("h", {ip("2001:db8::1")});
  Peer server{host};
  Peer client{host};
  for (const Endpoint& at : {Endpoint{ip("::1"), 80}, Endpoint{ip("127.0.0.1"), 80}, Endpoint{ip("2001:db8::1"), 81}}) {
    server.listen(at);
    network.run_for(1ms);
    client.connect(at);
    network.run_for(1s);
    ASSERT_FALSE(client.of<SocketOpened>().empty());
    EXPECT_EQ(client.of<SocketOpened>().back().local.address, at.address);
  }
  EXPECT_EQ(server.of<SocketAccepted>().size(), 3U);
}

// ---- through NATs

TEST(SimStreamNat, LeavesThroughANatAndIsAnsweredThere) {
  NatWorld world{NatConfig::udp_blocked()};
  world.s.listen(server_endpoint);
  world.run();
  world.inside.connect(server_endpoint);
  world.run();
  ASSERT_EQ(world.s.of<SocketAccepted>().size(), 1U);
  EXPECT_EQ(world.s.of<SocketAccepted>()[0].remote.address, ip("198.51.100.1"));
  ASSERT_TRUE(world.s.send(world.s.of<SocketAccepted>()[0].socket, {}, "hello"));
  world.run();
  EXPECT_EQ(world.inside.texts(), std::vector<std::string>{"hello"}) << "where UDP is blocked";
}

TEST(SimStreamNat, IsBlockedWhereTcpIs) {
  NatConfig config;
  config.tcp = false;
  config.icmp_prohibited = true;
  NatWorld world{config};
  world.s.listen(server_endpoint);
  world.inside.connect(server_endpoint);
  world.network.run_for(1s);
  ASSERT_EQ(world.inside.of<SocketFailed>().size(), 1U);
  EXPECT_EQ(world.inside.of<SocketFailed>()[0].error, std::errc::host_unreachable);
}

TEST(SimStreamNat, ACallFromOutsideIsDroppedInSilence) {
  NatWorld world{{}};
  world.inside.listen({ip("10.0.0.2"), 80});
  world.s.connect({ip("198.51.100.1"), 80});
  world.network.run_for(30s);
  EXPECT_TRUE(world.inside.of<SocketAccepted>().empty());
  EXPECT_TRUE(world.s.of<SocketFailed>().empty()) << "RFC 5382 REQ-4: no RST, no ICMP";
  EXPECT_GT(world.nat.counters().of(Drop::no_mapping), 1U);
}

TEST(SimStreamNat, OutlivesTheLifetimeOfUdpAndNotItsOwn) {
  NatConfig config;
  config.udp_lifetime = 30s;
  config.tcp_lifetime = 10min;
  NatWorld world{config};
  world.s.listen(server_endpoint);
  world.run();
  world.inside.connect(server_endpoint);
  world.run();
  ASSERT_EQ(world.s.of<SocketAccepted>().size(), 1U);
  const SocketId at_server = world.s.of<SocketAccepted>()[0].socket;
  world.network.run_for(9min);
  ASSERT_TRUE(world.s.send(at_server, {}, "still here"));
  world.run();
  EXPECT_EQ(world.inside.texts(), std::vector<std::string>{"still here"});
  world.network.run_for(11min);
  ASSERT_TRUE(world.s.send(at_server, {}, "too late"));
  world.network.run_for(200s);
  EXPECT_EQ(world.inside.heard.size(), 1U);
  ASSERT_EQ(world.s.of<SocketClosed>().size(), 1U);
  EXPECT_EQ(world.s.of<SocketClosed>()[0].error, std::errc::timed_out);
}

TEST(SimStreamNat, ARebootedNatBreaksItAndTheServerSaysSo) {
  NatConfig config;
  config.ports = PortAllocation::random;
  NatWorld world{config};
  world.s.listen(server_endpoint);
  world.run();
  world.inside.connect(server_endpoint);
  world.run();
  world.nat.reboot();
  ASSERT_TRUE(world.inside.send(world.inside.of<SocketOpened>()[0].socket, {}, "x"));
  world.network.run_for(1s);
  ASSERT_EQ(world.inside.of<SocketClosed>().size(), 1U) << "the new mapping belongs to no connection";
  EXPECT_EQ(world.inside.of<SocketClosed>()[0].error, std::errc::connection_reset);
}

TEST(SimStreamNat, SimultaneousOpenMeetsThroughTwoNats) {
  Network network{1};
  Nat& nat_a = network.internet().add_nat("a", {}, {ip("198.51.100.1")});
  Nat& nat_b = network.internet().add_nat("b", {}, {ip("198.51.100.2")});
  Host& a = nat_a.inside().add_host("a", {ip("10.0.0.2")});
  Host& b = nat_b.inside().add_host("b", {ip("10.0.0.2")});
  Peer alice{a};
  Peer bob{b};
  alice.connect({ip("198.51.100.2"), 6000}, Framing::rfc4571, 5000);
  bob.connect({ip("198.51.100.1"), 5000}, Framing::rfc4571, 6000);
  network.run_for(5s);
  ASSERT_EQ(alice.of<SocketOpened>().size(), 1U);
  ASSERT_EQ(bob.of<SocketOpened>().size(), 1U);
  ASSERT_TRUE(alice.send(alice.of<SocketOpened>()[0].socket, {}, "hello"));
  network.run_for(1s);
  EXPECT_EQ(bob.texts(), std::vector<std::string>{"hello"});
}

}  // namespace
}  // namespace ice::sim
