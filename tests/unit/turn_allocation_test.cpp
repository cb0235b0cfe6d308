// How a client gets an allocation, keeps it and gives it back (RFC 8656 §6 to §8).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Class;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::TurnClientRig;
using testing::ElementsAre;
using testing::IsEmpty;
namespace attr = stun::attr;

struct AnAllocation : testing::Test, TurnClientRig {
  using TurnClientRig::TurnClientRig;
};

TEST_F(AnAllocation, DoesNothingUntilItIsAskedTo) {
  settle();
  EXPECT_THAT(sent, IsEmpty());
  EXPECT_FALSE(allocation.next_timeout());
  EXPECT_EQ(allocation.state(), AllocationState::idle);
  EXPECT_FALSE(allocation.relayed(Family::ipv4));
}

TEST_F(AnAllocation, IsMadeInTwoRoundTrips) {
  allocate();
  ASSERT_EQ(sent.size(), 2u) << "RFC 8489 §9.2.3.1: the first without credentials";
  EXPECT_EQ(sent[0].packet.socket, shared);
  EXPECT_EQ(sent[0].packet.to, configured.server);
  const auto first = sent[0].packet.message();
  EXPECT_TRUE(first.is(Method::allocate, Class::request));
  EXPECT_EQ(*first.get<attr::RequestedTransport>(), stun::IpProtocol::udp);
  EXPECT_EQ(first.integrity(), stun::Integrity::none);
  EXPECT_FALSE(first.has<attr::RequestedAddressFamily>());
  const auto second = sent[1].packet.message();
  EXPECT_EQ(second.integrity(), stun::Integrity::sha256);
  EXPECT_NE(first.transaction_id(), second.transaction_id());

  ASSERT_EQ(events.size(), 1u);
  const auto& what = std::get<Allocated>(events[0]);
  EXPECT_EQ(what.relayed, endpoint("192.0.2.15:50000"));
  EXPECT_FALSE(what.relayed_other);
  EXPECT_EQ(what.mapped, endpoint("203.0.113.9:40000"));
  EXPECT_EQ(what.server, configured.server);
  EXPECT_EQ(what.lifetime, 600s);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
  EXPECT_EQ(allocation.relayed(Family::ipv4), what.relayed);
  EXPECT_FALSE(allocation.relayed(Family::ipv6));
  EXPECT_EQ(allocation.mapped(), what.mapped);
}

TEST_F(AnAllocation, IsMadeByAServerOfRfc5766Too) {
  server().auth.modern = false;
  allocate();
  EXPECT_EQ(told<Allocated>().size(), 1u);
  EXPECT_EQ(last(Method::allocate).packet.message().integrity(), stun::Integrity::sha1);
}

TEST_F(AnAllocation, IsRefreshedAMinuteBeforeItExpires) {  // RFC 8656 §8
  allocate();
  forget_sent();
  run_until(TimePoint{} + 1200s);
  EXPECT_THAT(times(Method::refresh), ElementsAre(540s, 1080s));
  EXPECT_FALSE(last(Method::refresh).packet.message().has<attr::Lifetime>());
  EXPECT_EQ(allocation.report(now).expires_at, TimePoint{} + 1680s);
  EXPECT_EQ(events.size(), 1u) << "and nobody has to know";
}

TEST_F(AnAllocation, BelievesTheLifetimeThatTheServerSays) {  // §7.3
  server().lifetime = stun::Seconds{3600};
  allocate();
  server().lifetime = stun::Seconds{40};
  forget_sent();
  run_until(TimePoint{} + 3560s);
  EXPECT_THAT(times(Method::refresh), ElementsAre(3540s, 3560s)) << "a short one is refreshed in its middle";
}

struct AnAllocationOfWishes : testing::Test {
  static AllocationConfig with(auto change) {
    AllocationConfig config = TurnClientRig::config();
    change(config);
    return config;
  }
  /// The Allocate that is sent for this config.
  static test::Packet asked(auto change) {
    TurnClientRig rig{with(change)};
    rig.allocate();
    return rig.sent.front().packet;
  }
};

TEST_F(AnAllocationOfWishes, AsksForWhatIsWanted) {  // §7.1
  EXPECT_EQ(*asked([](auto& c) { c.family = RequestedFamily::ipv4; }).message().get<attr::RequestedAddressFamily>(),
            Family::ipv4);
  EXPECT_EQ(*asked([](auto& c) { c.family = RequestedFamily::ipv6; }).message().get<attr::RequestedAddressFamily>(),
            Family::ipv6);
  const auto both = asked([](auto& c) { c.family = RequestedFamily::both; });
  EXPECT_EQ(*both.message().get<attr::AdditionalAddressFamily>(), Family::ipv6);
  EXPECT_FALSE(both.message().has<attr::RequestedAddressFamily>());
  const auto even = asked([](auto& c) { c.even_port = stun::EvenPort{true}; });
  EXPECT_TRUE(even.message().get<attr::EvenPort>()->reserve_next);
  const ReservationToken token{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(*asked([&](auto& c) { c.reservation_token = token; }).message().get<attr::ReservationToken>(), token);
  EXPECT_TRUE(asked([](auto& c) { c.dont_fragment = true; }).message().has<attr::DontFragment>());
  EXPECT_EQ(*asked([](auto& c) { c.lifetime = stun::Seconds{3600}; }).message().get<attr::Lifetime>(),
            stun::Seconds{3600});
  EXPECT_EQ(*asked([](auto& c) { c.software = "test"; }).message().get<attr::Software>(), "test");
}

TEST_F(AnAllocationOfWishes, IsNotAskedForWhereTheyContradictEachOther) {  // §7.1
  const auto refused = [](auto change) {
    TurnClientRig rig{with(change)};
    return rig.allocation.allocate(rig.now).has_value() ? std::error_code{} : make_error_code(errc::invalid_argument);
  };
  const ReservationToken token{};
  EXPECT_EQ(refused([](auto& c) { c.server = {}; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& c) { c.server.port = 0; }), errc::invalid_argument);
  EXPECT_EQ(refused([&](auto& c) { c.reservation_token = token, c.family = RequestedFamily::ipv6; }),
            errc::invalid_argument);
  EXPECT_EQ(refused([&](auto& c) { c.reservation_token = token, c.even_port = stun::EvenPort{}; }),
            errc::invalid_argument);
  EXPECT_EQ(refused([](auto& c) { c.family = RequestedFamily::both, c.even_port = stun::EvenPort{true}; }),
            errc::invalid_argument);
  EXPECT_FALSE(refused([](auto& c) { c.family = RequestedFamily::both, c.even_port = stun::EvenPort{false}; }));
}

struct ADualAllocation : testing::Test, TurnClientRig {
  ADualAllocation() : TurnClientRig{AnAllocationOfWishes::with([](auto& c) { c.family = RequestedFamily::both; })} {
    server().relayed = {endpoint("192.0.2.15:50000"), endpoint("[2001:db8::15]:50002")};
  }
};

TEST_F(ADualAllocation, HasAnAddressOfEachFamily) {
  allocate();
  EXPECT_EQ(allocation.relayed(Family::ipv4), endpoint("192.0.2.15:50000"));
  EXPECT_EQ(allocation.relayed(Family::ipv6), endpoint("[2001:db8::15]:50002"));
  permit("198.51.100.1");
  permit("2001:db8::1");
  EXPECT_EQ(told<PermissionGranted>().size(), 2u);
}

TEST_F(ADualAllocation, TakesOneFamilyWhereTheOtherIsRefused) {  // §7.3
  server().relayed.pop_back();
  server().add_to_allocate = [](stun::Builder& b) {
    b.add<attr::AddressErrorCode>({Family::ipv6, {ErrorCode::address_family_not_supported, {}}});
  };
  ASSERT_TRUE(allocation.permit(now, *Address::parse("2001:db8::1")));
  ASSERT_TRUE(allocation.bind_channel(now, endpoint("[2001:db8::2]:1")));
  ASSERT_TRUE(allocation.permit(now, *Address::parse("198.51.100.1")));
  allocate();
  const auto what = told<Allocated>().at(0);
  ASSERT_TRUE(what.refused);
  EXPECT_EQ(what.refused->family, Family::ipv6);
  EXPECT_EQ(what.refused->error.code, ErrorCode::address_family_not_supported);
  EXPECT_EQ(told<PermissionRefused>().size(), 2u) << "those of the family it does not have";
  EXPECT_EQ(told<PermissionRefused>().at(0).why.code, ErrorCode::peer_address_family_mismatch);
  EXPECT_EQ(told<ChannelRefused>().at(0).peer, endpoint("[2001:db8::2]:1"));
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
  EXPECT_EQ(allocation.permit(now, *Address::parse("2001:db8::1")).error(), errc::unsupported);
  EXPECT_EQ(allocation.bind_channel(now, endpoint("[2001:db8::2]:1")).error(), errc::unsupported);
}

TEST_F(ADualAllocation, CannotBeTwoAddressesOfOneFamily) {  // §7.3: what we cannot handle is deleted
  server().relayed.back() = endpoint("192.0.2.16:50002");
  allocate();
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::bad_response);
  EXPECT_EQ(*last(Method::refresh).packet.message().get<attr::Lifetime>(), stun::Seconds{0});
  EXPECT_FALSE(server().has_allocation);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
}

TEST_F(AnAllocation, OfAnotherFamilyThanWantedIsDeletedAndNotAskedForAgain) {  // §7.3
  server().relayed = {endpoint("[2001:db8::15]:50000")};
  allocate();
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::bad_response);
  EXPECT_FALSE(server().has_allocation);
  run_for(1h);
  EXPECT_EQ(count(Method::allocate), 2u);
  EXPECT_EQ(events.size(), 1u);
}

TEST_F(AnAllocation, WithoutAddressOrLifetimeIsNone) {
  server().relayed.clear();
  allocate();
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::bad_response);
  server().has_allocation = false;
  server().relayed = {endpoint("192.0.2.15:50000")};
  server().lifetime = stun::Seconds{0};
  allocate();
  EXPECT_EQ(told<AllocationFailed>().at(1).why.error, errc::bad_response);
}

TEST_F(AnAllocation, TellsTheReservationToken) {
  server().add_to_allocate = [](stun::Builder& b) { b.add<attr::ReservationToken>({8, 7, 6, 5, 4, 3, 2, 1}); };
  allocate();
  EXPECT_EQ(told<Allocated>().at(0).reservation_token, (ReservationToken{8, 7, 6, 5, 4, 3, 2, 1}));
}

// --- the end

TEST_F(AnAllocation, IsGivenBackWithALifetimeOfZero) {  // §8.1
  allocate();
  permit("198.51.100.1");
  allocation.release(now);
  settle();
  EXPECT_EQ(*last(Method::refresh).packet.message().get<attr::Lifetime>(), stun::Seconds{0});
  EXPECT_FALSE(server().has_allocation);
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_EQ(allocation.state(), AllocationState::released);
  EXPECT_FALSE(allocation.relayed(Family::ipv4));
  EXPECT_FALSE(allocation.permitted(now, *Address::parse("198.51.100.1")));
  EXPECT_FALSE(allocation.next_timeout());
}

TEST_F(AnAllocation, IsReleasedAlsoWhereTheServerDoesNotKnowItAnyMore) {  // §8.3
  allocate();
  server().has_allocation = false;
  allocation.release(now);
  settle();
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(AnAllocation, IsReleasedAlsoWhereNobodyAnswers) {
  allocate();
  server().alive = false;
  allocation.release(now);
  settle();
  EXPECT_EQ(allocation.state(), AllocationState::releasing);
  run_for(40s);
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_FALSE(allocation.next_timeout());
}

TEST_F(AnAllocation, ThatWasAskedForIsGivenBackWhenItComesTooLate) {
  server().alive = false;
  allocate();
  receive(server().auth.challenge(sent.back().packet.message(), ErrorCode::unauthenticated));
  ASSERT_EQ(sent.size(), 2u);
  allocation.release(now);
  settle();
  EXPECT_EQ(allocation.state(), AllocationState::releasing);
  server().alive = true;
  run_for(1s);
  EXPECT_EQ(count(Method::allocate), 3u) << "the retransmission is answered";
  EXPECT_FALSE(server().has_allocation);
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_THAT(told<Allocated>(), IsEmpty());
}

TEST_F(AnAllocation, ThatWasNeverAskedForNeedsNoRelease) {
  allocation.release(now);
  settle();
  EXPECT_THAT(events, IsEmpty());
  ASSERT_TRUE(allocation.allocate(now));
  allocation.release(now);
  settle();
  EXPECT_THAT(sent, IsEmpty());
  EXPECT_EQ(told<Released>().size(), 1u);
}

TEST_F(AnAllocation, CanBeMadeAgainAfterItWasReleased) {
  allocate();
  allocation.release(now);
  settle();
  allocate();
  EXPECT_EQ(told<Allocated>().size(), 2u);
  allocate();
  EXPECT_EQ(told<Allocated>().size(), 2u) << "one that is there is there";
}

// --- the NAT between

TEST_F(AnAllocation, KeepsTheMappingOfANatWhereNothingElseDoes) {
  allocate();
  permit("198.51.100.1");
  forget_sent();
  run_for(25s);
  ASSERT_THAT(times(Method::binding), ElementsAre(10s, 20s));
  EXPECT_EQ(sent[0].message_class(), Class::indication);
  forget_sent();
  const std::array<std::uint8_t, 1> byte{};
  ASSERT_TRUE(allocation.wrap(now, endpoint("198.51.100.1:9"), byte, scratch));
  run_for(9s);
  EXPECT_THAT(sent, IsEmpty()) << "data has kept it";
}

TEST_F(AnAllocationOfWishes, NeedsNoKeepaliveWhereItIsUnwantedOrOnAConnection) {
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    TurnClientRig rig{with([&](auto& c) {
      c.transport = transport;
      if (transport == Transport::udp) c.keepalive = Duration::zero();
    })};
    rig.allocate();
    if (transport == Transport::tcp) rig.open();
    ASSERT_EQ(rig.told<Allocated>().size(), 1u);
    rig.run_for(100s);
    EXPECT_EQ(rig.count(Method::binding), 0u);
  }
}

// --- the report

TEST_F(AnAllocation, TellsOfItself) {
  server().alive = false;
  allocate();
  EXPECT_EQ(allocation.report(now).state, AllocationState::allocating);
  server().alive = true;
  run_for(600ms);
  permit("198.51.100.1");
  bind("198.51.100.2:7");
  const AllocationReport report = allocation.report(now);
  EXPECT_EQ(report.state, AllocationState::allocated);
  EXPECT_EQ(report.first_server, configured.server);
  EXPECT_EQ(report.server, configured.server);
  EXPECT_EQ(report.relayed, endpoint("192.0.2.15:50000"));
  EXPECT_EQ(report.began, TimePoint{});
  EXPECT_EQ(report.allocated_at, TimePoint{} + 500ms);
  EXPECT_EQ(report.expires_at, TimePoint{} + 600s + 500ms);
  EXPECT_EQ(report.last_heard, now);
  EXPECT_EQ(report.round_trip, Duration::zero());
  EXPECT_EQ(report.permissions, 2u);
  EXPECT_EQ(report.channels, 1u);
  EXPECT_EQ(report.counters.requests, 5u);
  EXPECT_EQ(report.counters.responses, 4u);
  EXPECT_FALSE(report.last_refusal.error);
}

TEST(AllocationState, HasAWordForEach) {
  EXPECT_EQ(to_string(AllocationState::idle), "idle");
  EXPECT_EQ(to_string(AllocationState::connecting), "connecting");
  EXPECT_EQ(to_string(AllocationState::allocating), "allocating");
  EXPECT_EQ(to_string(AllocationState::allocated), "allocated");
  EXPECT_EQ(to_string(AllocationState::waiting), "waiting");
  EXPECT_EQ(to_string(AllocationState::releasing), "releasing");
  EXPECT_EQ(to_string(AllocationState::released), "released");
  EXPECT_EQ(to_string(AllocationState::failed), "failed");
}

TEST_F(AnAllocation, IsNotMadeWhereItsFirstRequestIsChallengedAfterItWasReleased) {
  server().alive = false;
  allocate();
  const auto challenge = server().auth.challenge(sent.back().packet.message(), ErrorCode::unauthenticated);
  allocation.release(now);
  forget_sent();
  receive(challenge);
  EXPECT_THAT(sent, IsEmpty());
  EXPECT_EQ(allocation.state(), AllocationState::released);
  EXPECT_EQ(told<Released>().size(), 1u);
}

}  // namespace
}  // namespace ice::turn
