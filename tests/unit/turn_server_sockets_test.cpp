// What a relay server makes of what happens to its sockets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Method;
using test::endpoint;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
constexpr auto reserve = [](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); };
const Endpoint peer = endpoint("203.0.113.77:5000");
const Endpoint far_client = endpoint("203.0.113.20:999");
constexpr SocketId connection{500};

struct SocketsOfAServer : testing::Test {
  TurnServerRig rig;
};

TEST_F(SocketsOfAServer, MayBeDatagramsThatWereAcceptedWhichNeedNoPadding) {  // DTLS
  constexpr SocketId dtls_listener{3};
  ASSERT_TRUE(rig.server.add_socket({.socket = dtls_listener, .local = rig.listen, .transport = Transport::dtls}));
  rig.tell(SocketAccepted{dtls_listener, connection, rig.listen, far_client});
  TurnTestClient client{rig, far_client, connection};
  const Endpoint relayed = client.allocated();
  EXPECT_EQ(rig.events_of<AllocationOpened>()[0].transport, Transport::dtls);
  client.bind(0x4000, peer);
  EXPECT_EQ(rig.give(bytes_of("hello"), rig.relay_socket(relayed), peer)->bytes.size(), 9u);
  rig.tell(SocketClosed{connection, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
}

TEST_F(SocketsOfAServer, EndAnAllocationWhenTheirIdMeansAnotherConnection) {
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, far_client});
  TurnTestClient client{rig, far_client, connection};
  client.allocated();
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, endpoint("203.0.113.21:1")});
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.gauges().connections, 1u);
  EXPECT_TRUE(rig.open.empty());
}

TEST_F(SocketsOfAServer, AreNotIdleWhereTheirOwnMessageComesBeforeALateTimer) {
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, far_client});
  TurnTestClient client{rig, far_client, connection};
  client.learn_nonce();
  rig.now += 60s;
  EXPECT_TRUE(client.allocated());
  EXPECT_TRUE(rig.closed.empty());
  EXPECT_EQ(rig.server.counters().connections_idle, 0u);
  rig.tell(SocketClosed{connection, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 0u) << "the connection was known still";
}

TEST(TurnServer, MakesNoAllocationOnAConnectionThatIsOneTooMany) {
  TurnServerRig rig{{.limits = {.connections = 1}}};
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, far_client});
  TurnTestClient unannounced{rig, endpoint("203.0.113.21:1"), SocketId{501}};
  EXPECT_EQ(unannounced.allocate_code(nothing), 508u);
  TurnTestClient announced{rig, far_client, connection};
  EXPECT_EQ(announced.allocate_code(nothing), 0u);
}

TEST_F(SocketsOfAServer, TakeAReservationWithThemWhenTheyAreClosed) {
  TurnTestClient client{rig};
  const auto answer = client.allocate(reserve);
  Endpoint reserved = *answer->message().get<attr::XorRelayedAddress>();
  ++reserved.port;
  rig.tell(SocketClosed{rig.relay_socket(reserved), {}});
  EXPECT_EQ(rig.server.gauges().reservations, 0u);
  TurnTestClient late{rig, endpoint("203.0.113.10:1")};
  const auto token = *answer->message().get<attr::ReservationToken>();
  EXPECT_EQ(late.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(token); }), 508u);
  client.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); });
  EXPECT_EQ(rig.server.gauges().users, 0u) << "nothing is held for it any more";
}

TEST_F(SocketsOfAServer, AreNotReservedForAUserWhoIsRemoved) {
  ASSERT_TRUE(rig.server.add_user("other", "pass"));
  TurnTestClient other{rig, far_client};
  other.name = "other";
  ASSERT_TRUE(other.allocated(reserve));
  TurnTestClient client{rig};
  ASSERT_TRUE(client.allocated(reserve));
  ASSERT_EQ(rig.server.gauges().reservations, 2u);
  rig.server.remove_user(rig.now, "user");
  rig.settle();
  EXPECT_EQ(rig.server.gauges().reservations, 1u) << "the other user's stays";
  EXPECT_EQ(rig.server.gauges().users, 1u);
  EXPECT_EQ(rig.open.size(), 2u);
}

TEST_F(SocketsOfAServer, TakeTheirConnectionsWithThemWhenTheyListenNoMore) {
  constexpr SocketId other_listener{3};
  ASSERT_TRUE(rig.server.add_socket({.socket = other_listener, .local = rig.listen, .transport = Transport::tls}));
  const auto connect = [&](SocketId listener, std::uint32_t id) {
    rig.tell(SocketAccepted{listener, SocketId{id}, rig.listen, far_client});
    TurnTestClient{rig, far_client, SocketId{id}}.allocated();
  };
  connect(TurnServerRig::listener, 500);
  connect(other_listener, 501);
  rig.tell(SocketAccepted{TurnServerRig::listener, SocketId{502}, rig.listen, far_client});
  rig.closed.clear();
  ASSERT_TRUE(rig.server.remove_socket(rig.now, TurnServerRig::listener));
  rig.settle();
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(rig.server.gauges().connections, 1u);
  EXPECT_THAT(rig.closed, testing::IsSupersetOf({SocketId{500}, SocketId{502}}));
  EXPECT_EQ(rig.events_of<AllocationClosed>()[0].why, AllocationClosed::Why::connection_closed);
  rig.tell(SocketClosed{other_listener, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.gauges().connections, 0u);
}

TEST_F(SocketsOfAServer, LeaveTheOtherFamilyWhenOneIsClosed) {
  TurnTestClient client{rig};
  const Endpoint v4 = client.allocated([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  rig.tell(SocketClosed{rig.relay_socket(v4), {}});
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(client.permit(peer), 443u);
  EXPECT_EQ(client.permit(endpoint("[2001:db8:9::7]:0")), 0u);
}

TEST_F(SocketsOfAServer, AreClosedWhereNobodyWaitsForThemAnyMore) {
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, far_client});
  rig.serves_sockets = false;
  TurnTestClient client{rig, far_client, connection};
  EXPECT_FALSE(client.allocate(reserve));
  rig.tell(SocketClosed{connection, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.gauges().users, 0u);
  rig.serve_all();
  EXPECT_TRUE(rig.open.empty());
  EXPECT_TRUE(rig.events.empty()) << "it had never been one";
  TurnTestClient next{rig};
  EXPECT_EQ(next.allocate_code(reserve), 0u);
}

TEST_F(SocketsOfAServer, AreNotMissedWhereTheyFailTooLate) {
  rig.serves_sockets = false;
  TurnTestClient client{rig};
  EXPECT_FALSE(client.allocate(nothing));
  rig.server.remove_user(rig.now, "user");
  rig.refused_sockets = 1;
  rig.serve_all();
  EXPECT_TRUE(rig.sent.empty());
  EXPECT_FALSE(rig.server.next_timeout());
}

// ---- pairs, and what happens while they are being opened

/// With two ports, and a driver that answers when it is told to.
struct APairOfSockets : testing::Test {
  APairOfSockets() { rig.serves_sockets = false; }

  SocketTicket next_ticket() {
    const auto ticket = std::get<OpenSocket>(rig.unserved.at(0)).ticket;
    rig.unserved.erase(rig.unserved.begin());
    return ticket;
  }
  void open_next(std::uint32_t id, std::uint16_t port) {
    const SocketTicket ticket = next_ticket();
    rig.tell(SocketOpened{ticket, SocketId{id}, {rig.relay_v4, port}});
  }
  unsigned last_code() const { return test::error_code_of(rig.sent.at(0).message()); }
  /// Nothing is held for the one that failed: there is room for two that reserve nothing.
  void expect_both_ports_free() {
    rig.serves_sockets = true;
    EXPECT_EQ(rig.server.gauges().users, 0u);
    EXPECT_EQ(rig.server.gauges().reservations, 0u);
    for (std::uint16_t port = 1; port <= 2; ++port) {
      TurnTestClient one{rig, {far_client.address, port}};
      EXPECT_TRUE(one.allocated());
    }
  }

  TurnServerRig rig{{.relay_ports = {50000, 50001}}};
  TurnTestClient client{rig};
};

TEST_F(APairOfSockets, HoldsBothPortsFromTheFirstMomentOn) {
  EXPECT_FALSE(client.allocate(reserve));
  TurnTestClient other{rig, far_client};
  EXPECT_EQ(other.allocate_code(nothing), 508u) << "neither is free";
  open_next(900, 50000);
  open_next(901, 50001);
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_TRUE(rig.sent[0].message().has<attr::ReservationToken>());
}

TEST_F(APairOfSockets, GivesBothPortsBackWhereTheFirstIsNotToBeHad) {
  EXPECT_FALSE(client.allocate(reserve));
  const SocketTicket ticket = next_ticket();
  rig.tell(SocketFailed{ticket, make_error_code(std::errc::too_many_files_open)});
  EXPECT_EQ(last_code(), 508u);
  expect_both_ports_free();
}

TEST_F(APairOfSockets, GivesBothPortsBackWhereItsClientGoesMeanwhile) {
  EXPECT_FALSE(client.allocate(reserve));
  rig.server.remove_user(rig.now, "user");
  open_next(900, 50000);
  EXPECT_EQ(std::get<CloseSocket>(rig.unserved.at(0)).socket, SocketId{900});
  ASSERT_TRUE(rig.server.add_user("user", "pass"));
  expect_both_ports_free();
}

TEST_F(APairOfSockets, IsNoneWhereTheFirstIsLostBeforeTheSecondIsThere) {
  EXPECT_FALSE(client.allocate(reserve));
  open_next(900, 50000);
  rig.tell(SocketClosed{SocketId{900}, {}});
  open_next(901, 50001);
  EXPECT_EQ(last_code(), 508u);
  EXPECT_THAT(rig.unserved, testing::SizeIs(2)) << "both are closed";
  expect_both_ports_free();
}

TEST_F(APairOfSockets, IsNoneWhereTheSecondIsNeverHeardOf) {
  EXPECT_FALSE(client.allocate(reserve));
  open_next(900, 50000);
  const SocketTicket second = next_ticket();
  EXPECT_TRUE(rig.sent.empty());
  rig.sleep(10s);
  EXPECT_EQ(last_code(), 508u);
  rig.tell(SocketOpened{second, SocketId{901}, {rig.relay_v4, 50001}});
  EXPECT_EQ(std::get<CloseSocket>(rig.unserved.back()).socket, SocketId{901});
  expect_both_ports_free();
}

TEST_F(SocketsOfAServer, AreNotWaitedForLongerThanAClientDoes) {
  rig.serves_sockets = false;
  TurnTestClient client{rig};
  EXPECT_FALSE(client.allocate(nothing));
  rig.sleep(9s);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  rig.sleep(1s);
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(test::error_code_of(rig.sent[0].message()), 508u);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_FALSE(rig.server.next_timeout());
  rig.serve_all();
  EXPECT_TRUE(rig.open.empty()) << "what comes later is closed";
}

TEST_F(SocketsOfAServer, AreTakenFromOneFamilyWhereTheOtherIsLostOrNeverHeardOf) {
  const auto ask = [&](TurnTestClient& client) {
    rig.unserved.clear();
    EXPECT_FALSE(client.allocate([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); }));
    const SocketTicket v4 = std::get<OpenSocket>(rig.unserved.at(0)).ticket;
    const SocketTicket v6 = std::get<OpenSocket>(rig.unserved.at(1)).ticket;
    return std::pair{v4, v6};
  };
  const auto refused = [&] { return rig.sent.at(0).message().get<attr::AddressErrorCode>()->family; };
  rig.serves_sockets = false;
  TurnTestClient one{rig};
  const auto first = ask(one);
  rig.tell(SocketOpened{first.first, SocketId{900}, {rig.relay_v4, 50000}});
  rig.tell(SocketClosed{SocketId{900}, {}});
  rig.tell(SocketOpened{first.second, SocketId{901}, {rig.relay_v6, 50000}});
  EXPECT_EQ(refused(), Family::ipv4);
  EXPECT_EQ(one.permit(peer), 443u);

  TurnTestClient two{rig, far_client};
  const auto second = ask(two);
  rig.tell(SocketOpened{second.first, SocketId{902}, {rig.relay_v4, 50001}});
  rig.sleep(10s);
  EXPECT_EQ(refused(), Family::ipv6);
  EXPECT_EQ(two.permit(peer), 0u);
}

TEST_F(SocketsOfAServer, MayBeIdleForAsLongAsEverAfterTheirAllocationHasEnded) {
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, far_client});
  TurnTestClient client{rig, far_client, connection};
  client.allocated();
  rig.sleep(70s);
  EXPECT_EQ(client.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); }), 0u);
  rig.closed.clear();
  rig.sleep(59s);
  EXPECT_TRUE(rig.closed.empty());
  rig.sleep(1s);
  EXPECT_THAT(rig.closed, testing::ElementsAre(connection));
}

TEST_F(SocketsOfAServer, GiveTheirPortsBack) {
  TurnServerRig small{{.relay_ports = {50000, 50001}}};
  for (int i = 0; i < 20; ++i) {
    TurnTestClient client{small};
    EXPECT_TRUE(client.allocated(reserve));
    EXPECT_EQ(client.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); }), 0u);
    small.sleep(30s);
    small.refused_sockets = 2;
    TurnTestClient another{small, far_client};
    EXPECT_TRUE(another.allocated()) << "a port that was refused once is tried again";
    another.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); });
  }
}

TEST_F(SocketsOfAServer, AreAddedOnceAndWithinTheirLimit) {
  EXPECT_EQ(rig.server.add_socket({.socket = TurnServerRig::udp, .local = rig.listen}).error(), errc::invalid_argument);
  EXPECT_EQ(rig.server.add_socket({.socket = TurnServerRig::listener, .local = rig.listen}).error(),
            errc::invalid_argument);
  std::error_code error;
  for (std::uint32_t id = 100; !error; ++id) {
    const auto added = rig.server.add_socket({.socket = SocketId{id},
                                              .local = {rig.listen.address, static_cast<std::uint16_t>(id)},
                                              .transport = id % 2 == 0 ? Transport::udp : Transport::tls});
    if (!added) error = added.error();
    ASSERT_LT(id, 400u);
  }
  EXPECT_EQ(error, errc::limit_reached);
  EXPECT_EQ(rig.server.remove_socket(rig.now, SocketId{9999}).error(), errc::no_such_socket);
}

}  // namespace
}  // namespace ice::turn
