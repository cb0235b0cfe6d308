// What a server with two addresses and two ports does for NAT behaviour discovery (RFC 5780 §6).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "ice/stun/binding_server.hpp"
#include "support/allocations.hpp"
#include "support/stun_messages.hpp"

namespace ice::stun {
namespace {

using test::binding_request;
using test::endpoint;
using test::error_code_of;
using test::Packet;

const Endpoint client = endpoint("203.0.113.9:40000");
const std::array<Endpoint, 4> square = {endpoint("192.0.2.1:3478"), endpoint("192.0.2.1:3479"),
                                        endpoint("192.0.2.2:3478"), endpoint("192.0.2.2:3479")};
constexpr std::array<SocketId, 4> sockets = {SocketId{11}, SocketId{12}, SocketId{21}, SocketId{22}};

Packet ask(BindingServer& server, SocketId socket, const Packet& request, const Endpoint& from = client) {
  static std::array<std::uint8_t, scratch_size> scratch;
  const Received received = server.handle_datagram({}, {socket, from, request.bytes(), {}}, scratch);
  EXPECT_EQ(received.verdict, Verdict::forward);
  return received.forward ? Packet{*received.forward} : test::error_response({}, ErrorCode::server_error);
}

Packet change_request(bool ip, bool port) {
  return binding_request([&](Builder& b) { b.add<attr::ChangeRequest>({.change_ip = ip, .change_port = port}); });
}

struct ADiscoveryServer : testing::Test {
  ADiscoveryServer() {
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(server.add_socket({.socket = sockets[i], .local = square[i]}));
  }
  BindingServer server;
};

TEST_F(ADiscoveryServer, AnswersFromTheSocketOfTable1) {
  EXPECT_TRUE(server.discovers_nat_behavior(Family::ipv4));
  EXPECT_FALSE(server.discovers_nat_behavior(Family::ipv6));
  for (std::size_t asked = 0; asked < 4; ++asked) {
    for (const bool ip : {false, true}) {
      for (const bool port : {false, true}) {
        const std::size_t expected = asked ^ (ip ? 2U : 0U) ^ (port ? 1U : 0U);
        const Packet answer = ask(server, sockets[asked], change_request(ip, port));
        EXPECT_EQ(answer.socket, sockets[expected]) << asked << ip << port;
        EXPECT_EQ(answer.to, client);
        EXPECT_EQ(*answer.message().get<attr::ResponseOrigin>(), square[expected]);
        EXPECT_EQ(*answer.message().get<attr::OtherAddress>(), square[asked ^ 3U]) << "whatever the flags";
        EXPECT_EQ(*answer.message().get<attr::XorMappedAddress>(), client);
        EXPECT_EQ(*answer.message().get<attr::MappedAddress>(), client);
      }
    }
  }
}

TEST_F(ADiscoveryServer, TellsOfItselfWithoutBeingAsked) {  // RFC 5780 §6.1
  const Packet answer = ask(server, sockets[0], binding_request());
  EXPECT_EQ(answer.socket, sockets[0]);
  EXPECT_EQ(*answer.message().get<attr::ResponseOrigin>(), square[0]);
  EXPECT_EQ(*answer.message().get<attr::OtherAddress>(), square[3]);
  EXPECT_EQ(*answer.message().get<attr::MappedAddress>(), client);
}

TEST_F(ADiscoveryServer, AnswersToAnotherPortFromAnotherSocket) {
  const Packet answer = ask(server, sockets[0], binding_request([](Builder& b) {
                              b.add<attr::ChangeRequest>({.change_ip = true}).add<attr::ResponsePort>(std::uint16_t{7});
                            }));
  EXPECT_EQ(answer.socket, sockets[2]);
  EXPECT_EQ(answer.to, (Endpoint{client.address, 7}));
}

TEST_F(ADiscoveryServer, SendsErrorsFromTheSocketThatWasAsked) {
  const Packet answer = ask(server, sockets[0], binding_request([](Builder& b) {
                              b.add<attr::ChangeRequest>({.change_ip = true}).add_raw(AttributeType{0x7F01}, {});
                            }));
  EXPECT_EQ(error_code_of(answer.message()), 420u);
  EXPECT_EQ(answer.socket, sockets[0]);
}

TEST_F(ADiscoveryServer, RefusesABrokenChangeRequest) {
  const Packet answer =
      ask(server, sockets[0], binding_request([](Builder& b) { b.add_raw(attr::ChangeRequest::type, Bytes{}); }));
  EXPECT_EQ(error_code_of(answer.message()), 400u);
}

TEST_F(ADiscoveryServer, NamesNoSourceForWhatLeavesAnotherSocket) {
  const Packet request = change_request(true, true);
  std::array<std::uint8_t, scratch_size> scratch;
  const Received received =
      server.handle_datagram({}, {sockets[0], client, request.bytes(), {.local = square[0].address}}, scratch);
  EXPECT_FALSE(received.forward->ip.local);
}

TEST_F(ADiscoveryServer, AnswersAtMostAsLongAsItDocuments) {
  const Packet answer =
      ask(server, sockets[0], binding_request([](Builder& b) { b.fingerprint(); }), endpoint("[2001:db8::7]:5000"));
  EXPECT_LE(answer.bytes().size(), BindingServer::longest_response);
}

TEST_F(ADiscoveryServer, AllocatesNothingForARequest) {
  const Packet request = change_request(true, true);
  std::array<std::uint8_t, scratch_size> scratch;
  const test::Allocations allocations;
  EXPECT_EQ(server.handle_datagram({}, {sockets[0], client, request.bytes(), {}}, scratch).verdict, Verdict::forward);
  EXPECT_EQ(allocations.count(), 0u);
}

TEST_F(ADiscoveryServer, StopsWhenOneOfTheFourIsGone) {
  ASSERT_TRUE(server.remove_socket(sockets[3]));
  EXPECT_FALSE(server.discovers_nat_behavior(Family::ipv4));
  EXPECT_EQ(error_code_of(ask(server, sockets[0], change_request(true, true)).message()), 420u);
  EXPECT_FALSE(ask(server, sockets[0], binding_request()).message().has<attr::OtherAddress>());
  ASSERT_TRUE(server.add_socket({.socket = sockets[3], .local = square[3]}));
  EXPECT_TRUE(server.discovers_nat_behavior(Family::ipv4));
}

TEST_F(ADiscoveryServer, KeepsSocketsBesideTheSquareOutOfIt) {
  ASSERT_TRUE(server.add_socket({.socket = SocketId{31}, .local = endpoint("192.0.2.3:3478")}));
  ASSERT_TRUE(server.add_socket({.socket = SocketId{32}, .local = endpoint("192.0.2.3:3479")}));
  EXPECT_FALSE(ask(server, SocketId{31}, binding_request()).message().has<attr::OtherAddress>());
  EXPECT_EQ(*ask(server, sockets[0], binding_request()).message().get<attr::OtherAddress>(), square[3]);
}

TEST(BindingServer, NeedsTheSamePortsOnBothAddressesToDiscover) {  // RFC 5780 §6
  BindingServer server;
  const std::array<Endpoint, 4> skewed = {endpoint("192.0.2.1:3478"), endpoint("192.0.2.1:3479"),
                                          endpoint("192.0.2.2:3478"), endpoint("192.0.2.2:5000")};
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(server.add_socket({.socket = sockets[i], .local = skewed[i]}));
  EXPECT_FALSE(server.discovers_nat_behavior(Family::ipv4));
}

TEST(BindingServer, NeedsTwoAddressesThatClientsSeeToDiscover) {  // RFC 5780 §7.4
  BindingServer server;
  for (std::size_t i = 0; i < 4; ++i)
    ASSERT_TRUE(
        server.add_socket({.socket = sockets[i], .local = square[i], .external = Address::v4(198, 51, 100, 1)}));
  EXPECT_FALSE(server.discovers_nat_behavior(Family::ipv4));
}

TEST(BindingServer, CannotDiscoverOnWildcardsOrOverDtls) {
  BindingServer wildcards;
  BindingServer dtls;
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(wildcards.add_socket({.socket = sockets[i], .local = {Address::any(Family::ipv4), square[i].port}}));
    ASSERT_TRUE(dtls.add_socket({.socket = sockets[i], .local = square[i], .transport = Transport::dtls}));
  }
  EXPECT_FALSE(wildcards.discovers_nat_behavior(Family::ipv4));
  EXPECT_FALSE(dtls.discovers_nat_behavior(Family::ipv4));
}

TEST(BindingServer, NamesItselfAsClientsSeeItBehindA1To1Nat) {
  BindingServer server;
  for (std::size_t i = 0; i < 4; ++i)
    ASSERT_TRUE(server.add_socket({.socket = sockets[i],
                                   .local = square[i],
                                   .external = Address::v4(198, 51, 100, static_cast<std::uint8_t>(i < 2 ? 1 : 2))}));
  const Packet answer = ask(server, sockets[0], change_request(true, false));
  EXPECT_EQ(*answer.message().get<attr::ResponseOrigin>(), endpoint("198.51.100.2:3478"));
  EXPECT_EQ(*answer.message().get<attr::OtherAddress>(), endpoint("198.51.100.2:3479"));
}

TEST(BindingServer, NamesTheAddressThatWasAskedOnAWildcard) {
  BindingServer server;
  ASSERT_TRUE(server.add_socket({.socket = sockets[0], .local = {Address::any(Family::ipv4), 3478}}));
  const Packet request = binding_request([](Builder& b) { b.add<attr::Padding>(Bytes{}); });
  std::array<std::uint8_t, scratch_size> scratch;
  const Received received =
      server.handle_datagram({}, {sockets[0], client, request.bytes(), {.local = square[0].address}}, scratch);
  EXPECT_EQ(*Packet{*received.forward}.message().get<attr::ResponseOrigin>(), square[0]);
}

}  // namespace
}  // namespace ice::stun
