// DONT-FRAGMENT at a relay server, and what it tells of the MTU (RFC 8656 §7.2 item 4, §11.5, §13 to §15, §18.13).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using stun::Builder;
using stun::Method;
using test::endpoint;
using test::Sent;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

const Endpoint peer = endpoint("203.0.113.77:5000");
const Endpoint peer_v6 = endpoint("[2001:db8:9::7]:5000");
constexpr SocketId connection{500};

constexpr auto whole = [](Builder& b) { b.add<attr::DontFragment>(); };
constexpr auto whole_v6 = [](Builder& b) {
  b.add<attr::DontFragment>().add<attr::RequestedAddressFamily>(Family::ipv6);
};
constexpr auto v6 = [](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); };

struct DontFragment : testing::Test {
  explicit DontFragment(ServerConfig config = {}) : rig{std::move(config)} {
    rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, over_tcp.from});
  }

  std::optional<Sent> send_whole(TurnTestClient& from, const Endpoint& to, const IpMetadata& ip = {}) {
    const test::Packet packet = test::stun_message(
        stun::Class::indication, stun::TransactionId::random(rig.random),
        [&](Builder& b) {
          b.add<attr::XorPeerAddress>(to).add<attr::Data>(bytes_of("hello")).add<attr::DontFragment>();
        },
        Method::send);
    return rig.give(packet.bytes(), from.socket, from.from, ip);
  }
  static Fragmentation of(const std::optional<Sent>& sent) {
    EXPECT_TRUE(sent);
    return sent ? sent->ip.fragmentation : Fragmentation::unspecified;
  }

  TurnServerRig rig;
  TurnTestClient client{rig};
  TurnTestClient over_v6{rig, endpoint("[2001:db8::9]:40000")};
  TurnTestClient over_tcp{rig, endpoint("203.0.113.20:999"), connection};
};

TEST_F(DontFragment, IsTakenInAnAllocate) { EXPECT_EQ(client.allocate_code(whole), 0u); }

TEST_F(DontFragment, IsUnknownWhereIpv4IsToBeTranslatedSinceNobodyTellsWhatBitCame) {  // §3.7
  const auto answer = client.allocate(whole_v6);
  ASSERT_TRUE(answer);
  EXPECT_EQ(test::error_code_of(answer->message()), 420u);
  EXPECT_THAT(test::unknown_attributes_of(answer->message()), testing::ElementsAre(attr::DontFragment::type));
  EXPECT_EQ(client.allocate_code(
                [](Builder& b) { b.add<attr::DontFragment>().add<attr::AdditionalAddressFamily>(Family::ipv6); }),
            420u);
  EXPECT_EQ(over_v6.allocate_code(whole_v6), 0u);
  EXPECT_EQ(over_tcp.allocate_code(whole_v6), 0u) << "a stream has no such bit";
}

TEST_F(DontFragment, SetsTheBitOfThatDatagramAlone) {  // §14
  client.allocated();
  client.permit(peer);
  EXPECT_EQ(of(send_whole(client, peer)), Fragmentation::forbidden);
  EXPECT_EQ(of(client.send(peer, "hello")), Fragmentation::allowed);
  client.bind(0x4000, peer);
  EXPECT_EQ(of(client.send_channel(0x4000, "hello")), Fragmentation::allowed);
}

TEST_F(DontFragment, IsNotNeededWhereTheBitThatCameIsKnown) {  // §14
  const SocketId relay = rig.relay_socket(client.allocated());
  client.bind(0x4000, peer);
  const test::Packet packet = test::stun_message(
      stun::Class::indication, {{1}},
      [](Builder& b) { b.add<attr::XorPeerAddress>(peer).add<attr::Data>(bytes_of("hello")); }, Method::send);
  for (const Fragmentation bit : {Fragmentation::allowed, Fragmentation::forbidden}) {
    const IpMetadata ip{.fragmentation = bit};
    EXPECT_EQ(of(rig.give(packet.bytes(), client.socket, client.from, ip)), bit);
    EXPECT_EQ(of(rig.give(bytes_of("hello"), relay, peer, ip)), bit);
  }
  EXPECT_EQ(of(rig.give(bytes_of("hello"), relay, peer)), Fragmentation::allowed);
}

TEST_F(DontFragment, IsIgnoredFromAndToIpv6) {  // §13.1 to §13.3
  over_v6.allocated(v6);
  over_v6.permit(peer_v6);
  EXPECT_EQ(of(send_whole(over_v6, peer_v6)), Fragmentation::allowed);
  client.allocated(v6);
  client.permit(peer_v6);
  EXPECT_EQ(of(send_whole(client, peer_v6)), Fragmentation::allowed);
  TurnTestClient to_v4{rig, endpoint("[2001:db8::9]:40001")};
  to_v4.allocated();
  to_v4.permit(peer);
  EXPECT_EQ(of(send_whole(to_v4, peer)), Fragmentation::allowed);
}

TEST_F(DontFragment, CountsForBothFamiliesBehindAStream) {  // §15
  over_tcp.allocated([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  over_tcp.permit(peer);
  over_tcp.permit(peer_v6);
  EXPECT_EQ(of(send_whole(over_tcp, peer)), Fragmentation::forbidden);
  EXPECT_EQ(of(send_whole(over_tcp, peer_v6)), Fragmentation::forbidden);
  EXPECT_EQ(of(over_tcp.send(peer, "hello")), Fragmentation::allowed);
}

TEST_F(DontFragment, GoesOnToAnotherClientOfTheServer) {
  const Endpoint from = client.allocated();
  TurnTestClient bob{rig, endpoint("203.0.113.10:2")};
  const Endpoint bobs = bob.allocated();
  client.permit(bobs);
  bob.permit(from);
  const auto sent = send_whole(client, bobs);
  EXPECT_EQ(of(sent), Fragmentation::forbidden);
  EXPECT_EQ(sent->to, bob.from);
}

struct NoDontFragment : DontFragment {
  NoDontFragment() : DontFragment{{.dont_fragment = false}} {}
};

TEST_F(NoDontFragment, IsUnknownWhereTheDriverCannotSetTheBit) {  // §7.2 item 4, §11.2
  const auto answer = client.allocate(whole);
  ASSERT_TRUE(answer);
  EXPECT_EQ(test::error_code_of(answer->message()), 420u);
  EXPECT_THAT(test::unknown_attributes_of(answer->message()), testing::ElementsAre(attr::DontFragment::type));
  EXPECT_TRUE(answer->message().authenticate(client.key()));
  client.allocated();
  client.permit(peer);
  EXPECT_FALSE(send_whole(client, peer));
  EXPECT_EQ(rig.server.counters().bad_indications, 1u);
}

TEST_F(DontFragment, IsAnsweredWithTheMtuAndNothingElseIs) {  // §18.13
  const Endpoint relayed = client.allocated();
  client.permit(peer);
  TurnTestClient dual{rig, endpoint("203.0.113.9:2")};
  const Endpoint relayed_v6 = dual.allocated(v6);
  dual.permit(peer_v6);
  const auto told = [&](const Endpoint& where, const Endpoint& to, std::uint8_t type, std::uint8_t code) {
    rig.tell(SocketUnreachable{rig.relay_socket(where), to, type, code, 1280});
    return rig.sent.at(0).message().get<attr::Icmp>().value_or(stun::IcmpError{});
  };
  EXPECT_EQ(told(relayed, peer, 3, 4), (stun::IcmpError{3, 4, 1280}));
  EXPECT_EQ(told(relayed, peer, 3, 3), (stun::IcmpError{3, 3, 0}));
  EXPECT_EQ(told(relayed, peer, 11, 4), (stun::IcmpError{11, 4, 0}));
  EXPECT_EQ(told(relayed_v6, peer_v6, 2, 0), (stun::IcmpError{2, 0, 1280}));
  EXPECT_EQ(told(relayed_v6, peer_v6, 1, 4), (stun::IcmpError{1, 4, 0}));
}

}  // namespace
}  // namespace ice::turn
