#include "turn/peer_policy.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using test::endpoint;
using test::TurnServerRig;
using test::TurnTestClient;

Address address(std::string_view text) {
  const auto parsed = Address::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Address{});
}
AddressRange range(std::string_view text) {
  const auto parsed = AddressRange::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(AddressRange{});
}

/// A peer that nobody may have, and what it is.
struct Forbidden {
  const char* name;
  const char* peer;
};
void PrintTo(const Forbidden& forbidden, std::ostream* out) { *out << forbidden.peer; }

class ForbiddenPeer : public testing::TestWithParam<Forbidden> {};

TEST_P(ForbiddenPeer, IsRefusedWith403) {
  TurnServerRig rig;
  // The server has addresses that are hidden in some of these spellings.
  ASSERT_TRUE(rig.server.add_socket({.socket = SocketId{60}, .local = endpoint("192.0.2.33:3478")}));
  TurnTestClient client{rig};
  client.allocated([](stun::Builder& b) { b.add<stun::attr::AdditionalAddressFamily>(Family::ipv6); });
  const Endpoint peer{address(GetParam().peer), 5000};
  EXPECT_EQ(client.permit(peer), 403u);
  EXPECT_EQ(client.bind(0x4000, peer), 403u);
  EXPECT_FALSE(client.send(peer, "hello"));
  EXPECT_EQ(rig.server.gauges().permissions, 0u);
  EXPECT_EQ(rig.server.counters().permissions_refused, 2u);
}

constexpr Forbidden forbidden_peers[] = {
    {"Loopback", "127.0.0.1"},
    {"LoopbackElsewhere", "127.255.3.4"},
    {"Unspecified", "0.0.0.0"},
    {"ThisNetwork", "0.1.2.3"},
    {"Private10", "10.1.2.3"},
    {"Private172", "172.31.255.254"},
    {"Private192", "192.168.0.1"},
    {"CarrierGradeNat", "100.127.1.1"},
    {"LinkLocal", "169.254.169.254"},
    {"ProtocolAssignments", "192.0.0.170"},
    {"SixToFourRelay", "192.88.99.1"},
    {"Benchmark", "198.19.0.1"},
    {"Multicast", "224.0.0.251"},
    {"MulticastAdministrative", "239.255.255.250"},
    {"Reserved", "240.0.0.1"},
    {"Broadcast", "255.255.255.255"},
    {"OwnAddress", "192.0.2.33"},
    {"Ipv6Loopback", "::1"},
    {"Ipv6Unspecified", "::"},
    {"Ipv6LinkLocal", "fe80::1"},
    {"Ipv6LinkLocalHigh", "febf::1"},
    {"Ipv6SiteLocal", "fec0::1"},
    {"Ipv6UniqueLocal", "fd12:3456::1"},
    {"Ipv6UniqueLocalLow", "fc00::1"},
    {"Ipv6Multicast", "ff02::1"},
    {"Ipv6Discard", "100::1"},
    {"Ipv6Benchmark", "2001:2::1"},
    {"Ipv6Segment", "5f00:1::1"},
    {"MappedLoopback", "::ffff:127.0.0.1"},
    {"MappedPrivate", "::ffff:10.0.0.1"},
    {"MappedPublic", "::ffff:203.0.113.7"},
    {"MappedOwnAddress", "::ffff:192.0.2.33"},
    {"CompatibleLoopback", "::127.0.0.1"},
    {"CompatiblePublic", "::203.0.113.7"},
    {"TranslatedLoopback", "::ffff:0:127.0.0.1"},
    {"Nat64Loopback", "64:ff9b::127.0.0.1"},
    {"Nat64Public", "64:ff9b::203.0.113.7"},
    {"Nat64OfANetworksOwn", "64:ff9b:1:a00:0:100::"},
    {"SixToFourLoopback", "2002:7f00:1::1"},
    {"SixToFourPrivate", "2002:c0a8:101::1"},
    {"SixToFourPublic", "2002:cb00:7107::1"},
    {"TeredoServerPrivate", "2001:0:a00:1:0:ffff:34ff:8ef8"},
    {"TeredoClientLoopback", "2001:0:cb00:7107:0:0:80ff:fffe"},
    {"TeredoPublic", "2001:0:cb00:7107:0:ffff:34ff:8ef8"},
    {"IsatapLoopback", "2001:db8:9::5efe:127.0.0.1"},
    {"IsatapPrivate", "2001:db8:9::5efe:10.0.0.1"},
    {"IsatapUniversalPrivate", "2001:db8:9:0:200:5efe:192.168.1.1"},
    {"IsatapOwnAddress", "2001:db8:9::5efe:192.0.2.33"},
};
static_assert(std::size(forbidden_peers) >= 24);

INSTANTIATE_TEST_SUITE_P(Spelling, ForbiddenPeer, testing::ValuesIn(forbidden_peers),
                         [](const auto& one) { return std::string{one.param.name}; });

class AllowedPeer : public testing::TestWithParam<const char*> {};

TEST_P(AllowedPeer, IsPermitted) {
  TurnServerRig rig;
  TurnTestClient client{rig};
  client.allocated([](stun::Builder& b) { b.add<stun::attr::AdditionalAddressFamily>(Family::ipv6); });
  EXPECT_EQ(client.permit({address(GetParam()), 0}), 0u) << GetParam();
}

// The neighbours of what is forbidden, so that no range is too wide.
INSTANTIATE_TEST_SUITE_P(Neighbour, AllowedPeer,
                         testing::Values("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                                         "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
                                         "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.88.98.0", "192.167.255.255",
                                         "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
                                         "64:ff9b:2::1", "2001:1::1", "2001:2:1::1", "2003::1", "5eff::1", "5f01::1",
                                         "2001:db8::1", "fbff::1", "2001:db8:9::5eff:127.0.0.1",
                                         "2001:db8:9::5efe:203.0.113.7"));

TEST(APeerPolicy, OpensWhatIsAllowed) {
  const PeerPolicy policy{{range("127.0.0.0/8"), range("fd00::/8")}, {}};
  EXPECT_EQ(policy.judge(address("127.0.0.1")), Reach::anywhere);
  EXPECT_EQ(policy.judge(address("fd00::1")), Reach::anywhere);
  EXPECT_EQ(policy.judge(address("10.0.0.1")), Reach::forbidden);
  EXPECT_EQ(policy.judge(address("::1")), Reach::forbidden);
}

TEST(APeerPolicy, OpensTheLoopbackOfIpv6ByItself) {
  const PeerPolicy policy{{range("::1")}, {}};
  EXPECT_EQ(policy.judge(address("::1")), Reach::anywhere);
  EXPECT_EQ(policy.judge(address("::2")), Reach::forbidden);
  EXPECT_EQ(policy.judge(address("127.0.0.1")), Reach::forbidden);
}

TEST(APeerPolicy, OpensNoTunnelByWhatIsInsideNorTheInsideByTheTunnel) {
  const PeerPolicy inside{{range("10.0.0.0/8")}, {}};
  EXPECT_EQ(inside.judge(address("::ffff:10.0.0.1")), Reach::forbidden);
  EXPECT_EQ(inside.judge(address("2002:a00:1::1")), Reach::forbidden);
  const PeerPolicy tunnel{{range("2002::/16"), range("2001::/32"), range("64:ff9b::/96"), range("64:ff9b:1::/48")}, {}};
  EXPECT_EQ(tunnel.judge(address("2002:a00:1::1")), Reach::forbidden);
  EXPECT_EQ(tunnel.judge(address("64:ff9b::10.0.0.1")), Reach::forbidden);
  EXPECT_EQ(tunnel.judge(address("2001:0:cb00:7107:0:0:f5ff:fffe")), Reach::forbidden) << "the client is 10.0.0.1";
  EXPECT_EQ(tunnel.judge(address("2001:0:a00:1:0:0:34ff:8ef8")), Reach::forbidden) << "the server is 10.0.0.1";
  EXPECT_EQ(tunnel.judge(address("2002:cb00:7107::1")), Reach::anywhere);
  EXPECT_EQ(tunnel.judge(address("64:ff9b::203.0.113.7")), Reach::anywhere);
  EXPECT_EQ(tunnel.judge(address("64:ff9b:1:a00:0:100::")), Reach::forbidden) << "10.0.0.1 behind 48 bits";
  EXPECT_EQ(tunnel.judge(address("64:ff9b:1:cb00:71:700::")), Reach::anywhere);
  EXPECT_EQ(tunnel.judge(address("64:ff9b:1::10.0.0.1")), Reach::forbidden) << "behind 96 bits";
  EXPECT_EQ(tunnel.judge(address("64:ff9b:1::203.0.113.7")), Reach::anywhere);
}

TEST(APeerPolicy, LearnsAddressesThatClientsComeToAndNotWithoutEnd) {
  PeerPolicy policy{{}, {}};
  const auto address_of = [](std::size_t i) {
    return Address::v4(203, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i));
  };
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < 256; ++i) policy.learn_own(address_of(i));
  for (std::size_t i = 0; i < 256; ++i) ASSERT_EQ(policy.judge(address_of(i)), Reach::forbidden) << i;
  policy.learn_own(address_of(256));
  EXPECT_EQ(policy.judge(address_of(256)), Reach::anywhere);
  policy.add_own(address_of(256));
  EXPECT_EQ(policy.judge(address_of(256)), Reach::forbidden) << "the owner may tell as many as there are";
}

TEST(ARelayOnAWildcardSocket, ForbidsTheAddressesThatItsClientsHaveComeTo) {
  TurnServerRig rig;
  constexpr SocketId wildcard{60};
  ASSERT_TRUE(rig.server.add_socket({.socket = wildcard, .local = endpoint("0.0.0.0:3479")}));
  const Address own = address("203.0.113.5");
  TurnTestClient other{rig};
  ASSERT_TRUE(other.allocated());
  EXPECT_EQ(other.permit({own, 0}), 0u) << "nobody has come there yet";
  TurnTestClient client{rig, endpoint("203.0.113.9:7"), wildcard};
  const auto allocate = [](stun::Builder& b) { b.add<stun::attr::RequestedTransport>(stun::IpProtocol::udp); };
  const test::Packet request = client.request(stun::Method::allocate, allocate);
  ASSERT_TRUE(rig.give(request.bytes(), wildcard, client.from, {.local = own}));
  EXPECT_EQ(other.permit({own, 0}), 403u);
}

TEST(APeerPolicy, RefusesWhatIsDeniedBeforeAll) {
  const PeerPolicy policy{{range("10.0.0.0/8")}, {range("10.9.0.0/16"), range("203.0.113.7")}};
  EXPECT_EQ(policy.judge(address("10.8.0.1")), Reach::anywhere);
  EXPECT_EQ(policy.judge(address("10.9.0.1")), Reach::forbidden);
  EXPECT_EQ(policy.judge(address("203.0.113.7")), Reach::forbidden);
  EXPECT_EQ(policy.judge(address("2001:db8::5efe:203.0.113.7")), Reach::forbidden);
}

TEST(APeerPolicy, KnowsTheAddressesOfItsHostAndOfItsRelays) {
  PeerPolicy policy{{range("192.0.2.1")}, {}};
  policy.add_own(address("192.0.2.1"));
  policy.add_own(address("192.0.2.2"));
  policy.add_own(Address::any(Family::ipv4));
  policy.add_relay(address("192.0.2.3"));
  EXPECT_EQ(policy.judge(address("192.0.2.1")), Reach::host_allowed);
  EXPECT_EQ(policy.judge(address("192.0.2.2")), Reach::forbidden);
  EXPECT_EQ(policy.judge(address("192.0.2.3")), Reach::relays_only);
  EXPECT_EQ(policy.judge(address("2001:db8::5efe:192.0.2.3")), Reach::forbidden) << "no relay is called so";
  EXPECT_TRUE(policy.is_relay(address("192.0.2.3")));
  EXPECT_FALSE(policy.is_relay(address("192.0.2.1")));
}

TEST(AnAddressRange, IsReadFromText) {
  EXPECT_EQ(range("10.0.0.0/8").to_string(), "10.0.0.0/8");
  EXPECT_EQ(range("10.1.2.3").to_string(), "10.1.2.3/32");
  EXPECT_EQ(range("2001:db8::/33").to_string(), "2001:db8::/33");
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/8x", "10.0.0/8", "::/129",
                          "fe80::1%2/64", "host/8", "10.0.0.0/-1"})
    EXPECT_FALSE(AddressRange::parse(bad)) << bad;
}

TEST(AnAddressRange, ContainsWhatSharesItsBits) {
  EXPECT_TRUE(range("0.0.0.0/0").contains(address("255.1.2.3")));
  EXPECT_FALSE(range("0.0.0.0/0").contains(address("::1")));
  EXPECT_FALSE(range("0.0.0.0/0").contains({}));
  EXPECT_TRUE(range("10.128.0.0/9").contains(address("10.255.0.1")));
  EXPECT_FALSE(range("10.128.0.0/9").contains(address("10.127.0.1")));
  EXPECT_TRUE(range("192.0.2.7").contains(address("192.0.2.7")));
  EXPECT_FALSE(range("192.0.2.7").contains(address("192.0.2.6")));
  EXPECT_TRUE(range("2001:db8:8000::/33").contains(address("2001:db8:ffff::1")));
  EXPECT_FALSE(range("2001:db8:8000::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE((AddressRange{Address::v4(1, 2, 3, 4), 200}.contains(address("1.2.3.5")))) << "more bits than there are";
}

}  // namespace
}  // namespace ice::turn
