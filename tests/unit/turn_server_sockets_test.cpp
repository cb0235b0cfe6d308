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
