// RFC 8656 §7.2 and §8.2: how allocations begin, and how they end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Method;
using test::endpoint;
using test::Sent;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
const Endpoint peer = endpoint("203.0.113.77:5000");

struct ATurnServer : testing::Test {
  TurnServerRig rig;
  TurnTestClient client{rig};
};

TEST_F(ATurnServer, AllocatesAnAddressAndTellsWhere) {
  const auto answer = client.allocate(nothing);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->to, client.from);
  EXPECT_EQ(answer->socket, TurnServerRig::udp);
  const auto message = answer->message().authenticate(client.key());
  ASSERT_TRUE(message) << "signed with the client's key";
  EXPECT_TRUE(message->is(Method::allocate, stun::Class::success_response));
  const auto relayed = message->get<attr::XorRelayedAddress>();
  ASSERT_TRUE(relayed);
  EXPECT_EQ(relayed->address, rig.relay_v4);
  EXPECT_GE(relayed->port, 49152);
  EXPECT_EQ(*message->get<attr::XorMappedAddress>(), client.from);
  EXPECT_EQ(message->get<attr::Lifetime>()->count(), 600u);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  ASSERT_EQ(rig.events_of<AllocationOpened>().size(), 1u);
  EXPECT_EQ(rig.events_of<AllocationOpened>()[0].relayed_v4, *relayed);
  EXPECT_EQ(rig.events_of<AllocationOpened>()[0].user, "user");
}

TEST_F(ATurnServer, ChoosesRandomPorts) {  // RFC 8656 §7.2, RFC 6056
  std::set<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 20; ++i) {
    TurnTestClient one{rig, {client.from.address, static_cast<std::uint16_t>(1000 + i)}};
    ports.insert(one.allocated().port);
  }
  EXPECT_EQ(ports.size(), 20u);
  EXPECT_GT(*ports.rbegin() - *ports.begin(), 4000);
}

TEST_F(ATurnServer, AnswersARetransmittedAllocateWithTheSameAllocation) {
  const test::Packet request =
      client.request(Method::allocate, [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); });
  const auto first = rig.give(request.bytes(), client.socket, client.from);
  rig.now += 500ms;
  const auto second = rig.give(request.bytes(), client.socket, client.from);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->bytes, second->bytes);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(rig.server.counters().retransmissions, 1u);
}

TEST_F(ATurnServer, TellsAnotherUserWhoRepeatsATransactionIdNothing) {
  ASSERT_TRUE(rig.server.add_user("mallory", "other"));
  const auto allocate = [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); };
  TurnTestClient mallory{rig};
  mallory.name = "mallory";
  mallory.password = "other";
  mallory.learn_nonce();
  client.learn_nonce();
  const auto before = rig.random;
  ASSERT_TRUE(rig.give(client.request(Method::allocate, allocate).bytes(), client.socket, client.from));
  rig.random = before;
  const auto answer = rig.give(mallory.request(Method::allocate, allocate).bytes(), client.socket, client.from);
  ASSERT_TRUE(answer);
  EXPECT_EQ(test::error_code_of(answer->message()), 437u);
  EXPECT_TRUE(answer->message().authenticate(mallory.key()));
  EXPECT_EQ(rig.server.counters().retransmissions, 0u);
}

TEST_F(ATurnServer, AbsorbsRetransmissionsWhileTheRelaySocketIsBeingOpened) {
  rig.serves_sockets = false;
  const test::Packet request =
      client.request(Method::allocate, [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); });
  EXPECT_FALSE(rig.give(request.bytes(), client.socket, client.from));
  EXPECT_FALSE(rig.give(request.bytes(), client.socket, client.from));
  EXPECT_EQ(rig.verdict, Verdict::handled);
  EXPECT_EQ(rig.unserved.size(), 1u) << "one socket";
  rig.serve_all();
  EXPECT_EQ(rig.sent.size(), 1u) << "one answer";
}

TEST_F(ATurnServer, RefusesASecondAllocationOnOneFiveTuple) {
  client.allocated();
  EXPECT_EQ(client.allocate_code(nothing), 437u);
}

TEST_F(ATurnServer, TellsFiveTuplesApartByTheServersAddress) {  // on a wildcard socket
  client.allocated();
  const test::Packet request =
      client.request(Method::allocate, [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); });
  const Address other = Address::v4(198, 51, 100, 77);
  const auto answer = rig.give(request.bytes(), client.socket, client.from, {.local = other});
  ASSERT_TRUE(answer);
  EXPECT_EQ(test::error_code_of(answer->message()), 0u);
  EXPECT_EQ(answer->ip.local, other) << "answered from where it was asked";
  EXPECT_EQ(rig.server.gauges().allocations, 2u);
}

TEST_F(ATurnServer, WantsARequestedTransportItKnows) {
  EXPECT_EQ(client.code(Method::allocate, nothing), 400u);
  EXPECT_EQ(client.code(Method::allocate,
                        [](Builder& b) { b.add_raw(attr::RequestedTransport::type, std::array<std::uint8_t, 2>{17}); }),
            400u);
  EXPECT_EQ(client.code(Method::allocate,
                        [](Builder& b) { b.add<attr::RequestedTransport>(static_cast<stun::IpProtocol>(99)); }),
            442u);
}

TEST_F(ATurnServer, RefusesAttributesThatItDoesNotUnderstand) {
  const auto answer = client.allocate([](Builder& b) {
    b.add<attr::AccessToken>({}).add<attr::ChangeRequest>({}).add_raw(stun::AttributeType{0x7F01}, {});
  });
  ASSERT_TRUE(answer);
  EXPECT_THAT(test::unknown_attributes_of(answer->message()),
              testing::ElementsAre(attr::AccessToken::type, attr::ChangeRequest::type, stun::AttributeType{0x7F01}));
}

// ---- families

TEST_F(ATurnServer, AllocatesTheFamilyThatIsAskedFor) {
  EXPECT_EQ(client.allocated([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); }).address,
            rig.relay_v6);
}

TEST_F(ATurnServer, AllocatesBothFamiliesAtOnce) {  // §7.2 item 9
  const auto answer = client.allocate([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  ASSERT_TRUE(answer);
  std::vector<Address> relayed;
  for (const stun::RawAttribute raw : answer->message().attributes())
    if (raw.type == attr::XorRelayedAddress::type)
      relayed.push_back(attr::XorRelayedAddress::decode(raw.value, answer->message().header())->address);
  EXPECT_THAT(relayed, testing::ElementsAre(rig.relay_v4, rig.relay_v6));
  EXPECT_FALSE(answer->message().has<attr::AddressErrorCode>());
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
}

TEST(TurnServer, TellsWhichOfTwoFamiliesItDoesNotHave) {  // §7.2 items 7 and 9
  TurnServerRig rig{{}, {Family::ipv4}};
  TurnTestClient client{rig};
  EXPECT_EQ(client.allocate_code([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); }), 440u);
  const auto answer = client.allocate([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  ASSERT_TRUE(answer);
  const auto refused = answer->message().get<attr::AddressErrorCode>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->family, Family::ipv6);
  EXPECT_EQ(refused->error.code, stun::ErrorCode::address_family_not_supported);
  EXPECT_EQ(answer->message().get<attr::XorRelayedAddress>()->address, rig.relay_v4);
}

TEST(TurnServer, WithoutIpv4HasNothingForWhoAsksForNoFamily) {
  TurnServerRig rig{{}, {Family::ipv6}};
  TurnTestClient client{rig};
  EXPECT_EQ(client.allocate_code(nothing), 440u);
  EXPECT_EQ(client.allocated([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); }).address,
            rig.relay_v6);
}

TEST_F(ATurnServer, TellsWhichOfTwoSocketsItDidNotGet) {
  rig.refuses_family = Family::ipv6;
  const auto answer = client.allocate([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->message().get<attr::AddressErrorCode>()->error.code, stun::ErrorCode::insufficient_capacity);
}

TEST_F(ATurnServer, RefusesFamiliesThatContradictEachOther) {
  EXPECT_EQ(client.allocate_code([](Builder& b) {
    b.add<attr::RequestedAddressFamily>(Family::ipv4).add<attr::AdditionalAddressFamily>(Family::ipv6);
  }),
            400u);
  EXPECT_EQ(client.allocate_code([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv4); }), 400u);
  const std::array<std::uint8_t, 4> unknown{3, 0, 0, 0};
  EXPECT_EQ(client.allocate_code([&](Builder& b) { b.add_raw(attr::RequestedAddressFamily::type, unknown); }), 440u);
  EXPECT_EQ(client.allocate_code([&](Builder& b) { b.add_raw(attr::RequestedAddressFamily::type, {}); }), 400u);
}

// ---- ports

TEST_F(ATurnServer, AllocatesAnEvenPort) {
  for (std::uint16_t i = 0; i < 8; ++i) {
    TurnTestClient one{rig, {client.from.address, static_cast<std::uint16_t>(1000 + i)}};
    EXPECT_EQ(one.allocated([](Builder& b) { b.add<attr::EvenPort>({}); }).port % 2, 0);
  }
}

TEST_F(ATurnServer, KeepsTheNextPortForWhoBringsTheToken) {
  const auto answer = client.allocate([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
  ASSERT_TRUE(answer);
  const auto first = answer->message().get<attr::XorRelayedAddress>();
  const auto token = answer->message().get<attr::ReservationToken>();
  ASSERT_TRUE(first && token);
  EXPECT_EQ(first->port % 2, 0);
  EXPECT_EQ(rig.server.gauges().reservations, 1u);

  rig.sleep(29s);
  TurnTestClient second{rig, endpoint("203.0.113.10:777")};
  EXPECT_EQ(second.allocated([&](Builder& b) { b.add<attr::ReservationToken>(*token); }),
            (Endpoint{first->address, static_cast<std::uint16_t>(first->port + 1)}));
  EXPECT_EQ(rig.server.gauges().reservations, 0u);
  TurnTestClient third{rig, endpoint("203.0.113.11:777")};
  EXPECT_EQ(third.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(*token); }), 508u) << "used up";
}

TEST_F(ATurnServer, ForgetsAReservationAfterHalfAMinute) {
  const auto answer = client.allocate([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
  const auto token = *answer->message().get<attr::ReservationToken>();
  EXPECT_EQ(rig.open.size(), 2u);
  rig.sleep(30s);
  EXPECT_EQ(rig.open.size(), 1u) << "its socket is closed";
  TurnTestClient second{rig, endpoint("203.0.113.10:777")};
  EXPECT_EQ(second.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(token); }), 508u);
}

TEST_F(ATurnServer, RepeatsTheTokenInAnAnswerToARetransmission) {
  const test::Packet request = client.request(Method::allocate, [](Builder& b) {
    b.add<attr::RequestedTransport>(stun::IpProtocol::udp).add<attr::EvenPort>({.reserve_next = true});
  });
  const auto first = rig.give(request.bytes(), client.socket, client.from);
  const auto second = rig.give(request.bytes(), client.socket, client.from);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->bytes, second->bytes);
  EXPECT_TRUE(first->message().has<attr::ReservationToken>());
}

TEST_F(ATurnServer, RefusesATokenTogetherWithOtherWishes) {  // §7.2 item 5
  const std::array<std::uint8_t, 8> token{1, 2, 3};
  EXPECT_EQ(client.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(token).add<attr::EvenPort>({}); }),
            400u);
  EXPECT_EQ(client.allocate_code([&](Builder& b) {
    b.add<attr::ReservationToken>(token).add<attr::RequestedAddressFamily>(Family::ipv4);
  }),
            400u);
  EXPECT_EQ(client.allocate_code([&](Builder& b) {
    b.add<attr::ReservationToken>(token).add<attr::AdditionalAddressFamily>(Family::ipv6);
  }),
            400u);
  EXPECT_EQ(client.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(token); }), 508u) << "unknown";
  EXPECT_EQ(client.allocate_code([&](Builder& b) {
    b.add<attr::EvenPort>({.reserve_next = true}).add<attr::AdditionalAddressFamily>(Family::ipv6);
  }),
            400u)
      << "item 8";
}

TEST_F(ATurnServer, TriesAnotherPortWhereOneIsTaken) {
  rig.refused_sockets = 5;
  EXPECT_TRUE(client.allocated());
  EXPECT_EQ(rig.asked.size(), 6u);
}

TEST_F(ATurnServer, TriesAnotherPairWhereTheNextPortIsTaken) {
  rig.refuses_odd = 1;
  const auto answer = client.allocate([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->message().has<attr::ReservationToken>());
  EXPECT_EQ(rig.open.size(), 2u) << "the first one of the pair that was not to be had is closed again";
  EXPECT_EQ(rig.closed.size(), 1u);
}

TEST_F(ATurnServer, GivesUpWhereNoPortIsToBeHad) {
  rig.refused_sockets = 1000;
  EXPECT_EQ(client.allocate_code(nothing), 508u);
  EXPECT_LE(rig.asked.size(), 20u);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  rig.refused_sockets = 0;
  EXPECT_TRUE(client.allocated()) << "nothing of the failed one is left";
}

TEST_F(ATurnServer, GivesUpAtOnceWhereTheSystemHasNoSockets) {
  rig.refuses = make_error_code(std::errc::too_many_files_open);
  EXPECT_EQ(client.allocate_code(nothing), 508u);
  EXPECT_EQ(rig.asked.size(), 1u);
  EXPECT_EQ(rig.server.counters().allocations_refused, 1u);
}

TEST(TurnServer, KeepsToItsPorts) {
  TurnServerRig rig{{.relay_ports = {50000, 50003}}};
  std::set<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 4; ++i) {
    TurnTestClient one{rig, {Address::v4(203, 0, 113, 9), static_cast<std::uint16_t>(1000 + i)}};
    ports.insert(one.allocated().port);
  }
  EXPECT_THAT(ports, testing::ElementsAre(50000, 50001, 50002, 50003));
  TurnTestClient fifth{rig};
  EXPECT_EQ(fifth.allocate_code(nothing), 508u);
}

TEST(TurnServer, LetsTheSystemChoosePortsButNoEvenOnes) {
  TurnServerRig rig{{.relay_ports = {0, 0}}};
  TurnTestClient client{rig};
  EXPECT_EQ(client.allocate_code([](Builder& b) { b.add<attr::EvenPort>({}); }), 508u);
  EXPECT_TRUE(client.allocated());
  EXPECT_EQ(rig.asked.back().ports.first, 0);
}

TEST(TurnServer, TellsTheAddressThatPeersSee) {
  TurnServerRig rig{{}, {}};
  EXPECT_TRUE(rig.server.add_relay_address(Address::v4(10, 0, 0, 5), Address::v4(192, 0, 2, 5)));
  TurnTestClient client{rig};
  EXPECT_EQ(client.allocated().address, Address::v4(192, 0, 2, 5));
  EXPECT_EQ(rig.asked.back().local.address, Address::v4(10, 0, 0, 5));
}

TEST(TurnServer, TakesOneRelayAddressOfEachFamilyThatCanBeBound) {
  TurnServerRig rig{{}, {}};
  EXPECT_FALSE(rig.server.add_relay_address({}));
  EXPECT_FALSE(rig.server.add_relay_address(Address::any(Family::ipv4)));
  EXPECT_FALSE(rig.server.add_relay_address(rig.relay_v4, rig.relay_v6));
  EXPECT_TRUE(rig.server.add_relay_address(rig.relay_v4));
  EXPECT_FALSE(rig.server.add_relay_address(rig.relay_v4));
}

// ---- time

TEST_F(ATurnServer, GrantsALifetimeBetweenItsDefaultAndItsMaximum) {  // §7.2
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {{0, 600}, {30, 600}, {1200, 1200}, {100000, 3600}};
  for (std::uint16_t i = 0; const auto& [asked, granted] : cases) {
    TurnTestClient one{rig, {client.from.address, ++i}};
    const auto answer = one.allocate([asked = asked](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{asked}); });
    EXPECT_EQ(answer->message().get<attr::Lifetime>()->count(), granted);
  }
}

TEST_F(ATurnServer, EndsAnAllocationThatIsNotRefreshed) {
  client.allocated();
  rig.sleep(599s);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  rig.sleep(1s);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.open.size(), 0u);
  ASSERT_EQ(rig.events_of<AllocationClosed>().size(), 1u);
  EXPECT_EQ(rig.events_of<AllocationClosed>()[0].why, AllocationClosed::Why::expired);
  EXPECT_EQ(client.refresh(), 437u);
  EXPECT_EQ(rig.server.counters().allocations_expired, 1u);
}

/// An allocation with a channel and a reserved port, for whose end no timer fires: what comes then comes first.
struct ALateTimer : testing::Test {
  ALateTimer() {
    const auto answer = client.allocate([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
    token = *answer->message().get<attr::ReservationToken>();
    relay = rig.relay_socket(*answer->message().get<attr::XorRelayedAddress>());
  }
  unsigned claim_after(std::chrono::seconds time) {
    TurnTestClient claimant{rig, endpoint("203.0.113.10:1")};
    claimant.learn_nonce();
    rig.now += time;
    return claimant.allocate_code([&](Builder& b) { b.add<attr::ReservationToken>(token); });
  }
  /// With the permission refreshed in between, so that it is not that which ends.
  void wait_with_permission(std::chrono::seconds time) {
    rig.now += 400s;
    EXPECT_EQ(client.bind(0x4000, peer), 0u);
    rig.now += time - 400s;
  }

  TurnServerRig rig;
  TurnTestClient client{rig};
  std::array<std::uint8_t, 8> token{};
  SocketId relay{};
};

TEST_F(ALateTimer, LetsARequestComeTooLate) {
  rig.now += 600s;
  EXPECT_EQ(client.refresh(), 437u);
}

TEST_F(ALateTimer, LetsARequestComeInTimeToTheLastSecond) {
  rig.now += 599s;
  EXPECT_EQ(client.refresh(), 0u);
}

TEST_F(ALateTimer, LetsNoDataOfTheClientOutliveItsTime) {
  wait_with_permission(599s);
  EXPECT_TRUE(client.send_channel(0x4000, "hello"));
  rig.now += 1s;
  EXPECT_FALSE(client.send_channel(0x4000, "hello"));
  EXPECT_EQ(rig.server.counters().no_allocation, 1u);
}

TEST_F(ALateTimer, LetsNoDataOfPeersOutliveItsTime) {
  wait_with_permission(599s);
  EXPECT_TRUE(rig.give(bytes_of("hello"), relay, peer));
  rig.now += 1s;
  EXPECT_FALSE(rig.give(bytes_of("hello"), relay, peer));
  EXPECT_EQ(rig.server.counters().no_allocation, 1u);
}

TEST_F(ALateTimer, LetsATokenBeClaimedInTime) { EXPECT_EQ(claim_after(29s), 0u); }

TEST_F(ALateTimer, LetsNoTokenOutliveItsTime) { EXPECT_EQ(claim_after(30s), 508u); }

TEST_F(ATurnServer, TakesNoPeerForAClientWhereTheTimerOfARelayIsLate) {
  const SocketId relay = rig.relay_socket(client.allocated());
  rig.now += 600s;  // no handle_timeout
  TurnTestClient stranger{rig, peer, relay};
  EXPECT_FALSE(stranger.ask_unsigned(Method::allocate, nothing));
  EXPECT_EQ(rig.verdict, Verdict::handled);
  EXPECT_EQ(rig.server.counters().requests, 2u) << "the client's own, the challenge and the Allocate";
  EXPECT_EQ(rig.closed, std::vector{relay});
}

TEST_F(ATurnServer, KeepsAnAllocationThatIsRefreshed) {
  client.allocated();
  for (int i = 0; i < 5; ++i) {
    rig.sleep(500s);
    EXPECT_EQ(client.refresh(), 0u);
  }
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
}

TEST_F(ATurnServer, TellsTheLifetimeOfARefresh) {
  client.allocated();
  const auto answer = client.ask(Method::refresh, [](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{2000}); });
  EXPECT_EQ(answer->message().get<attr::Lifetime>()->count(), 2000u);
  rig.sleep(1999s);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  rig.sleep(1s);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
}

TEST_F(ATurnServer, ReleasesAnAllocationWithLifetimeZero) {
  client.allocated();
  const auto release = [](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); };
  const auto answer = client.ask(Method::refresh, release);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->message().get<attr::Lifetime>()->count(), 0u);
  EXPECT_TRUE(answer->message().authenticate(client.key()));
  EXPECT_EQ(rig.open.size(), 0u);
  EXPECT_EQ(rig.server.counters().allocations_released, 1u);
  EXPECT_EQ(client.refresh(release), 437u) << "retransmitted, §8.2";
  EXPECT_TRUE(client.allocated()) << "the 5-tuple is free again";
}

TEST_F(ATurnServer, RefreshesAndReleasesOneFamilyOfTwo) {  // §8.1
  client.allocated([](Builder& b) { b.add<attr::AdditionalAddressFamily>(Family::ipv6); });
  EXPECT_EQ(client.refresh([](Builder& b) {
    b.add<attr::RequestedAddressFamily>(Family::ipv4).add<attr::Lifetime>(stun::Seconds{0});
  }),
            0u);
  EXPECT_EQ(rig.open.size(), 1u);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(client.refresh([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv4); }), 443u);
  EXPECT_EQ(client.refresh([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); }), 0u);
  EXPECT_EQ(client.permit(peer), 443u);
}

TEST_F(ATurnServer, RefusesToRefreshAFamilyItDidNotAllocate) {  // §8.2
  client.allocated();
  EXPECT_EQ(client.refresh([](Builder& b) { b.add<attr::RequestedAddressFamily>(Family::ipv6); }), 443u);
}

TEST_F(ATurnServer, KnowsNoAllocationOnAnother5Tuple) {
  client.allocated();
  TurnTestClient other{rig, endpoint("203.0.113.9:40001")};
  EXPECT_EQ(other.refresh(), 437u);
  EXPECT_EQ(other.permit(peer), 437u);
  EXPECT_EQ(other.bind(0x4000, peer), 437u);
}

TEST_F(ATurnServer, LetsNoOtherUserTouchAnAllocation) {  // §5
  ASSERT_TRUE(rig.server.add_user("mallory", "secret"));
  client.allocated();
  TurnTestClient mallory{rig, client.from};
  mallory.name = "mallory";
  mallory.password = "secret";
  EXPECT_EQ(mallory.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); }), 441u);
  EXPECT_EQ(mallory.permit(peer), 441u);
  EXPECT_EQ(mallory.bind(0x4000, peer), 441u);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  EXPECT_EQ(rig.server.gauges().permissions, 0u);
}

// ---- the end

TEST_F(ATurnServer, RefusesNewAllocationsWhenItIsToStopAndServesTheOld) {
  client.allocated();
  rig.server.stop_accepting();
  TurnTestClient other{rig, endpoint("203.0.113.10:1")};
  EXPECT_EQ(other.allocate_code(nothing), 508u);
  EXPECT_EQ(client.refresh(), 0u);
  EXPECT_EQ(client.permit(peer), 0u);
}

TEST_F(ATurnServer, SendsNewClientsElsewhereWhenItIsToStop) {  // RFC 8489 §10
  const Endpoint elsewhere = endpoint("192.0.2.200:3478");
  rig.server.stop_accepting(elsewhere);
  const auto answer = client.allocate(nothing);
  ASSERT_TRUE(answer);
  EXPECT_EQ(test::error_code_of(answer->message()), 300u);
  EXPECT_EQ(*answer->message().get<attr::AlternateServer>(), elsewhere);
  EXPECT_TRUE(answer->message().authenticate(client.key()));
  TurnTestClient v6{rig, endpoint("[2001:db8::9]:1")};
  EXPECT_EQ(v6.allocate_code(nothing), 508u) << "an alternate of the other family is none";
}

TEST_F(ATurnServer, ClosesEverythingAtItsEnd) {
  client.allocated([](Builder& b) { b.add<attr::EvenPort>({.reserve_next = true}); });
  rig.server.close(rig.now);
  rig.settle();
  EXPECT_TRUE(rig.open.empty());
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.gauges().reservations, 0u);
  EXPECT_EQ(rig.server.gauges().users, 0u);
  EXPECT_FALSE(client.ask_unsigned(Method::allocate, nothing));
}

TEST_F(ATurnServer, EndsTheAllocationsOfAUserWhoIsRemoved) {
  client.allocated();
  rig.server.remove_user(rig.now, "user");
  rig.settle();
  EXPECT_TRUE(rig.open.empty());
  EXPECT_EQ(rig.events_of<AllocationClosed>()[0].why, AllocationClosed::Why::user_removed);
  EXPECT_EQ(client.allocate_code(nothing), 401u);
}

TEST_F(ATurnServer, EndsAnAllocationWhoseSocketsAreGone) {
  const Endpoint relayed = client.allocated();
  rig.tell(SocketClosed{rig.relay_socket(relayed), {}});
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.events_of<AllocationClosed>()[0].why, AllocationClosed::Why::relay_lost);

  client.allocated();
  EXPECT_TRUE(rig.server.remove_socket(rig.now, TurnServerRig::udp));
  rig.settle();
  EXPECT_TRUE(rig.open.empty());
}

TEST(TurnServer, ClosesARelaySocketThatComesTooLateAndHasItsPortBack) {
  TurnServerRig rig{{.relay_ports = {50000, 50000}}};
  rig.serves_sockets = false;
  TurnTestClient client{rig};
  client.allocate(nothing);
  rig.server.remove_user(rig.now, "user");
  rig.serve_all();
  EXPECT_TRUE(rig.open.empty());
  EXPECT_EQ(rig.closed.size(), 1u);
  ASSERT_TRUE(rig.server.add_user("user", "pass"));
  EXPECT_EQ(client.allocated().port, 50000);
}

}  // namespace
}  // namespace ice::turn
