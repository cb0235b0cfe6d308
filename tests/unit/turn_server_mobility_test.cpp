// RFC 8016 at the relay server: an allocation follows its client to another address.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
constexpr auto wants_ticket = [](Builder& b) { b.add<attr::MobilityTicket>({}); };
const Endpoint peer = endpoint("203.0.113.77:5000");

std::string ticket_in(const std::optional<Sent>& answer) {
  const auto ticket = answer ? answer->message().get<attr::MobilityTicket>() : result<Bytes>{fail(errc::bad_response)};
  return ticket ? std::string{text_of(*ticket)} : std::string{};
}

/// A client at home, who has a channel to a peer and a ticket, and the same client elsewhere.
struct AMobileClient : testing::Test {
  explicit AMobileClient(ServerConfig config = {}) : rig{std::move(config)} {
    const auto answer = home.allocate(wants_ticket);
    relayed = answer->message().get<attr::XorRelayedAddress>().value_or(Endpoint{});
    ticket = ticket_in(answer);
    home.bind(0x4000, peer);
  }

  std::optional<Sent> move(TurnTestClient& to) { return move(to, ticket); }
  std::optional<Sent> move(TurnTestClient& to, const std::string& with) {
    return to.ask(Method::refresh, [&](Builder& b) { b.add<attr::MobilityTicket>(bytes_of(with)); });
  }
  /// Where data of the peer goes.
  Endpoint delivered() { return rig.give(bytes_of("x"), rig.relay_socket(relayed), peer)->to; }

  TurnServerRig rig;
  TurnTestClient home{rig};
  TurnTestClient away{rig, endpoint("203.0.113.200:7")};
  Endpoint relayed;
  std::string ticket;
};

TEST_F(AMobileClient, GetsATicketWhereItAsksForOne) {  // §3.1.2
  EXPECT_FALSE(ticket.empty());
  TurnTestClient other{rig, endpoint("203.0.113.10:1")};
  EXPECT_TRUE(ticket_in(other.allocate(nothing)).empty());
  TurnTestClient wrong{rig, endpoint("203.0.113.11:1")};
  EXPECT_EQ(wrong.allocate_code([](Builder& b) { b.add<attr::MobilityTicket>(bytes_of("x")); }), 400u);
}

TEST_F(AMobileClient, TakesItsAllocationWithIt) {
  const auto moved = move(away);
  ASSERT_TRUE(moved);
  EXPECT_EQ(error_code_of(moved->message()), 0u);
  EXPECT_EQ(moved->message().get<attr::Lifetime>()->count(), 600u);
  EXPECT_NE(ticket_in(moved), ticket) << "the new ticket is another one";
  EXPECT_EQ(delivered(), home.from) << "until data comes from the new place";
  EXPECT_TRUE(home.send_channel(0x4000, "x"));
  EXPECT_TRUE(away.send_channel(0x4000, "x")) << "channels are kept";
  EXPECT_EQ(delivered(), away.from);
  EXPECT_FALSE(home.send_channel(0x4000, "x")) << "that was its end at the old place";
  EXPECT_EQ(home.refresh(), 437u);
  EXPECT_EQ(away.refresh(), 0u);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(rig.server.counters().allocations_moved, 1u);
}

TEST_F(AMobileClient, MovesOnWithItsNewTicketAlone) {
  const std::string second = ticket_in(move(away));
  away.send_channel(0x4000, "x");
  TurnTestClient further{rig, endpoint("[2001:db8::9]:9")};
  EXPECT_EQ(error_code_of(move(further, ticket)->message()), 400u) << "the old one is used up";
  EXPECT_EQ(error_code_of(move(further, second)->message()), 0u);
  further.send_channel(0x4000, "x");
  EXPECT_EQ(delivered(), further.from) << "over the other family, too";
}

TEST_F(AMobileClient, MayMoveAgainBeforeItHasArrived) {
  const std::string second = ticket_in(move(away));
  TurnTestClient further{rig, endpoint("203.0.113.201:7")};
  EXPECT_EQ(error_code_of(move(further, second)->message()), 0u);
  EXPECT_FALSE(away.send_channel(0x4000, "x")) << "nobody is there any more";
  EXPECT_TRUE(home.send_channel(0x4000, "x"));
  EXPECT_TRUE(further.send_channel(0x4000, "x"));
  EXPECT_EQ(delivered(), further.from);
}

TEST_F(AMobileClient, GetsTheSameAnswerToARetransmission) {  // §3.2.2, the last paragraph
  const test::Packet request =
      away.request(Method::refresh, [&](Builder& b) { b.add<attr::MobilityTicket>(bytes_of(ticket)); });
  const auto first = rig.give(request.bytes(), away.socket, away.from);
  rig.now += 20s;
  const auto second = rig.give(request.bytes(), away.socket, away.from);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->bytes, second->bytes);
  EXPECT_EQ(rig.server.counters().allocations_moved, 1u);
}

TEST_F(AMobileClient, MayNotMoveToWhereItIs) {
  EXPECT_EQ(error_code_of(move(home)->message()), 400u);
  const std::string second = ticket_in(move(away));
  EXPECT_EQ(error_code_of(move(away, second)->message()), 400u);
  TurnTestClient settled{rig, endpoint("203.0.113.10:1")};
  settled.allocated();
  EXPECT_EQ(error_code_of(move(settled, second)->message()), 400u) << "there is another allocation";
}

TEST_F(AMobileClient, IsAskedForItsPasswordWhereverItIs) {
  EXPECT_EQ(error_code_of(
                away.ask_unsigned(Method::refresh, [&](Builder& b) { b.add<attr::MobilityTicket>(bytes_of(ticket)); })
                    ->message()),
            401u);
  ASSERT_TRUE(rig.server.add_user("mallory", "secret"));
  away.name = "mallory";
  away.password = "secret";
  EXPECT_EQ(error_code_of(move(away)->message()), 441u) << "a ticket that was listened to is worth nothing";
  away.password = "guessed";
  EXPECT_EQ(error_code_of(move(away)->message()), 401u);
  EXPECT_EQ(delivered(), home.from);
}

TEST_F(AMobileClient, NeedsATicketThatIsOne) {
  EXPECT_EQ(error_code_of(move(away, std::string(16, 'x'))->message()), 400u);
  EXPECT_EQ(error_code_of(move(away, "short")->message()), 400u);
  EXPECT_EQ(error_code_of(move(away, "")->message()), 400u);
  home.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); });
  EXPECT_EQ(error_code_of(move(away)->message()), 400u) << "its allocation is gone";
}

TEST_F(AMobileClient, MaySayFarewellFromElsewhere) {
  const auto answer = away.ask(Method::refresh, [&](Builder& b) {
    b.add<attr::MobilityTicket>(bytes_of(ticket)).add<attr::Lifetime>(stun::Seconds{0});
  });
  EXPECT_EQ(error_code_of(answer->message()), 0u);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.gauges().users, 0u);
  EXPECT_TRUE(rig.open.empty());
}

TEST_F(AMobileClient, LosesItsAllocationWithTheOldPlaceUnlessItIsMoving) {
  constexpr SocketId first{500}, second{501};
  rig.tell(SocketAccepted{TurnServerRig::listener, first, rig.listen, endpoint("203.0.113.20:1")});
  rig.tell(SocketAccepted{TurnServerRig::listener, second, rig.listen, endpoint("203.0.113.21:1")});
  TurnTestClient at_first{rig, endpoint("203.0.113.20:1"), first}, at_second{rig, endpoint("203.0.113.21:1"), second};
  const std::string good = ticket_in(at_first.allocate(wants_ticket));
  EXPECT_EQ(error_code_of(move(at_second, good)->message()), 0u);
  rig.tell(SocketClosed{first, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 2u) << "break before make";
  EXPECT_EQ(at_second.refresh(), 0u);
  rig.tell(SocketClosed{second, {}});
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(rig.server.gauges().connections, 0u);
}

TEST_F(AMobileClient, StaysWhereItWasWhenTheNewPlaceIsGone) {
  constexpr SocketId stream{500};
  rig.tell(SocketAccepted{TurnServerRig::listener, stream, rig.listen, endpoint("203.0.113.20:1")});
  TurnTestClient over_tcp{rig, endpoint("203.0.113.20:1"), stream};
  EXPECT_EQ(error_code_of(move(over_tcp)->message()), 0u);
  rig.tell(SocketClosed{stream, {}});
  EXPECT_EQ(delivered(), home.from);
  EXPECT_EQ(home.refresh(), 0u);
}

TEST_F(AMobileClient, GetsItsDataAsItsNewTransportWantsIt) {
  constexpr SocketId stream{500};
  rig.tell(SocketAccepted{TurnServerRig::listener, stream, rig.listen, endpoint("203.0.113.20:1")});
  TurnTestClient over_tcp{rig, endpoint("203.0.113.20:1"), stream};
  move(over_tcp);
  over_tcp.send_channel(0x4000, "x");
  EXPECT_EQ(rig.give(bytes_of("x"), rig.relay_socket(relayed), peer)->bytes.size(), 8u) << "padded";
}

TEST_F(AMobileClient, LeavesNothingBehindAtEitherPlace) {
  move(away);
  rig.sleep(600s);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.gauges().users, 0u);
  EXPECT_TRUE(away.allocated()) << "neither place is taken";
  EXPECT_TRUE(home.allocated());
}

TEST(TurnServer, ForbidsMovesWhereItIsConfiguredSo) {  // 405
  TurnServerRig rig{{.mobility = false}};
  TurnTestClient client{rig};
  EXPECT_EQ(client.allocate_code(wants_ticket), 405u);
  client.allocated();
  TurnTestClient away{rig, endpoint("203.0.113.200:7")};
  EXPECT_EQ(away.refresh([](Builder& b) { b.add<attr::MobilityTicket>(bytes_of("0123456789abcdef")); }), 405u);
}

TEST(TurnServer, LetsAClientMoveWhoseNameHasExpired) {
  TurnServerRig rig;
  rig.server.set_secrets({"secret"});
  rig.server.set_unix_time(rig.now, 1'700'000'000s);
  const auto login = make_shared_secret_login("secret", "alice", 1'700'000'010s);
  TurnTestClient home{rig}, away{rig, endpoint("203.0.113.200:7")};
  home.name = away.name = login->username();
  home.password = away.password = login->password();
  const std::string ticket = ticket_in(home.allocate(wants_ticket));
  rig.sleep(100s);
  EXPECT_EQ(away.refresh([&](Builder& b) { b.add<attr::MobilityTicket>(bytes_of(ticket)); }), 0u);
}

}  // namespace
}  // namespace ice::turn
