// An allocation over a socket of its own: TCP, TLS, DTLS, and UDP where none is shared (RFC 8656 §3.1, §7.1).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::TurnClientRig;
using testing::ElementsAre;
using testing::IsEmpty;
namespace attr = stun::attr;

AllocationConfig over(Transport transport) {
  AllocationConfig config = TurnClientRig::config();
  config.transport = transport;
  config.socket.reset();
  config.tls_name = "turn.example.org";
  return config;
}

template <Transport transport>
struct AClientOver : testing::Test, TurnClientRig {
  AClientOver() : TurnClientRig{over(transport)} {}

  const OpenSocket& wanted() const { return std::get<OpenSocket>(socket_requests.back()); }
  std::size_t opened() const {
    return static_cast<std::size_t>(std::count_if(socket_requests.begin(), socket_requests.end(),
                                                  [](const auto& r) { return std::holds_alternative<OpenSocket>(r); }));
  }
  std::vector<SocketId> closed() const {
    std::vector<SocketId> result;
    for (const SocketRequest& request : socket_requests)
      if (const auto* const close = std::get_if<CloseSocket>(&request)) result.push_back(close->socket);
    return result;
  }
};
using AClientOverTcp = AClientOver<Transport::tcp>;
using AClientOverTls = AClientOver<Transport::tls>;
using AClientOverDtls = AClientOver<Transport::dtls>;
using AClientOverItsOwnUdp = AClientOver<Transport::udp>;

TEST_F(AClientOverTcp, ConnectsAndThenAsks) {
  allocate();
  EXPECT_EQ(allocation.state(), AllocationState::connecting);
  EXPECT_FALSE(allocation.socket());
  EXPECT_EQ(wanted().kind, OpenSocket::Kind::connect);
  EXPECT_EQ(wanted().transport, Transport::tcp);
  EXPECT_EQ(wanted().remote, configured.server);
  EXPECT_EQ(wanted().local, endpoint("0.0.0.0:0"));
  EXPECT_EQ(wanted().framing, Framing::stun);
  EXPECT_THAT(sent, IsEmpty());
  const SocketId socket = open();
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
  EXPECT_EQ(allocation.socket(), socket);
  EXPECT_EQ(sent[0].packet.socket, socket);
}

TEST_F(AClientOverTls, AsksForTheNameThatTheCertificateMustBear) {
  allocate();
  EXPECT_EQ(wanted().transport, Transport::tls);
  EXPECT_EQ(wanted().tls_name, "turn.example.org");
  EXPECT_EQ(wanted().framing, Framing::stun);
}

TEST_F(AClientOverDtls, HasDatagrams) {
  allocate();
  EXPECT_EQ(wanted().kind, OpenSocket::Kind::connect);
  EXPECT_EQ(wanted().framing, Framing::none);
  EXPECT_EQ(wanted().tls_name, "turn.example.org");
  server().alive = false;
  open();
  run_for(600ms);
  EXPECT_EQ(count(Method::allocate), 2u) << "and retransmits";
}

TEST_F(AClientOverItsOwnUdp, BindsWhereItIsTold) {
  AllocationConfig config = over(Transport::udp);
  config.local = *Address::parse("203.0.113.5");
  TurnClientRig rig{config};
  rig.allocate();
  const auto& request = std::get<OpenSocket>(rig.socket_requests.back());
  EXPECT_EQ(request.kind, OpenSocket::Kind::datagram);
  EXPECT_EQ(request.local, endpoint("203.0.113.5:0"));
  EXPECT_FALSE(request.remote);
  rig.open();
  EXPECT_EQ(rig.allocation.state(), AllocationState::allocated);
}

TEST_F(AClientOverTcp, SendsARequestOnceAndWaitsAsLongAsForMany) {  // RFC 8489 §6.2.2
  server().alive = false;
  allocate();
  open();
  run_for(39499ms);
  EXPECT_THAT(times(Method::allocate), ElementsAre(0ms));
  EXPECT_THAT(events, IsEmpty());
  run_for(1ms);
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::timed_out);
  EXPECT_THAT(closed(), ElementsAre(SocketId{100}));
}

TEST_F(AClientOverTcp, GivesUpOnAConnectionThatNobodyAnswers) {
  allocate();
  run_for(39500ms);
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::timed_out);
  open();
  EXPECT_THAT(closed(), ElementsAre(SocketId{100})) << "it came too late";
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(AClientOverTcp, SaysAtOnceThatItCannotConnect) {
  allocate();
  happen(SocketFailed{wanted().ticket, std::make_error_code(std::errc::connection_refused)});
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, std::errc::connection_refused);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
  happen(SocketFailed{SocketTicket{77}, std::make_error_code(std::errc::connection_refused)});
  EXPECT_EQ(told<AllocationFailed>().size(), 1u);
}

TEST_F(AClientOverTcp, PadsChannelDataToFourBytes) {  // RFC 8656 §12.5
  allocate();
  open();
  bind("198.51.100.1:9");
  const std::array<std::uint8_t, 5> payload{};
  const auto transmit = allocation.wrap(now, endpoint("198.51.100.1:9"), payload, scratch);
  EXPECT_EQ(transmit->padding, 3u);
  EXPECT_EQ(transmit->head[3], 5u) << "which its length does not count";
}

TEST_F(AClientOverTcp, TakesWhatComesOverItsConnectionAlone) {
  allocate();
  const SocketId socket = open();
  bind("198.51.100.1:9");
  const std::array<std::uint8_t, 4> empty{0x40, 0, 0, 0};
  EXPECT_TRUE(allocation.owns({socket, configured.server, empty, {}}));
  EXPECT_FALSE(allocation.owns({shared, configured.server, empty, {}}));
}

TEST_F(AClientOverTcp, ConnectsAgainAtOnceWhenTheConnectionIsLost) {
  allocate();
  const SocketId first = open();
  permit("198.51.100.1");
  server().has_allocation = false;
  happen(SocketClosed{first, std::make_error_code(std::errc::connection_reset)});
  EXPECT_EQ(told<AllocationLost>().at(0).why.error, std::errc::connection_reset);
  EXPECT_EQ(opened(), 2u);
  EXPECT_THAT(closed(), IsEmpty()) << "it is closed already";
  EXPECT_EQ(allocation.state(), AllocationState::connecting);
  happen(SocketFailed{wanted().ticket, std::make_error_code(std::errc::connection_refused)});
  EXPECT_EQ(told<AllocationFailed>().at(0).retry_at, now + 1s);
  run_for(1s);
  open();
  EXPECT_EQ(told<Allocated>().size(), 2u);
  EXPECT_EQ(told<PermissionGranted>().size(), 2u);
}

TEST_F(AClientOverTcp, SaysThatTheConnectionWasClosedInOrder) {
  allocate();
  happen(SocketClosed{open(), {}});
  EXPECT_EQ(told<AllocationLost>().at(0).why.error, errc::closed);
}

TEST_F(AClientOverTcp, FailsWhereTheConnectionIsClosedOnItsRequest) {
  server().alive = false;
  allocate();
  happen(SocketClosed{open(), {}});
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::closed);
  EXPECT_FALSE(told<AllocationFailed>().at(0).retry_at);
}

TEST_F(AClientOverTcp, TakesANewConnectionWhereTheServerNoLongerAnswers) {
  allocate();
  const SocketId first = open();
  server().alive = false;
  check();
  run_for(39500ms);
  EXPECT_EQ(told<AllocationLost>().at(0).why.error, errc::timed_out);
  EXPECT_THAT(closed(), ElementsAre(first));
  EXPECT_EQ(opened(), 2u);
}

TEST_F(AClientOverTcp, KeepsTheConnectionToAServerThatHasForgottenIt) {
  allocate();
  open();
  server().has_allocation = false;
  check();
  EXPECT_EQ(told<Allocated>().size(), 2u);
  EXPECT_EQ(opened(), 1u);
}

TEST_F(AClientOverTcp, TriesThreeConnectionsAfter437) {  // RFC 8656 §7.4
  server().refusals[Method::allocate] = {437, 437, 437, 437};
  allocate();
  open();
  open();
  open();
  EXPECT_EQ(told<AllocationFailed>().at(0).why.code, ErrorCode::allocation_mismatch);
  EXPECT_EQ(opened(), 3u);
  EXPECT_THAT(closed(), ElementsAre(SocketId{100}, SocketId{101}, SocketId{102}));
  EXPECT_EQ(count(Method::refresh), 0u);
}

TEST_F(AClientOverTls, FollowsARedirectionToANewConnectionAndAnotherName) {  // RFC 8489 §10
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) {
    b.add<attr::AlternateServer>(endpoint("192.0.2.2:5349")).add<attr::AlternateDomain>("other.example.org");
  };
  server("192.0.2.2:5349");
  allocate();
  const SocketId first = open();
  EXPECT_EQ(wanted().remote, endpoint("192.0.2.2:5349"));
  EXPECT_EQ(wanted().tls_name, "other.example.org");
  EXPECT_THAT(closed(), ElementsAre(first));
  open();
  EXPECT_EQ(told<Allocated>().at(0).server, endpoint("192.0.2.2:5349"));
}

TEST_F(AClientOverTcp, ClosesItsConnectionWhenReleased) {
  allocate();
  const SocketId socket = open();
  allocation.release(now);
  settle();
  EXPECT_THAT(closed(), ElementsAre(socket));
  EXPECT_FALSE(allocation.socket());
}

TEST_F(AClientOverTcp, ForgetsAConnectionThatWasAskedForWhenReleased) {
  allocate();
  allocation.release(now);
  settle();
  EXPECT_EQ(told<Released>().size(), 1u);
  open();
  EXPECT_THAT(closed(), ElementsAre(SocketId{100}));
}

struct AClientOnASharedSocket : testing::Test, TurnClientRig {};

TEST_F(AClientOnASharedSocket, NeverClosesIt) {
  allocate();
  allocation.release(now);
  settle();
  EXPECT_THAT(socket_requests, IsEmpty());
  EXPECT_EQ(allocation.socket(), shared);
}

TEST_F(AClientOnASharedSocket, IsAtItsEndWhenThatIsGone) {
  allocate();
  happen(SocketClosed{shared, std::make_error_code(std::errc::network_down)});
  EXPECT_EQ(told<AllocationLost>().at(0).why.error, std::errc::network_down);
  EXPECT_EQ(told<AllocationFailed>().size(), 1u);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
  EXPECT_FALSE(allocation.next_timeout());
  EXPECT_FALSE(told<AllocationFailed>().at(0).retry_at);
}

}  // namespace
}  // namespace ice::turn
