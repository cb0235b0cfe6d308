// RFC 8656 §9 to §12: permissions, channels, and data both ways.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Method;
using test::endpoint;
using test::error_code_of;
using test::Sent;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
constexpr auto both = [](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); };
const Endpoint peer = endpoint("203.0.113.77:5000");
const Endpoint same_host = endpoint("203.0.113.77:5001");
const Endpoint stranger = endpoint("203.0.113.78:5000");
const Endpoint peer_v6 = endpoint("[2001:db8:9::7]:5000");

/// A client with an allocation.
struct ARelay : testing::Test {
  explicit ARelay(ServerConfig config = {}) : rig{std::move(config)} { relayed = client.allocated(); }

  /// A datagram that arrives at the relayed address.
  std::optional<Sent> from_peer(const Endpoint& from, std::string_view data) { return to(relayed, from, data); }
  std::optional<Sent> to(const Endpoint& where, const Endpoint& from, std::string_view data, IpMetadata ip = {}) {
    return rig.give(bytes_of(data), rig.relay_socket(where), from, ip);
  }
  unsigned permit_all(const std::vector<Endpoint>& peers) {
    return client.code(Method::create_permission, [&](Builder& b) {
      for (const Endpoint& one : peers) b.add<attr::XorPeerAddress>(one);
    });
  }
  const ServerCounters& counters() const { return rig.server.counters(); }

  TurnServerRig rig;
  TurnTestClient client{rig};
  Endpoint relayed;
};

// ---- permissions

TEST_F(ARelay, LetsPeersThroughThatWerePermitted) {
  EXPECT_FALSE(from_peer(peer, "early"));
  EXPECT_EQ(client.permit(peer), 0u);
  EXPECT_TRUE(from_peer(peer, "hello"));
  EXPECT_TRUE(from_peer(same_host, "hello")) << "the port does not count, §9";
  EXPECT_FALSE(from_peer(stranger, "hello"));
  EXPECT_EQ(counters().no_permission, 2u);
}

TEST_F(ARelay, ForgetsAPermissionAfterFiveMinutesWhateverIsSent) {
  client.permit(peer);
  rig.sleep(299s);
  EXPECT_TRUE(from_peer(peer, "hello"));
  EXPECT_TRUE(client.send(peer, "hello")) << "§11.2: that refreshes nothing";
  rig.sleep(1s);
  EXPECT_FALSE(from_peer(peer, "hello"));
  EXPECT_FALSE(client.send(peer, "hello"));
}

TEST_F(ARelay, RefreshesAPermissionByEitherRequest) {
  client.permit(peer);
  rig.sleep(200s);
  EXPECT_EQ(client.bind(0x4000, peer), 0u);
  rig.sleep(200s);
  EXPECT_EQ(client.permit(peer), 0u);
  rig.sleep(150s);
  EXPECT_TRUE(from_peer(same_host, "hello"));
  EXPECT_EQ(counters().permissions_made, 1u);
}

TEST_F(ARelay, GrantsAllPermissionsOfARequestOrNone) {  // §10.2
  EXPECT_EQ(permit_all({peer, stranger}), 0u);
  EXPECT_EQ(rig.server.gauges().permissions, 2u);
  EXPECT_EQ(permit_all({endpoint("203.0.113.80:1"), endpoint("10.0.0.1:1")}), 403u);
  EXPECT_EQ(permit_all({endpoint("203.0.113.80:1"), peer_v6}), 443u);
  EXPECT_EQ(rig.server.gauges().permissions, 2u);
  EXPECT_EQ(permit_all({}), 400u);
  EXPECT_EQ(client.code(Method::create_permission,
                        [](Builder& b) {
                          b.add<attr::XorPeerAddress>(stranger).add_raw(attr::XorPeerAddress::type, bytes_of("bad"));
                        }),
            400u);
}

TEST_F(ARelay, KeepsThePermissionsOfTwoFamiliesApart) {
  TurnTestClient dual{rig, endpoint("203.0.113.9:2")};
  dual.allocated(both);
  EXPECT_EQ(dual.permit(peer_v6), 0u);
  EXPECT_EQ(dual.permit(peer), 0u);
  EXPECT_TRUE(dual.send(peer_v6, "hello"));
  EXPECT_EQ(dual.refresh([](Builder& b) {
    b.add<attr::RequestedAddressFamily>(Family::ipv6).add<attr::Lifetime>(stun::Seconds{0});
  }),
            0u);
  EXPECT_FALSE(dual.send(peer_v6, "hello"));
  EXPECT_TRUE(dual.send(peer, "hello"));
}

TEST(TurnServer, KeepsNoMorePermissionsThanItsLimit) {
  TurnServerRig rig{{.limits = {.permissions = 3}}};
  TurnTestClient client{rig};
  client.allocated();
  for (std::uint8_t i = 1; i <= 3; ++i) EXPECT_EQ(client.permit({Address::v4(203, 0, 113, i), 0}), 0u);
  EXPECT_EQ(client.permit(peer), 508u);
  EXPECT_EQ(client.bind(0x4000, peer), 508u);
  EXPECT_EQ(client.permit({Address::v4(203, 0, 113, 1), 0}), 0u) << "one that there is can be refreshed";
  rig.sleep(300s);
  EXPECT_EQ(client.permit(peer), 0u) << "what has expired takes no room";
  EXPECT_EQ(rig.server.gauges().permissions, 1u);
}

// ---- Send and Data indications

TEST_F(ARelay, SendsOnWhatAClientSaysInASendIndication) {  // §11.2
  client.permit(peer);
  const auto sent = client.send(peer, "hello");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->socket, rig.relay_socket(relayed));
  EXPECT_EQ(sent->to, peer);
  EXPECT_EQ(sent->text(), "hello");
  const auto empty = client.send(peer, "");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->text(), "") << "zero bytes are data too";
  EXPECT_EQ(counters().to_peers, 2u);
  EXPECT_EQ(counters().to_peers_bytes, 5u);
}

TEST_F(ARelay, TellsTheClientWhatPeersSendInADataIndication) {  // §11.3
  client.permit(peer);
  for (const std::string data : {"", "h", "he", "hel", "hell", "hello"}) {
    const auto sent = from_peer(peer, data);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->to, client.from);
    EXPECT_EQ(sent->socket, TurnServerRig::udp);
    const stun::Message message = sent->message();
    EXPECT_TRUE(message.is(Method::data, stun::Class::indication));
    EXPECT_EQ(*message.get<attr::XorPeerAddress>(), peer);
    EXPECT_EQ(text_of(*message.get<attr::Data>()), data);
  }
  EXPECT_NE(from_peer(peer, "x")->message().transaction_id(), from_peer(peer, "x")->message().transaction_id());
}

TEST_F(ARelay, RelaysIpv6) {
  TurnTestClient dual{rig, endpoint("203.0.113.9:2")};
  const auto answer = dual.allocate([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); });
  const Endpoint relayed_v6 = *answer->message().get<attr::XorRelayedAddress>();
  dual.permit(peer_v6);
  EXPECT_EQ(dual.send(peer_v6, "hello")->to, peer_v6);
  EXPECT_EQ(*to(relayed_v6, peer_v6, "hello")->message().get<attr::XorPeerAddress>(), peer_v6);
}

TEST_F(ARelay, DropsSendIndicationsThatLackSomethingOrWantTooMuch) {
  client.permit(peer);
  const auto indicate = [&](auto fill) {
    const test::Packet packet = test::stun_message(stun::Class::indication, {{1}}, fill, Method::send);
    return rig.give(packet.bytes(), client.socket, client.from);
  };
  EXPECT_FALSE(indicate([](Builder& b) { b.add<attr::XorPeerAddress>(peer); }));
  EXPECT_FALSE(indicate([](Builder& b) { b.add<attr::Data>(bytes_of("hello")); }));
  EXPECT_FALSE(indicate([](Builder& b) {
    b.add<attr::XorPeerAddress>(peer).add<attr::Data>(bytes_of("hello")).add<attr::EvenPort>({});
  })) << "not understood in an indication";
  EXPECT_FALSE(indicate([](Builder& b) {
    b.add<attr::XorPeerAddress>({peer.address, 0}).add<attr::Data>(bytes_of("hello"));
  }));
  EXPECT_EQ(counters().bad_indications, 4u);
  EXPECT_EQ(rig.verdict, Verdict::handled);
}

TEST_F(ARelay, KeepsMarkingsOfTheNetwork) {  // §14
  client.permit(peer);
  const test::Packet packet = test::stun_message(
      stun::Class::indication, {{1}},
      [](Builder& b) { b.add<attr::XorPeerAddress>(peer).add<attr::Data>(bytes_of("hello")); }, Method::send);
  const auto out = rig.give(packet.bytes(), client.socket, client.from, {.dscp = 46, .ecn = 1});
  EXPECT_EQ(out->ip.dscp, 46);
  EXPECT_EQ(out->ip.ecn, 1);
  const auto in = to(relayed, peer, "hello", {.local = rig.relay_v4, .dscp = 34, .ecn = 3});
  EXPECT_EQ(in->ip.dscp, 34);
  EXPECT_EQ(in->ip.ecn, 3);
  EXPECT_EQ(in->ip.local, Address{}) << "the client's 5-tuple decides";
}

// ---- channels

TEST_F(ARelay, CarriesDataBothWaysInChannels) {
  EXPECT_EQ(client.bind(0x4001, peer), 0u);
  const auto out = client.send_channel(0x4001, "hello");
  ASSERT_TRUE(out);
  EXPECT_EQ(out->to, peer);
  EXPECT_EQ(out->text(), "hello");
  const auto in = from_peer(peer, "world");
  ASSERT_TRUE(in);
  EXPECT_EQ(in->text(), std::string("\x40\x01\x00\x05world", 9)) << "no padding over UDP";
  EXPECT_TRUE(from_peer(same_host, "x")->message().has<attr::Data>()) << "another port has no channel, §12";
  EXPECT_EQ(client.send_channel(0x4001, "")->text(), "") << "§12.6: an empty datagram is one";
}

TEST_F(ARelay, WantsChannelsAsTheRfcDoes) {  // §12.2
  for (const std::uint16_t number : std::array<std::uint16_t, 5>{0x0000, 0x3FFF, 0x5000, 0x7FFE, 0xFFFF})
    EXPECT_EQ(client.bind(number, peer), 400u);
  EXPECT_EQ(client.bind(0x4000, {peer.address, 0}), 400u);
  EXPECT_EQ(client.code(Method::channel_bind, [](Builder& b) { b.add<attr::XorPeerAddress>(peer); }), 400u);
  EXPECT_EQ(client.code(Method::channel_bind, [](Builder& b) { b.add<attr::ChannelNumber>(0x4000); }), 400u);
  EXPECT_EQ(client.bind(0x4000, peer_v6), 443u);
  EXPECT_EQ(client.bind(0x4FFF, peer), 0u);
  EXPECT_EQ(client.bind(0x4FFF, peer), 0u) << "refreshed";
  EXPECT_EQ(client.bind(0x4FFF, same_host), 400u);
  EXPECT_EQ(client.bind(0x4000, peer), 400u);
  EXPECT_EQ(client.bind(0x4000, same_host), 0u);
  EXPECT_EQ(rig.server.gauges().channels, 2u);
  EXPECT_EQ(counters().channels_made, 2u);
}

TEST_F(ARelay, ForgetsAChannelAfterTenMinutes) {
  client.bind(0x4000, peer);
  client.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{3600}); });
  rig.sleep(599s);
  client.permit(peer);
  EXPECT_TRUE(client.send_channel(0x4000, "x"));
  rig.sleep(1s);
  EXPECT_FALSE(client.send_channel(0x4000, "x"));
  EXPECT_EQ(counters().no_channel, 1u);
  EXPECT_TRUE(from_peer(peer, "x")->message().has<attr::Data>());
  EXPECT_EQ(client.bind(0x4000, stranger), 0u);
}

TEST_F(ARelay, DropsChannelDataWithoutPermissionThoughTheChannelLasts) {
  client.bind(0x4000, peer);
  rig.sleep(300s);
  EXPECT_FALSE(client.send_channel(0x4000, "x"));
  EXPECT_FALSE(from_peer(peer, "x"));
  EXPECT_EQ(counters().no_permission, 2u);
}

TEST_F(ARelay, DropsChannelDataThatIsNone) {
  client.bind(0x4000, peer);
  EXPECT_FALSE(client.send_channel(0x4001, "x")) << "never bound";
  EXPECT_FALSE(rig.give(bytes_of(std::string_view("\x40\x00\x00", 3)), client.socket, client.from));
  EXPECT_EQ(rig.verdict, Verdict::malformed);
  EXPECT_FALSE(rig.give(bytes_of(std::string_view("\x40\x00\x00\x05"
                                                  "four",
                                                  8)),
                        client.socket, client.from))
      << "shorter than it says";
  EXPECT_EQ(rig.verdict, Verdict::malformed);
  const auto padded = rig.give(bytes_of(std::string_view("\x40\x00\x00\x01x\0\0\0", 8)), client.socket, client.from);
  EXPECT_EQ(padded->text(), "x") << "§12.5: padding may be there over UDP as well";
  TurnTestClient nobody{rig, stranger};
  EXPECT_FALSE(nobody.send_channel(0x4000, "x"));
  EXPECT_EQ(counters().no_allocation, 1u);
}

TEST(TurnServer, KeepsNoMoreChannelsThanItsLimit) {
  TurnServerRig rig{{.limits = {.channels = 2}}};
  TurnTestClient client{rig};
  client.allocated();
  EXPECT_EQ(client.bind(0x4000, peer), 0u);
  EXPECT_EQ(client.bind(0x4001, same_host), 0u);
  EXPECT_EQ(client.bind(0x4002, stranger), 508u);
  EXPECT_EQ(client.bind(0x4000, peer), 0u);
}

// ---- the server itself

TEST_F(ARelay, CarriesDataBetweenTwoOfItsClientsInside) {
  TurnTestClient bob{rig, endpoint("203.0.113.10:2")};
  const Endpoint bobs = bob.allocated();
  EXPECT_EQ(client.permit(bobs), 0u) << "an address of relays may be a peer";
  EXPECT_FALSE(client.send(bobs, "hello")) << "Bob has not permitted Alice";
  EXPECT_EQ(counters().no_permission, 1u);
  EXPECT_EQ(bob.permit(relayed), 0u);

  const auto indication = client.send(bobs, "hello");
  ASSERT_TRUE(indication);
  EXPECT_EQ(indication->to, bob.from);
  EXPECT_EQ(indication->socket, TurnServerRig::udp) << "no way over the relay sockets";
  EXPECT_EQ(*indication->message().get<attr::XorPeerAddress>(), relayed);
  EXPECT_EQ(text_of(*indication->message().get<attr::Data>()), "hello");

  EXPECT_EQ(client.bind(0x4000, bobs), 0u);
  EXPECT_EQ(bob.bind(0x4321, relayed), 0u);
  EXPECT_EQ(client.send_channel(0x4000, "hi")->text(), std::string("\x43\x21\x00\x02hi", 6));
  EXPECT_EQ(bob.send_channel(0x4321, "hi")->text(), std::string("\x40\x00\x00\x02hi", 6));
  EXPECT_EQ(counters().between_relays, 3u);
  EXPECT_EQ(counters().to_peers, 3u);
  EXPECT_EQ(counters().to_clients, 3u);

  bob.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); });
  EXPECT_FALSE(client.send_channel(0x4000, "hi")) << "Bob's address is the server's own again";
  EXPECT_EQ(counters().forbidden, 1u);
}

TEST_F(ARelay, ReachesNothingOfItsOwnHostButRelayedPorts) {
  const Endpoint closed{rig.relay_v4, 22};
  EXPECT_EQ(client.permit(closed), 0u) << "permissions are by address";
  EXPECT_FALSE(client.send(closed, "x"));
  EXPECT_EQ(client.bind(0x4000, closed), 403u);
  EXPECT_EQ(client.permit(rig.listen), 403u) << "an address without relays is refused at once";
  EXPECT_FALSE(from_peer(closed, "x")) << "nor does anything come from there";
  EXPECT_EQ(counters().forbidden, 2u);
}

TEST(TurnServer, MayReachItsHostWhereThatIsAllowedButNeverItself) {  // §21.1.7, loops
  ServerConfig config;
  config.allow_peers.push_back(*AddressRange::parse("127.0.0.0/8"));
  TurnServerRig rig{config, {}};
  const Endpoint own = endpoint("127.0.0.1:3478");
  ASSERT_TRUE(rig.server.add_relay_address(own.address));
  ASSERT_TRUE(rig.server.add_socket({.socket = SocketId{60}, .local = own}));
  TurnTestClient alice{rig, endpoint("127.0.0.1:1000")}, bob{rig, endpoint("127.0.0.1:1001")};
  const Endpoint alices = alice.allocated();
  const Endpoint bobs = bob.allocated();
  const Endpoint host = endpoint("127.0.0.1:5000");
  EXPECT_EQ(alice.permit(host), 0u);
  EXPECT_EQ(alice.send(host, "x")->to, host);
  EXPECT_FALSE(alice.send(own, "x"));
  EXPECT_EQ(alice.bind(0x4000, own), 403u);
  EXPECT_EQ(bob.permit(alices), 0u);
  EXPECT_EQ(alice.send(bobs, "x")->to, bob.from) << "inside, here too";
  EXPECT_TRUE(rig.give(bytes_of("x"), rig.relay_socket(alices), host));
}

TEST_F(ARelay, DropsWhatComesToAReservedPort) {
  TurnTestClient other{rig, endpoint("203.0.113.10:2")};
  const auto answer = other.allocate([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
  Endpoint reserved = *answer->message().get<attr::XorRelayedAddress>();
  ++reserved.port;
  TurnTestClient intruder{rig, stranger, rig.relay_socket(reserved)};
  EXPECT_FALSE(intruder.ask_unsigned(Method::binding, nothing)) << "that is no place to ask questions";
  EXPECT_FALSE(intruder.ask_unsigned(Method::allocate, nothing));
}

// ---- streams

struct ARelayOverTcp : ARelay {
  ARelayOverTcp() {
    rig.tell(SocketAccepted{TurnServerRig::listener, stream, rig.listen, tcp.from});
    tcp_relayed = tcp.allocated();
  }
  static constexpr SocketId stream{500};
  TurnTestClient tcp{rig, endpoint("203.0.113.20:999"), stream};
  Endpoint tcp_relayed;
};

TEST_F(ARelayOverTcp, PadsChannelData) {  // §12.5
  EXPECT_EQ(rig.events_of<AllocationOpened>().back().transport, Transport::tcp);
  tcp.bind(0x4000, peer);
  EXPECT_EQ(to(tcp_relayed, peer, "hello")->text(), std::string("\x40\x00\x00\x05hello\0\0\0", 12));
  EXPECT_EQ(to(tcp_relayed, peer, "hell")->text(), std::string("\x40\x00\x00\x04hell", 8));
  EXPECT_EQ(to(tcp_relayed, peer, "hello")->socket, stream);
  EXPECT_EQ(tcp.send_channel(0x4000, "x")->text(), "x");
}

TEST_F(ARelayOverTcp, EndsWithItsConnection) {
  EXPECT_EQ(rig.server.gauges().connections, 1u);
  rig.tell(SocketClosed{stream, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 1u) << "the one over UDP";
  EXPECT_EQ(rig.server.gauges().connections, 0u);
  EXPECT_EQ(rig.events_of<AllocationClosed>()[0].why, AllocationClosed::Why::connection_closed);
  EXPECT_EQ(counters().allocations_cut, 1u);
}

TEST_F(ARelayOverTcp, KeepsAConnectionThatHasAnAllocationAndNoOther) {
  rig.tell(SocketAccepted{TurnServerRig::listener, SocketId{501}, rig.listen, endpoint("203.0.113.21:1")});
  rig.sleep(60s);
  EXPECT_EQ(rig.closed, std::vector{SocketId{501}});
  rig.sleep(500s);
  EXPECT_EQ(rig.server.gauges().connections, 1u);
  EXPECT_EQ(counters().connections_idle, 1u);
}

TEST_F(ARelay, TakesAConnectionThatWasNeverAnnouncedForAStream) {
  TurnTestClient tcp{rig, endpoint("203.0.113.20:999"), SocketId{777}};
  const Endpoint where = tcp.allocated();
  tcp.bind(0x4000, peer);
  EXPECT_EQ(to(where, peer, "x")->bytes.size(), 8u);
  rig.tell(SocketClosed{SocketId{777}, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
}

TEST(TurnServer, ClosesConnectionsBeyondItsLimits) {
  TurnServerRig rig{{.limits = {.connections = 3, .connections_per_source = 2}}};
  for (std::uint32_t i = 0; i < 5; ++i)
    rig.tell(SocketAccepted{TurnServerRig::listener, SocketId{500 + i}, rig.listen, endpoint("203.0.113.21:1")});
  rig.tell(SocketAccepted{TurnServerRig::listener, SocketId{600}, rig.listen, endpoint("203.0.113.22:1")});
  rig.tell(SocketAccepted{TurnServerRig::listener, SocketId{601}, rig.listen, endpoint("203.0.113.23:1")});
  EXPECT_THAT(rig.closed, testing::ElementsAre(SocketId{502}, SocketId{503}, SocketId{504}, SocketId{601}));
  EXPECT_EQ(rig.server.counters().connections_refused, 4u);
}

// ---- bounds

TEST(TurnServer, KeepsNoMoreAllocationsThanItsQuotas) {
  TurnServerRig rig{{.limits = {.allocations = 6, .allocations_per_user = 4, .allocations_per_source = 3}}};
  ASSERT_TRUE(rig.server.add_user("other", "pass"));
  const auto code = [&](const char* from, const char* name, auto fill) {
    TurnTestClient one{rig, endpoint(from)};
    one.name = name;
    return one.allocate_code(fill);
  };
  EXPECT_EQ(code("203.0.113.9:1", "user", nothing), 0u);
  EXPECT_EQ(code("203.0.113.9:2", "user", nothing), 0u);
  EXPECT_EQ(code("203.0.113.9:3", "other", nothing), 0u);
  EXPECT_EQ(code("203.0.113.9:4", "other", nothing), 486u) << "three of a source";
  EXPECT_EQ(code("203.0.113.10:1", "user", nothing), 0u);
  const auto reserve = [](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); };
  EXPECT_EQ(code("203.0.113.10:2", "user", reserve), 486u) << "a reservation counts";
  EXPECT_EQ(code("203.0.113.10:2", "user", nothing), 0u);
  EXPECT_EQ(code("203.0.113.11:2", "user", nothing), 486u) << "four of a user";
  EXPECT_EQ(code("203.0.113.12:1", "other", nothing), 0u);
  EXPECT_EQ(code("203.0.113.13:1", "other", nothing), 508u) << "six in all";
  rig.sleep(600s);
  EXPECT_EQ(code("203.0.113.9:9", "user", nothing), 0u);
  EXPECT_EQ(rig.server.gauges().users, 1u);
}

TEST(TurnServer, CountsAReservedPortOnceWhereItsUserFetchesIt) {
  TurnServerRig rig{{.limits = {.allocations_per_user = 2, .reservations = 1}}};
  ASSERT_TRUE(rig.server.add_user("other", "pass"));
  const auto reserve = [](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); };
  TurnTestClient first{rig, endpoint("203.0.113.9:1")}, second{rig, endpoint("203.0.113.9:2")};
  const auto answer = first.allocate(reserve);
  TurnTestClient other{rig, endpoint("203.0.113.9:3")};
  other.name = "other";
  EXPECT_EQ(other.allocate_code(reserve), 508u) << "one reservation in all";
  EXPECT_EQ(second.allocate_code(nothing), 486u);
  const auto token = *answer->message().get<attr::ReservationToken>();
  EXPECT_EQ(second.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(token); }), 0u);
  EXPECT_EQ(other.allocate_code(reserve), 0u);
}

TEST(TurnServer, DropsWhatIsOverTheBandwidthOfAnAllocation) {  // §5
  TurnServerRig rig{{.limits = {.bytes_per_second = 1000}}};
  TurnTestClient client{rig};
  client.allocated();
  client.permit(peer);
  EXPECT_TRUE(client.send(peer, std::string(600, 'x')));
  EXPECT_FALSE(client.send(peer, std::string(600, 'x')));
  EXPECT_EQ(rig.server.counters().over_bandwidth, 1u);
  rig.sleep(200ms);
  EXPECT_TRUE(client.send(peer, std::string(600, 'x')));
  EXPECT_EQ(rig.server.counters().to_peers_bytes, 1200u);
}

TEST_F(ARelay, DropsWhatFitsIntoNoMessageToTheClient) {
  client.permit(peer);
  EXPECT_FALSE(from_peer(peer, std::string(65507, 'x')));
  EXPECT_FALSE(from_peer(peer, std::string(65507 - 35, 'x')));
  EXPECT_TRUE(from_peer(peer, std::string(65507 - 39, 'x')));
  client.bind(0x4000, peer);
  EXPECT_FALSE(from_peer(peer, std::string(65504, 'x')));
  EXPECT_TRUE(from_peer(peer, std::string(65503, 'x')));
  EXPECT_EQ(counters().too_large, 3u);
}

TEST_F(ARelayOverTcp, DropsWhatFitsIntoNoMessageOnAStream) {
  tcp.permit(peer);
  EXPECT_FALSE(to(tcp_relayed, peer, std::string(65535, 'x')));
  EXPECT_FALSE(to(tcp_relayed, peer, std::string(65520, 'x')));
  EXPECT_TRUE(to(tcp_relayed, peer, std::string(65516, 'x')));
  tcp.bind(0x4000, peer);
  EXPECT_TRUE(to(tcp_relayed, peer, std::string(65535, 'x')));
}

// ---- ICMP

TEST_F(ARelay, TellsTheClientOfIcmpErrors) {  // §11.5
  const SocketId socket = rig.relay_socket(relayed);
  rig.tell(SocketUnreachable{socket, peer, 3, 3});
  EXPECT_TRUE(rig.sent.empty()) << "no permission";
  client.bind(0x4000, peer);
  rig.tell(SocketUnreachable{socket, peer, 3, 3});
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(rig.sent[0].to, client.from);
  const stun::Message message = rig.sent[0].message();
  EXPECT_TRUE(message.is(Method::data, stun::Class::indication)) << "even where a channel is bound, §12.5";
  EXPECT_EQ(*message.get<attr::XorPeerAddress>(), peer);
  EXPECT_EQ(*message.get<attr::Icmp>(), (stun::IcmpError{3, 3, 0}));
  EXPECT_FALSE(message.has<attr::Data>());
  EXPECT_EQ(counters().icmp_errors, 1u);
  rig.tell(SocketUnreachable{socket, peer, 11, 0});
  EXPECT_EQ(rig.sent.size(), 1u);
  for (const std::uint8_t type : std::array<std::uint8_t, 6>{0, 1, 2, 4, 5, 12}) {
    rig.tell(SocketUnreachable{socket, peer, type, 0});
    EXPECT_TRUE(rig.sent.empty()) << int{type};
  }
  rig.tell(SocketUnreachable{TurnServerRig::udp, client.from, 3, 3});
  EXPECT_TRUE(rig.sent.empty()) << "a client that is gone is no peer";
}

TEST_F(ARelay, KeepsFewIcmpErrorsUntilTheyAreAskedFor) {
  client.permit(peer);
  const SocketUnreachable unreachable{rig.relay_socket(relayed), peer, 3, 3};
  for (int i = 0; i < 1000; ++i) rig.server.handle_socket(rig.now, unreachable);
  rig.settle();
  EXPECT_EQ(rig.sent.size(), 64u);
  EXPECT_EQ(counters().icmp_errors, 64u);
}

// ---- no allocation of memory for a datagram

TEST_F(ARelay, AllocatesNothingForADatagram) {
  TurnTestClient bob{rig, endpoint("203.0.113.10:2")};
  const Endpoint bobs = bob.allocated();
  client.bind(0x4000, peer);
  client.permit(stranger);
  client.bind(0x4001, bobs);
  bob.permit(relayed);
  const test::Packet indication = test::stun_message(
      stun::Class::indication, {{1}},
      [](Builder& b) { b.add<attr::XorPeerAddress>(stranger).add<attr::Data>(bytes_of("hello")); }, Method::send);
  const std::array<std::uint8_t, 8> in_channel{0x40, 0x00, 0, 4};
  const std::array<std::uint8_t, 8> to_bob{0x40, 0x01, 0, 4};
  const SocketId socket = rig.relay_socket(relayed);
  const auto forwarded = [&](SocketId where, const Endpoint& from, Bytes bytes) {
    return rig.server.handle_datagram(rig.now, {where, from, bytes, {}}, rig.scratch).verdict == Verdict::forward;
  };
  const test::Allocations allocations;
  bool all = true;
  for (int i = 0; i < 100; ++i) {
    all = all && forwarded(client.socket, client.from, in_channel);
    all = all && forwarded(client.socket, client.from, to_bob);
    all = all && forwarded(client.socket, client.from, indication.bytes());
    all = all && forwarded(socket, peer, in_channel);
    all = all && forwarded(socket, stranger, in_channel);
    all = all && forwarded(socket, same_host, in_channel);
    rig.server.handle_datagram(rig.now, {socket, endpoint("203.0.113.99:1"), in_channel, {}}, rig.scratch);
    while (rig.server.poll_transmit(rig.now, rig.scratch)) {
    }
  }
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_TRUE(all);
}

TEST(TurnServer, HoldsAnIdleAllocationInLessThan4Kilobytes) {
  TurnServerRig rig{
      {.limits = {.allocations_per_user = 1000, .allocations_per_source = 1000, .failures_at_once = 2000}}};
  const test::Allocations allocations;
  constexpr std::uint16_t count = 1000;
  for (std::uint16_t i = 0; i < count; ++i) {
    TurnTestClient client{rig, {Address::v4(203, 0, 113, 9), static_cast<std::uint16_t>(1000 + i)}};
    client.allocated(both);
    EXPECT_EQ(client.bind(0x4000, peer), 0u);
    EXPECT_EQ(client.permit(peer_v6), 0u);
    rig.forget();
  }
  EXPECT_EQ(rig.server.gauges().allocations, count);
  EXPECT_LE(allocations.held() / count, 4096);
}

TEST(TurnServer, GivesAllMemoryBackWhenAllocationsEnd) {
  TurnServerRig rig;
  const auto round = [&] {
    for (std::uint16_t i = 0; i < 50; ++i) {
      TurnTestClient client{rig, {Address::v4(203, 0, 113, 9), static_cast<std::uint16_t>(1000 + i)}};
      client.allocated([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
      client.permit(peer);
    }
    rig.sleep(600s);
    rig.forget();
  };
  round();  // tables grow, once
  const test::Allocations allocations;
  for (int i = 0; i < 10; ++i) round();
  EXPECT_LE(allocations.held(), 1024);
  EXPECT_EQ(rig.server.gauges().users, 0u);
}

}  // namespace
}  // namespace ice::turn
