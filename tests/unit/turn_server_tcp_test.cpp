// TCP allocations of a relay server (RFC 6062 §5): who gets one, and the connections to and from peers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_tcp_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::IpProtocol;
using stun::Method;
using test::endpoint;
using test::error_code_of;
using test::TurnServerRig;
using test::TurnTcpRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
constexpr auto release = [](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); };
constexpr SocketId to_peer{600}, to_client{700};
const Endpoint data_address = endpoint("203.0.113.9:40001");

struct ATcpAllocation : testing::Test, TurnTcpRig {};

// ---- §5.1

TEST_F(ATcpAllocation, ListensOnItsRelayedAddress) {
  const Endpoint relayed = allocated();
  EXPECT_EQ(relayed.address, rig.relay_v4);
  ASSERT_EQ(rig.asked.size(), 1u);
  EXPECT_EQ(rig.asked[0].kind, OpenSocket::Kind::listen);
  EXPECT_EQ(rig.asked[0].transport, Transport::tcp);
  EXPECT_EQ(rig.asked[0].framing, Framing::none);
  EXPECT_TRUE(rig.asked[0].shares_port) << "§5.2: connections leave from it, too";
  EXPECT_TRUE(rig.events_of<AllocationOpened>().at(0).tcp_to_peers);
}

TEST_F(ATcpAllocation, IsNotForAClientThatComesByDatagrams) {
  TurnTestClient by_udp{rig};
  EXPECT_EQ(allocate_code(by_udp, nothing), 400u);
  constexpr SocketId dtls_listener{3}, dtls{501};
  ASSERT_TRUE(rig.server.add_socket({.socket = dtls_listener, .local = rig.listen, .transport = Transport::dtls}));
  rig.tell(SocketAccepted{dtls_listener, dtls, rig.listen, data_address});
  TurnTestClient by_dtls{rig, data_address, dtls};
  EXPECT_EQ(allocate_code(by_dtls, nothing), 400u);
}

TEST_F(ATcpAllocation, IsForAClientThatComesByTls) {
  constexpr SocketId tls_listener{3}, tls{501};
  ASSERT_TRUE(rig.server.add_socket({.socket = tls_listener, .local = rig.listen, .transport = Transport::tls}));
  rig.tell(SocketAccepted{tls_listener, tls, rig.listen, data_address});
  TurnTestClient by_tls{rig, data_address, tls};
  EXPECT_EQ(allocate_code(by_tls, nothing), 0u);
}

TEST_F(ATcpAllocation, HasNothingOfWhatIsForUdpAlone) {
  EXPECT_EQ(allocate_code(client, [](Builder& b) { b.add<attr::EvenPort>({.reserve_next = false}); }), 400u);
  EXPECT_EQ(allocate_code(client, [](Builder& b) { b.add<attr::ReservationToken>({}); }), 400u);
  EXPECT_EQ(allocate_code(client, [](Builder& b) { b.add<attr::DontFragment>({}); }), 400u);
  EXPECT_EQ(allocate_code(client, [](Builder& b) { b.add<attr::MobilityTicket>({}); }), 405u);
  EXPECT_EQ(allocate_code(client, nothing), 0u);
}

TEST_F(ATcpAllocation, IsRefusedForWhatIsUnknownBeforeWhatIsForUdpAlone) {
  const auto answer = client.ask(Method::allocate, [](Builder& b) {
    b.add<attr::RequestedTransport>(IpProtocol::tcp)
        .add<attr::DontFragment>({})
        .add_raw(stun::AttributeType{0x7ABC}, {});
  });
  EXPECT_EQ(error_code_of(answer->message()), 420u);
}

TEST(ATurnServerWithoutTcpAllocations, SaysSo) {
  TurnTcpRig tcp{{.tcp_allocations = false}};
  EXPECT_EQ(tcp.allocate_code(tcp.client, nothing), 442u);
}

TEST_F(ATcpAllocation, MayHaveBothFamilies) {
  ASSERT_TRUE(allocated(client, [](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); }));
  EXPECT_EQ(rig.asked.size(), 2u);
  EXPECT_EQ(connect_code(endpoint("[2001:db8:9::7]:5000")), 1u) << "it is being made";
  EXPECT_EQ(rig.asked.back().local.address, rig.relay_v6);
}

TEST_F(ATcpAllocation, RelaysNoDatagrams) {
  const Endpoint relayed = allocated();
  EXPECT_EQ(client.permit(peer), 0u);
  EXPECT_EQ(client.bind(0x4000, peer), 400u);
  EXPECT_FALSE(client.send(peer, "hello"));
  EXPECT_EQ(rig.server.counters().bad_indications, 1u);
  EXPECT_FALSE(client.send_channel(0x4000, "hello"));

  TurnTestClient by_udp{rig, endpoint("203.0.113.10:1")};
  ASSERT_TRUE(by_udp.allocated());
  EXPECT_EQ(by_udp.bind(0x4000, relayed), 403u) << "nobody is there by UDP";
  EXPECT_EQ(by_udp.permit(relayed), 0u);
  EXPECT_FALSE(by_udp.send(relayed, "hello"));
  EXPECT_EQ(rig.server.counters().forbidden, 1u);
}

// ---- §5.2

TEST_F(ATcpAllocation, ConnectsFromItsRelayedAddressAndSaysWhenThatStands) {
  const Endpoint relayed = allocated();
  EXPECT_EQ(connect_code(peer), 1u);
  const OpenSocket asked = rig.asked.back();
  EXPECT_EQ(asked.kind, OpenSocket::Kind::connect);
  EXPECT_EQ(asked.transport, Transport::tcp);
  EXPECT_EQ(asked.local.address, relayed.address);
  EXPECT_EQ(asked.ports.first, relayed.port);
  EXPECT_EQ(asked.ports.last, relayed.port);
  EXPECT_EQ(asked.remote, peer);
  EXPECT_TRUE(asked.shares_port);

  EXPECT_NE(connected(to_peer), 0u);
  const auto answer = rig.sent.at(0).message();
  EXPECT_EQ(answer.message_class(), stun::Class::success_response);
  EXPECT_EQ(answer.method(), Method::connect);
  EXPECT_TRUE(answer.authenticate(client.key()));
  EXPECT_EQ(rig.sent[0].socket, control);
  EXPECT_FALSE(rig.reads.at(to_peer)) << "what the peer says waits for the client";
}

TEST_F(ATcpAllocation, IsNeededForAConnect) {
  EXPECT_EQ(connect_code(peer), 437u);
  TurnTestClient by_udp{rig};
  ASSERT_TRUE(by_udp.allocated());
  EXPECT_EQ(connect_code(by_udp, peer), 400u) << "its allocation is another kind";
}

TEST_F(ATcpAllocation, ConnectsOnceToEachPeer) {
  allocated();
  EXPECT_EQ(connect_code(peer), 1u);
  EXPECT_EQ(connect_code(peer), 446u) << "being made";
  EXPECT_EQ(connect_code({peer.address, 5001}), 1u) << "another port is another peer";
  EXPECT_NE(connected(to_peer), 0u);
  EXPECT_EQ(connect_code({peer.address, 5001}), 446u) << "waiting";
  rig.tell(SocketClosed{to_peer, {}});
  EXPECT_EQ(connect_code({peer.address, 5001}), 1u) << "gone";
}

TEST_F(ATcpAllocation, ConnectsToNobodyWithoutAnAddress) {
  allocated();
  EXPECT_EQ(client.code(Method::connect, nothing), 400u);
  EXPECT_EQ(connect_code({peer.address, 0}), 400u);
  EXPECT_EQ(client.code(Method::connect,
                        [](Builder& b) {
                          const std::array<std::uint8_t, 3> broken{};
                          b.add_raw(attr::XorPeerAddress::type, broken);
                        }),
            400u);
  EXPECT_EQ(connect_code(endpoint("[2001:db8:9::7]:5000")), 443u);
}

TEST_F(ATcpAllocation, ConnectsToNobodyWhomThePolicyForbids) {
  allocated();
  EXPECT_EQ(connect_code(endpoint("127.0.0.1:80")), 403u);
  EXPECT_EQ(connect_code(endpoint("192.168.1.1:80")), 403u);
  EXPECT_EQ(connect_code(rig.listen), 403u) << "the server itself";
  EXPECT_EQ(connect_code({rig.relay_v4, 22}), 403u) << "no relayed address of ours";
  EXPECT_EQ(rig.server.counters().peer_connections_refused, 4u);
  EXPECT_EQ(rig.asked.size(), 1u);
}

TEST(ATurnServerThatAllowsItsHost, ConnectsToNoneOfItsOwnSockets) {
  TurnTcpRig tcp{{.allow_peers = {*AddressRange::parse("198.51.100.1")}}};
  tcp.allocated();
  EXPECT_EQ(tcp.connect_code(tcp.rig.listen), 403u);
  EXPECT_EQ(tcp.connect_code({tcp.rig.listen.address, 8080}), 1u);
}

TEST_F(ATcpAllocation, SaysThatAPeerCannotBeConnectedTo) {
  allocated();
  connect_code(peer);
  rig.tell(SocketFailed{rig.asked.back().ticket, make_error_code(std::errc::connection_refused)});
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(error_code_of(rig.sent[0].message()), 447u);
  EXPECT_TRUE(rig.sent[0].message().authenticate(client.key()));
  EXPECT_EQ(connect_code(peer), 1u) << "nothing is left of it";
}

TEST_F(ATcpAllocation, WaitsThirtySecondsForAPeer) {
  allocated();
  connect_code(peer);
  const SocketTicket ticket = rig.asked.back().ticket;
  rig.sent.clear();
  rig.sleep(30s - 1ms);
  EXPECT_TRUE(rig.sent.empty());
  rig.sleep(1ms);
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(error_code_of(rig.sent[0].message()), 447u);
  rig.tell(SocketOpened{ticket, to_peer, {}});
  EXPECT_TRUE(is_closed(to_peer)) << "it comes too late";
  EXPECT_EQ(rig.server.gauges().peer_connections, 0u);
}

TEST_F(ATcpAllocation, AnswersAConnectAsItWasSigned) {
  allocated();
  client.modern = false;
  client.algorithm = stun::PasswordAlgorithm::md5;
  client.nonce.clear();
  client.ask_unsigned(Method::connect, nothing);
  connect_code(peer);
  connected(to_peer);
  EXPECT_EQ(rig.sent.at(0).message().integrity(), stun::Integrity::sha1);
}

// ---- §5.3

TEST_F(ATcpAllocation, TellsOfAPeerThatCallsAndHasPermission) {
  const Endpoint relayed = allocated();
  client.permit({peer.address, 0});
  const std::uint32_t id = called(relayed, peer, to_peer);
  EXPECT_NE(id, 0u);
  const auto indication = rig.sent.at(0).message();
  EXPECT_EQ(indication.message_class(), stun::Class::indication);
  EXPECT_EQ(indication.method(), Method::connection_attempt);
  EXPECT_EQ(*indication.get<attr::XorPeerAddress>(), peer);
  EXPECT_EQ(rig.sent[0].socket, control);
  EXPECT_EQ(rig.sent[0].to, client_address);
  EXPECT_FALSE(rig.reads.at(to_peer));
  EXPECT_EQ(connect_code(peer), 446u);
}

TEST_F(ATcpAllocation, ClosesAPeerThatCallsWithoutPermission) {
  const Endpoint relayed = allocated();
  EXPECT_EQ(called(relayed, peer, to_peer), 0u);
  EXPECT_TRUE(is_closed(to_peer));
  client.permit(peer);
  EXPECT_EQ(called(relayed, endpoint("203.0.113.78:5000"), SocketId{601}), 0u) << "another one has it";
  EXPECT_TRUE(is_closed(SocketId{601}));
  rig.sleep(300s);
  EXPECT_EQ(called(relayed, peer, SocketId{602}), 0u) << "it has expired";
  EXPECT_EQ(rig.server.counters().peer_connections_refused, 3u);
}

TEST_F(ATcpAllocation, ClosesAPeerThatNobodyBindsToWithinThirtySeconds) {
  const Endpoint relayed = allocated();
  client.permit(peer);
  const std::uint32_t id = called(relayed, peer, to_peer);
  rig.sleep(30s - 1ms);
  EXPECT_FALSE(is_closed(to_peer));
  rig.sleep(1ms);
  EXPECT_TRUE(is_closed(to_peer));
  TurnTestClient late = comes_by(to_client, data_address);
  EXPECT_EQ(bind_code(late, id), 400u);
  EXPECT_EQ(rig.server.counters().peer_connections_unbound, 1u);
}

TEST_F(ATcpAllocation, HasNothingForAClientWhoseAllocationIsNotReady) {
  rig.serves_sockets = false;
  EXPECT_EQ(allocate_code(client, nothing), 1u);
  EXPECT_EQ(connect_code(peer), 437u);
}

// ---- §5.5

TEST_F(ATcpAllocation, TakesItsConnectionsWithIt) {
  const Endpoint relayed = allocated();
  client.permit(peer);
  const std::uint32_t id = called(relayed, peer, to_peer);
  TurnTestClient data = comes_by(to_client, data_address);
  ASSERT_EQ(bind_code(data, id), 0u);
  ASSERT_NE(called(relayed, {peer.address, 6}, SocketId{601}), 0u);
  connect_code({peer.address, 7});
  EXPECT_EQ(rig.server.gauges().peer_connections, 3u);
  const SocketTicket ticket = rig.asked.back().ticket;
  EXPECT_EQ(client.refresh(release), 0u);
  EXPECT_TRUE(is_closed(to_peer));
  EXPECT_TRUE(is_closed(to_client));
  EXPECT_TRUE(is_closed(SocketId{601}));
  EXPECT_EQ(rig.server.gauges().peer_connections, 0u);
  EXPECT_EQ(rig.server.gauges().connections, 1u) << "the control connection";
  rig.tell(SocketOpened{ticket, SocketId{602}, {}});
  EXPECT_TRUE(is_closed(SocketId{602}));
  EXPECT_TRUE(rig.open.empty());
}

TEST_F(ATcpAllocation, EndsWithItsControlConnection) {
  const Endpoint relayed = allocated();
  client.permit(peer);
  const std::uint32_t id = called(relayed, peer, to_peer);
  TurnTestClient data = comes_by(to_client, data_address);
  ASSERT_EQ(bind_code(data, id), 0u);
  rig.tell(SocketClosed{control, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_TRUE(is_closed(to_peer));
  EXPECT_TRUE(is_closed(to_client));
  EXPECT_EQ(rig.server.gauges().connections, 0u);
}

TEST_F(ATcpAllocation, LosesTheConnectionsOfAFamilyWithItsRelayedAddress) {
  const Endpoint v4 = allocated(client, [](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  connect_code(endpoint("[2001:db8:9::7]:5000"));
  connected(SocketId{601});
  connect_code(peer);
  connected(to_peer);
  rig.tell(SocketClosed{rig.relay_socket(v4), {}});
  EXPECT_TRUE(is_closed(to_peer));
  EXPECT_FALSE(is_closed(SocketId{601}));
}

// ---- bounds

TEST(ATurnServersTcpAllocation, HasAsManyConnectionsAsItMay) {
  TurnTcpRig tcp{{.limits = {.peer_connections_per_allocation = 2}}};
  const Endpoint relayed = tcp.allocated();
  tcp.client.permit(tcp.peer);
  EXPECT_NE(tcp.called(relayed, {tcp.peer.address, 1}, to_peer), 0u);
  EXPECT_EQ(tcp.connect_code({tcp.peer.address, 2}), 1u);
  EXPECT_EQ(tcp.connect_code({tcp.peer.address, 3}), 508u);
  EXPECT_EQ(tcp.called(relayed, {tcp.peer.address, 4}, SocketId{604}), 0u);
  EXPECT_TRUE(tcp.is_closed(SocketId{604}));
  tcp.rig.tell(SocketClosed{to_peer, {}});
  EXPECT_NE(tcp.called(relayed, {tcp.peer.address, 4}, SocketId{604}), 0u);
}

TEST(ATurnServersTcpAllocation, SharesABoundWithAllOthers) {
  TurnTcpRig tcp{{.limits = {.peer_connections = 1}}};
  tcp.allocated();
  EXPECT_EQ(tcp.connect_code(tcp.peer), 1u);
  TurnTestClient other = tcp.comes_by(SocketId{501}, data_address);
  tcp.allocated(other);
  EXPECT_EQ(tcp.connect_code(other, tcp.peer), 508u);
}

TEST_F(ATcpAllocation, KeepsNothingOfAFloodOfCallers) {
  const Endpoint relayed = allocated();
  client.permit(peer);
  for (std::uint16_t port = 1; port <= 1000; ++port) called(relayed, {peer.address, port}, SocketId{5000u + port});
  EXPECT_EQ(rig.server.gauges().peer_connections, ServerLimits{}.peer_connections_per_allocation);
  rig.sleep(30s);
  EXPECT_EQ(rig.server.gauges().peer_connections, 0u);
  EXPECT_EQ(rig.closed.size(), 1000u);
}

// ---- between two clients

TEST_F(ATcpAllocation, ReachesThatOfAnotherClient) {
  const Endpoint mine = allocated();
  TurnTestClient other = comes_by(SocketId{501}, endpoint("203.0.113.10:40000"));
  const Endpoint theirs = allocated(other);
  EXPECT_EQ(connect_code(theirs), 1u) << "§9 of RFC 8656 allows relayed addresses";
  other.permit({mine.address, 0});
  EXPECT_NE(called(theirs, mine, to_peer), 0u);
  EXPECT_EQ(*rig.sent.back().message().get<attr::XorPeerAddress>(), mine);
  EXPECT_EQ(called(theirs, {mine.address, 1}, SocketId{601}), 0u) << "no relay of ours, but a program of the host";
}

TEST(ATurnServerBehindANat, KnowsItsRelayedAddressesFromBothSides) {
  TurnTcpRig tcp;
  TurnServerRig rig{{}, {}};
  const Address local = endpoint("198.51.100.2:0").address, shown = endpoint("198.51.100.200:0").address;
  ASSERT_TRUE(rig.server.add_relay_address(local, shown));
  const auto come = [&](SocketId socket, const Endpoint& from) {
    rig.tell(SocketAccepted{TurnServerRig::listener, socket, rig.listen, from});
    return TurnTestClient{rig, from, socket};
  };
  TurnTestClient one = come(SocketId{500}, endpoint("203.0.113.9:1"));
  TurnTestClient two = come(SocketId{501}, endpoint("203.0.113.10:1"));
  const Endpoint mine = tcp.allocated(one), theirs = tcp.allocated(two);
  ASSERT_EQ(mine.address, shown);
  EXPECT_EQ(tcp.connect_code(one, theirs), 1u);
  EXPECT_EQ(rig.asked.back().remote, (Endpoint{local, theirs.port}));
  two.permit(mine);
  rig.tell(SocketAccepted{rig.relay_socket({local, theirs.port}), to_peer, {}, {local, mine.port}});
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(*rig.sent[0].message().get<attr::XorPeerAddress>(), mine);
}

}  // namespace
}  // namespace ice::turn
