// What a binding client can ask for the sake of NAT behaviour discovery (RFC 5780).

#include <gtest/gtest.h>

#include "ice/stun/binding_client.hpp"
#include "ice/stun/binding_server.hpp"
#include "support/stun_client_rig.hpp"

namespace ice::stun {
namespace {

using test::ClientRig;
using test::endpoint;
using test::Packet;
using Reply = ClientRig::Reply;

constexpr SocketId socket{1};
const Endpoint client_address = endpoint("203.0.113.9:40000");
const Endpoint primary = endpoint("192.0.2.1:3478");
const Endpoint opposite = endpoint("192.0.2.2:3479");

/// A client before a server with two addresses and two ports, without a NAT between.
struct ADiscoverer : testing::Test, ClientRig {
  ADiscoverer() {
    const std::array<Endpoint, 4> square = {primary, endpoint("192.0.2.1:3479"), endpoint("192.0.2.2:3478"), opposite};
    for (std::uint32_t i = 0; i < 4; ++i)
      EXPECT_TRUE(server.add_socket({.socket = SocketId{100 + i}, .local = square[i]}));
    answer = [this, square](const Packet& request) -> std::optional<Reply> {
      const auto at = std::find(square.begin(), square.end(), request.to);
      const SocketId asked{100 + static_cast<std::uint32_t>(at - square.begin())};
      const Received received = server.handle_datagram(now, {asked, client_address, request.bytes(), {}}, out);
      if (!received.forward) return std::nullopt;
      const Endpoint from = square[static_cast<std::uint32_t>(received.forward->socket) - 100];
      return Reply{Packet{*received.forward}, from, received.forward->to == client_address ? socket : SocketId{2}};
    };
  }

  BindingServer server;
  std::array<std::uint8_t, scratch_size> out{};
};

TEST_F(ADiscoverer, LearnsTheOtherAddressOfTheServer) {
  ask({.socket = socket, .server = primary});
  EXPECT_EQ(results.at(0).mapped, client_address);
  EXPECT_EQ(results.at(0).other_address, opposite);
  EXPECT_EQ(results.at(0).response_origin, primary);
}

TEST_F(ADiscoverer, TakesTheAnswerToChangeRequestFromWhereverItComes) {
  ask({.socket = socket, .server = primary, .change_request = ChangeRequest{.change_ip = true, .change_port = true}});
  EXPECT_FALSE(results.at(0).error);
  EXPECT_EQ(results.at(0).from, opposite);
  EXPECT_EQ(results.at(0).response_origin, opposite);
  EXPECT_EQ(results.at(0).server, primary);
}

TEST_F(ADiscoverer, TakesTheAnswerToResponsePortOnTheSocketItArrivesOn) {
  ask({.socket = socket, .server = primary, .response_port = 41000});
  EXPECT_FALSE(results.at(0).error);
  EXPECT_EQ(results.at(0).socket, SocketId{2});
  EXPECT_EQ(results.at(0).from, primary);
}

TEST_F(ADiscoverer, PadsARequestAndTellsOfThePaddingOfTheAnswer) {
  ask({.socket = socket, .server = primary, .padding = std::uint16_t{1000}});
  EXPECT_EQ(sent[0].packet.message().get<attr::Padding>()->size(), 1000u);
  EXPECT_EQ(results.at(0).padding, 1000);
}

TEST_F(ADiscoverer, FailsARequestWithMorePaddingThanFits) {
  ask({.socket = socket, .server = primary, .padding = std::uint16_t{0xFFFF}});
  EXPECT_EQ(results.at(0).error, errc::buffer_too_small);
}

TEST_F(ADiscoverer, IsToldWhereAServerCannotChange) {  // RFC 5780 §5: MUST be prepared to receive a 420
  ASSERT_TRUE(server.remove_socket(SocketId{103}));
  ask({.socket = socket, .server = primary, .change_request = ChangeRequest{.change_ip = true}});
  EXPECT_EQ(results.at(0).error, errc::server_refused);
  EXPECT_EQ(results.at(0).code, ErrorCode::unknown_attribute);
}

}  // namespace
}  // namespace ice::stun
