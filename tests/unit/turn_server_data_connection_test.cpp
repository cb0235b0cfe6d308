// Data connections of a relay server (RFC 6062 §5.4, §5.5): who may bind them, and what goes through.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/turn_tcp_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Method;
using test::endpoint;
using test::error_code_of;
using test::TurnServerRig;
using test::TurnTcpRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
constexpr SocketId to_peer{600}, to_client{700};
const Endpoint data_address = endpoint("203.0.113.9:40001");

struct ADataConnection : testing::Test, TurnTcpRig {
  using TurnTcpRig::TurnTcpRig;

  /// A Connect that has succeeded. Its CONNECTION-ID.
  std::uint32_t wait_for_bind() {
    allocated();
    connect_code(peer);
    return connected(to_peer);
  }
  TurnTestClient bound() {
    const std::uint32_t id = wait_for_bind();
    TurnTestClient data = comes_by(to_client, data_address);
    EXPECT_EQ(bind_code(data, id), 0u);
    return data;
  }
  std::optional<test::Sent> from_client(std::string_view data) {
    return rig.give(bytes_of(data), to_client, data_address);
  }
  std::optional<test::Sent> from_peer(std::string_view data) { return rig.give(bytes_of(data), to_peer, peer); }
};

// ---- ConnectionBind

TEST_F(ADataConnection, CarriesBytesAsTheyAreBothWaysOnceItIsBound) {
  bound();
  EXPECT_EQ(rig.framing.at(to_client), Framing::none);
  EXPECT_TRUE(rig.reads.at(to_peer));
  const auto up = from_client("hello");
  ASSERT_TRUE(up);
  EXPECT_EQ(up->text(), "hello");
  EXPECT_EQ(up->socket, to_peer);
  const auto down = from_peer("world");
  ASSERT_TRUE(down);
  EXPECT_EQ(down->text(), "world");
  EXPECT_EQ(down->socket, to_client);
  EXPECT_EQ(rig.server.counters().to_peers_bytes, 5u);
  EXPECT_EQ(rig.server.counters().to_clients_bytes, 5u);
}

TEST_F(ADataConnection, TakesNothingForStunAnyMore) {
  TurnTestClient data = bound();
  const auto echoed = data.ask(Method::refresh, nothing);
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->socket, to_peer) << "even what looks like a request";
  EXPECT_EQ(rig.give(test::binding_request().bytes(), to_client, data_address)->socket, to_peer);
  EXPECT_EQ(from_client(std::string{"\x40\0\0\1x", 5})->text().size(), 5u) << "or like ChannelData";
}

TEST_F(ADataConnection, IsNotBoundByDatagrams) {
  const std::uint32_t id = wait_for_bind();
  TurnTestClient by_udp{rig};
  EXPECT_EQ(bind_code(by_udp, id), 400u);
}

TEST_F(ADataConnection, IsNotBoundWithoutAnIdThatWaits) {
  const std::uint32_t id = wait_for_bind();
  TurnTestClient data = comes_by(to_client, data_address);
  EXPECT_EQ(data.code(Method::connection_bind, nothing), 400u);
  EXPECT_EQ(bind_code(data, id + 1), 400u);
  EXPECT_EQ(data.code(Method::connection_bind,
                      [](Builder& b) {
                        const std::array<std::uint8_t, 3> broken{};
                        b.add_raw(attr::ConnectionId::type, broken);
                      }),
            400u);
  EXPECT_EQ(bind_code(data, id), 0u) << "the connection is as good as before";
  TurnTestClient second = comes_by(SocketId{701}, {data_address.address, 40002});
  EXPECT_EQ(bind_code(second, id), 400u) << "bound already";
}

TEST_F(ADataConnection, IsNotBoundByAnotherUser) {
  ASSERT_TRUE(rig.server.add_user("other", "pass"));
  const std::uint32_t id = wait_for_bind();
  TurnTestClient thief = comes_by(to_client, data_address);
  thief.name = "other";
  EXPECT_EQ(bind_code(thief, id), 441u);
  EXPECT_FALSE(rig.reads.at(to_peer));
  TurnTestClient owner = comes_by(SocketId{701}, {data_address.address, 40002});
  EXPECT_EQ(bind_code(owner, id), 0u) << "it still waits";
}

TEST_F(ADataConnection, IsNotBoundByAStranger) {
  const std::uint32_t id = wait_for_bind();
  TurnTestClient stranger = comes_by(to_client, data_address);
  const auto challenge =
      stranger.ask_unsigned(Method::connection_bind, [&](Builder& b) { b.add<attr::ConnectionId>(id); });
  EXPECT_EQ(error_code_of(challenge->message()), 401u);
  stranger.password = "wrong";
  EXPECT_EQ(bind_code(stranger, id), 401u);
}

TEST_F(ADataConnection, IsNotTheControlConnection) {
  const std::uint32_t id = wait_for_bind();
  EXPECT_EQ(bind_code(client, id), 400u);
  EXPECT_EQ(client.refresh(), 0u) << "it stays what it is";
}

TEST_F(ADataConnection, IsBoundByASharedSecretUserWhoseTimeHasCome) {
  rig.server.set_secrets({"secret"});
  rig.server.set_unix_time(rig.now, 1000s);
  const auto login = make_shared_secret_login("secret", "ann", 1010s);
  ASSERT_TRUE(login);
  client.name = login->username();
  client.password = std::string{login->password()};
  const std::uint32_t id = wait_for_bind();
  rig.sleep(20s);
  TurnTestClient data = comes_by(to_client, data_address);
  data.name = login->username();
  data.password = std::string{login->password()};
  EXPECT_EQ(bind_code(data, id), 0u) << "the allocation knows its key";
}

TEST_F(ADataConnection, GetsANewNonceFromNoBudgetOfOthers) {
  TurnServerRig& server = rig;
  const std::uint32_t id = wait_for_bind();
  for (int i = 0; i < 200; ++i) {
    TurnTestClient data = comes_by(to_client, {data_address.address, static_cast<std::uint16_t>(1000 + i)});
    data.nonce = client.nonce;  // made for another address
    data.realm = client.realm;
    const auto answer = data.ask(Method::connection_bind, [&](Builder& b) { b.add<attr::ConnectionId>(id); });
    ASSERT_TRUE(answer) << i;
    ASSERT_EQ(error_code_of(answer->message()), 438u) << i;
  }
  EXPECT_EQ(server.server.counters().silenced, 0u);
}

// ---- the end

TEST_F(ADataConnection, EndsWithItsOtherSide) {
  bound();
  rig.tell(SocketClosed{to_peer, {}});
  EXPECT_TRUE(is_closed(to_client));
  EXPECT_FALSE(is_closed(to_peer)) << "it is gone already";
  EXPECT_EQ(rig.server.gauges().connections, 1u);
  EXPECT_EQ(rig.server.gauges().peer_connections, 0u);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
}

TEST_F(ADataConnection, EndsWithTheClients) {
  bound();
  rig.tell(SocketClosed{to_client, make_error_code(std::errc::connection_reset)});
  EXPECT_TRUE(is_closed(to_peer));
  EXPECT_EQ(rig.server.gauges().connections, 1u);
  EXPECT_EQ(connect_code(peer), 1u) << "it may be made anew";
}

TEST_F(ADataConnection, EndsWithTheListenerThatItCameBy) {
  bound();
  ASSERT_TRUE(rig.server.remove_socket(rig.now, TurnServerRig::listener));
  rig.settle();
  EXPECT_TRUE(is_closed(to_peer));
  EXPECT_TRUE(is_closed(to_client));
  EXPECT_EQ(rig.server.gauges().peer_connections, 0u);
}

TEST_F(ADataConnection, IsNotIdleHoweverSilent) {
  bound();
  for (int i = 0; i < 10; ++i) {
    rig.sleep(300s);
    ASSERT_EQ(client.refresh(), 0u);
  }
  EXPECT_FALSE(is_closed(to_client));
  EXPECT_EQ(from_peer("still there")->text(), "still there");
}

TEST_F(ADataConnection, IsForgottenByAServerThatCloses) {
  bound();
  rig.server.close(rig.now);
  rig.settle();
  EXPECT_TRUE(is_closed(to_peer));
  EXPECT_TRUE(is_closed(to_client));
  EXPECT_EQ(rig.server.gauges().peer_connections, 0u);
  EXPECT_FALSE(rig.server.next_timeout());
}

TEST_F(ADataConnection, LetsNothingOfAPeerWhoseTimeIsOverBeTakenForAClients) {
  wait_for_bind();
  rig.now += 31s;  // the timer is late
  EXPECT_FALSE(rig.give(test::binding_request().bytes(), to_peer, peer));
  EXPECT_TRUE(is_closed(to_peer));
}

// ---- flow control

TEST_F(ADataConnection, ReadsNothingForASideThatIsFull) {
  bound();
  rig.tell(SocketFlow{to_client, true});
  EXPECT_FALSE(rig.reads.at(to_peer)) << "the peer is to wait";
  EXPECT_FALSE(rig.reads.contains(to_client)) << "the other way goes on";
  EXPECT_TRUE(from_client("hello"));
  rig.tell(SocketFlow{to_client, false});
  EXPECT_TRUE(rig.reads.at(to_peer));
  rig.tell(SocketFlow{to_peer, true});
  EXPECT_FALSE(rig.reads.at(to_client));
  EXPECT_TRUE(rig.reads.at(to_peer));
  rig.tell(SocketFlow{to_peer, false});
  EXPECT_TRUE(rig.reads.at(to_client));
}

TEST_F(ADataConnection, DelaysWhatItsBandwidthDoesNotAllow) {
  TurnTcpRig slow{{.limits = {.bytes_per_second = 1000}}};
  slow.allocated();
  slow.connect_code(peer);
  const std::uint32_t id = slow.connected(to_peer);
  TurnTestClient data = slow.comes_by(to_client, data_address);
  ASSERT_EQ(slow.bind_code(data, id), 0u);
  const std::string burst(3000, 'x');
  EXPECT_EQ(slow.rig.give(bytes_of(burst), to_client, data_address)->text(), burst) << "none is lost";
  EXPECT_FALSE(slow.rig.reads.at(to_client));
  EXPECT_FALSE(slow.rig.reads.at(to_peer));
  slow.rig.sleep(2s - 1ms);
  EXPECT_FALSE(slow.rig.reads.at(to_client));
  slow.rig.sleep(1ms);
  EXPECT_TRUE(slow.rig.reads.at(to_client));
  EXPECT_TRUE(slow.rig.reads.at(to_peer));
}

TEST_F(ADataConnection, DoesNotReadAFullSideAfterARest) {
  TurnTcpRig slow{{.limits = {.bytes_per_second = 1000}}};
  slow.allocated();
  slow.connect_code(peer);
  const std::uint32_t id = slow.connected(to_peer);
  TurnTestClient data = slow.comes_by(to_client, data_address);
  ASSERT_EQ(slow.bind_code(data, id), 0u);
  slow.rig.give(bytes_of(std::string(3000, 'x')), to_client, data_address);
  slow.rig.tell(SocketFlow{to_peer, true});
  slow.rig.sleep(2s);
  EXPECT_FALSE(slow.rig.reads.at(to_client));
  EXPECT_TRUE(slow.rig.reads.at(to_peer));
}

TEST_F(ADataConnection, AllocatesNothingForWhatItCarries) {
  bound();
  const std::string data(1000, 'x');
  const test::Allocations allocations;
  for (int i = 0; i < 100; ++i) {
    const Received up = rig.server.handle_datagram(rig.now, {to_client, data_address, bytes_of(data), {}}, rig.scratch);
    ASSERT_TRUE(up.forward);
  }
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace ice::turn
