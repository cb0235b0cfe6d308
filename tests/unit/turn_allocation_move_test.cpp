// RFC 8016 at the client, against our relay server: an allocation goes where its host goes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"
#include "support/turn_pair.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::TurnClientRig;
using test::TurnPair;
using testing::ElementsAre;
using testing::IsEmpty;
namespace attr = stun::attr;

AllocationConfig mobile(AllocationConfig config = TurnPair::config()) {
  config.mobility = true;
  return config;
}

struct AMobileAllocation : testing::Test, TurnPair {
  explicit AMobileAllocation(AllocationConfig config = mobile(), ServerConfig server = {})
      : TurnPair{std::move(config), std::move(server)} {}

  void begin() {
    allocate();
    bind();
    ASSERT_TRUE(allocation.bound(rig.now, peer));
  }
  std::error_code refusal() const {
    const auto failed = told<MoveFailed>();
    EXPECT_EQ(failed.size(), 1u);
    return failed.empty() ? std::error_code{} : failed[0].why.error;
  }
};

TEST_F(AMobileAllocation, AsksForATicket) {  // §3.1.1
  begin();
  EXPECT_TRUE(told<Allocated>().at(0).mobile);
  for (const test::Packet& packet : requests(home)) {
    const auto ticket = packet.message().get<attr::MobilityTicket>();
    EXPECT_EQ(ticket.has_value(), packet.message().method() == Method::allocate);
    EXPECT_TRUE(!ticket || ticket->empty());
  }
}

TEST(AnAllocationThatStays, AsksForNoTicketUnlessItIsToldTo) {
  TurnPair pair;
  pair.allocate();
  EXPECT_FALSE(pair.told<Allocated>().at(0).mobile);
  EXPECT_FALSE(pair.requests(TurnPair::home).back().message().has<attr::MobilityTicket>());
  EXPECT_EQ(pair.allocation.move(pair.rig.now, TurnPair::away).error(), errc::unsupported);
}

TEST_F(AMobileAllocation, TakesItsAddressItsPermissionsAndItsChannelsAlong) {
  begin();
  const Endpoint relayed = allocation.relayed(Family::ipv4);
  move(away);
  ASSERT_EQ(told<Moved>().size(), 1u);
  EXPECT_EQ(told<Moved>()[0].socket, away);
  EXPECT_EQ(allocation.socket(), away);
  EXPECT_EQ(allocation.relayed(Family::ipv4), relayed);
  EXPECT_TRUE(allocation.bound(rig.now, peer));
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), away);
  run_for(1h);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), away);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  EXPECT_EQ(told<ChannelReady>().size(), 1u);
  EXPECT_EQ(rig.server.counters().allocations_moved, 1u);
}

TEST_F(AMobileAllocation, DoesNotKnowWhatItsNewNatMakesOfIt) {
  begin();
  EXPECT_EQ(allocation.mapped(), places.at(home));
  move(away);
  EXPECT_FALSE(allocation.mapped());
}

TEST_F(AMobileAllocation, ShowsItsTicketWhereItMovesAndNowhereElse) {  // §3.2.1 MUST NOT
  begin();
  move(away);
  send();
  run_for(1h);
  std::size_t shown = 0;
  for (const test::Packet& packet : requests(away)) shown += packet.message().has<attr::MobilityTicket>();
  EXPECT_EQ(shown, 2u) << "once to get a nonce for the new place, once with it";
  for (const test::Packet& packet : requests(home))
    EXPECT_TRUE(packet.message().method() == Method::allocate || !packet.message().has<attr::MobilityTicket>());
}

TEST_F(AMobileAllocation, MovesOnWithTheTicketOfItsLastMove) {  // §3.2.2 MUST
  begin();
  move(away);
  send();
  move(home);
  EXPECT_EQ(told<Moved>().size(), 2u);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), home);
}

TEST_F(AMobileAllocation, GoesOnTheOldWayUntilTheServerHasAgreed) {  // §3.2.2
  begin();
  dead.insert(away);
  move(away);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), home);
  EXPECT_THAT(requests(away), testing::SizeIs(1)) << "no data by the new one (RECOMMENDED)";
  dead.erase(away);
  run_for(1s);
  EXPECT_EQ(told<Moved>().size(), 1u);
}

TEST_F(AMobileAllocation, TakesWhatComesTheOldWayUntilDataHasComeTheNewWay) {  // §3.2.2
  begin();
  move(away);
  EXPECT_EQ(hear(), home) << "the server has had no data from there yet";
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), away);
  EXPECT_FALSE(allocation.owns({home, rig.listen, {}, {}}));
}

TEST_F(AMobileAllocation, GetsItsAnswerThoughTheFirstOneIsLost) {  // §3.2.2: the old ticket is for retransmissions
  begin();
  deaf.insert(away);
  move(away);
  const auto nonce_known = [&] { return requests(away).size() > 1; };
  run_for(300ms);
  EXPECT_FALSE(nonce_known()) << "nothing has come yet";
  deaf.erase(away);
  run_for(2s);
  EXPECT_EQ(told<Moved>().size(), 1u);
  EXPECT_TRUE(send());
}

TEST_F(AMobileAllocation, MayLoseItsOldSocketWhileItMoves) {
  begin();
  dead.insert(away);
  move(away);
  close(home);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  EXPECT_FALSE(allocation.permitted(rig.now, peer.address));
  std::array<std::uint8_t, 64> scratch;
  EXPECT_EQ(allocation.wrap(rig.now, peer, {}, scratch).error(), errc::no_allocation);
  dead.erase(away);
  run_for(1s);
  EXPECT_EQ(told<Moved>().size(), 1u);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), away);
}

TEST_F(AMobileAllocation, StaysWhereItIsWhereNobodyAnswersFromThere) {
  begin();
  dead.insert(away);
  move(away);
  run_for(40s);
  EXPECT_EQ(refusal(), errc::timed_out);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  EXPECT_EQ(allocation.socket(), home);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), home);
  run_for(1h);
  EXPECT_TRUE(send());
}

TEST_F(AMobileAllocation, IsLostWhereNobodyAnswersFromThereAndTheOldSocketIsGone) {
  begin();
  dead.insert(away);
  move(away);
  close(home);
  run_for(40s);
  ASSERT_EQ(told<AllocationLost>().size(), 1u);
  EXPECT_EQ(told<AllocationLost>()[0].why.error, errc::timed_out);
  dead.erase(away);
  run_for(1min);
  EXPECT_EQ(told<Allocated>().size(), 2u) << "a new one, from the new place";
  EXPECT_EQ(allocation.socket(), away);
  EXPECT_TRUE(send());
}

TEST_F(AMobileAllocation, IsAskedForAnewFromTheNewPlaceWhereTheServerHasForgottenIt) {  // §3.2.2: 437
  begin();
  rig.server.remove_user(rig.now, "user");
  ASSERT_TRUE(rig.server.add_user("user", "pass"));
  move(away);
  // Our server has forgotten the ticket with the allocation, which is 400; that is no reason to give up the old way,
  // where the answer is 437.
  run_for(1s);
  EXPECT_EQ(told<AllocationLost>().size(), 1u);
  EXPECT_EQ(told<Allocated>().size(), 2u);
}

TEST_F(AMobileAllocation, HoldsBackEverythingElseWhileItMoves) {
  begin();
  dead.insert(away);
  move(away);
  sent.clear();
  ASSERT_TRUE(allocation.permit(rig.now, endpoint("203.0.113.78:1").address));
  run_for(100ms);
  EXPECT_THAT(requests(home), IsEmpty());
  dead.erase(away);
  run_for(1s);
  EXPECT_EQ(told<Moved>().size(), 1u);
  EXPECT_TRUE(allocation.permitted(rig.now, endpoint("203.0.113.78:1").address));
  EXPECT_THAT(requests(home), IsEmpty());
}

TEST_F(AMobileAllocation, MayChangeItsMindWhileItMoves) {
  const SocketId third{3};
  places[third] = endpoint("203.0.113.201:9");
  begin();
  dead.insert(away);
  move(away);
  move(third);
  EXPECT_EQ(told<Moved>().size(), 1u);
  EXPECT_EQ(allocation.socket(), third);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), third);
}

TEST_F(AMobileAllocation, IsReleasedFromWhereverItIs) {
  begin();
  dead.insert(away);
  move(away);
  allocation.release(rig.now);
  settle();
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_FALSE(allocation.next_timeout());
}

TEST_F(AMobileAllocation, IsReleasedAfterItHasMoved) {
  begin();
  move(away);
  allocation.release(rig.now);
  settle();
  EXPECT_EQ(told<Released>().size(), 1u);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
}

TEST_F(AMobileAllocation, MovesNowhereThatIsNoPlaceForIt) {
  EXPECT_EQ(allocation.move(rig.now, away).error(), errc::no_allocation);
  begin();
  EXPECT_EQ(allocation.move(rig.now, home).error(), errc::invalid_argument) << "§3.2.1: it is there";
  EXPECT_EQ(allocation.move(rig.now, Address{}).error(), errc::invalid_argument) << "it shares its socket";
}

// ---- where the server will not have it

TEST(AMobileClientOfAStrictServer, DoesWithoutATicketAndDoesNotAskForItAgain) {  // §3.1.4
  TurnPair pair{mobile(), {.mobility = false}};
  pair.allocate();
  ASSERT_EQ(pair.told<Allocated>().size(), 1u);
  EXPECT_FALSE(pair.told<Allocated>()[0].mobile);
  EXPECT_EQ(pair.allocation.move(pair.rig.now, TurnPair::away).error(), errc::unsupported);
  pair.sent.clear();
  pair.rig.server.remove_user(pair.rig.now, "user");
  ASSERT_TRUE(pair.rig.server.add_user("user", "pass"));
  pair.allocation.check(pair.rig.now);
  pair.settle();
  ASSERT_EQ(pair.told<Allocated>().size(), 2u);
  for (const test::Packet& packet : pair.requests(TurnPair::home))
    EXPECT_FALSE(packet.message().has<attr::MobilityTicket>());
}

/// With a server by script, which gives one ticket.
struct AMoveThatIsRefused : testing::TestWithParam<unsigned>, TurnClientRig {
  AMoveThatIsRefused() : TurnClientRig{mobile(TurnClientRig::config())} {}
  static constexpr SocketId away{2};
  void begin() {
    server().add_to_allocate = [](stun::Builder& b) { b.add<attr::MobilityTicket>(bytes_of("ticket")); };
    allocate();
    permit("198.51.100.1");
    server().refusals[Method::refresh] = {GetParam()};
  }
};

TEST_P(AMoveThatIsRefused, LeavesItWhereItIs) {
  begin();
  ASSERT_TRUE(allocation.move(now, away));
  settle();
  ASSERT_EQ(told<MoveFailed>().size(), 1u);
  EXPECT_EQ(to_number(told<MoveFailed>()[0].why.code), GetParam());
  EXPECT_EQ(allocation.socket(), shared);
  EXPECT_TRUE(allocation.permitted(now, *Address::parse("198.51.100.1")));
  EXPECT_EQ(last(Method::refresh).packet.socket, shared) << "and asks whether it is still there";
  EXPECT_FALSE(last(Method::refresh).packet.message().has<attr::MobilityTicket>());
}

TEST_P(AMoveThatIsRefused, LosesItWhereTheOldSocketIsGone) {  // §3.2.2: "the client starts afresh"
  begin();
  server().alive = false;
  ASSERT_TRUE(allocation.move(now, away));
  settle();
  happen(SocketClosed{shared, {}});
  server().alive = true;
  server().has_allocation = false;
  run_for(1s);
  ASSERT_EQ(told<AllocationLost>().size(), 1u);
  EXPECT_EQ(to_number(told<AllocationLost>()[0].why.code), GetParam());
  EXPECT_EQ(told<Allocated>().size(), 2u);
  EXPECT_EQ(allocation.socket(), away);
}
INSTANTIATE_TEST_SUITE_P(Code, AMoveThatIsRefused, testing::Values(400, 403, 405, 441),
                         testing::PrintToStringParamName());

struct AMobileAllocationByScript : testing::Test, TurnClientRig {
  AMobileAllocationByScript() : TurnClientRig{mobile(TurnClientRig::config())} {
    server().add_to_allocate = [this](stun::Builder& b) { b.add<attr::MobilityTicket>(bytes_of(ticket)); };
  }
  static constexpr SocketId away{2};
  std::string ticket = "ticket";
};

TEST_F(AMobileAllocationByScript, IsLostWhereTheServerDoesNotKnowItAnyMore) {  // §3.2.2: 437
  allocate();
  server().has_allocation = false;
  ASSERT_TRUE(allocation.move(now, away));
  settle();
  EXPECT_EQ(told<AllocationLost>().at(0).why.code, ErrorCode::allocation_mismatch);
  EXPECT_EQ(told<Allocated>().size(), 2u);
  EXPECT_EQ(allocation.socket(), away) << "which is where the host is now";
}

TEST_F(AMobileAllocationByScript, KeepsTheTicketOfEachRefresh) {  // §3.2.3
  allocate();
  server().add_to_refresh = [](stun::Builder& b) { b.add<attr::MobilityTicket>(bytes_of("another")); };
  check();
  ASSERT_TRUE(allocation.move(now, away));
  settle();
  EXPECT_EQ(text_of(*last(Method::refresh).packet.message().get<attr::MobilityTicket>()), "another");
}

TEST_F(AMobileAllocationByScript, HasNoUseForATicketThatFitsIntoNoRequest) {
  ticket = std::string(Allocation::most_ticket + 1, 't');
  allocate();
  EXPECT_FALSE(told<Allocated>().at(0).mobile);
  EXPECT_EQ(allocation.move(now, away).error(), errc::unsupported);
}

TEST_F(AMobileAllocationByScript, IsRefreshedAsEverWhereItsMoveCameToNothingJustThen) {
  allocate();
  run_for(8min + 30s);
  server().alive = false;
  ASSERT_TRUE(allocation.move(now, away));
  settle();
  run_for(40s);
  server().alive = true;
  run_for(5s);
  EXPECT_EQ(told<MoveFailed>().size(), 1u);
  run_for(1h);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(AMobileAllocationByScript, StaysWhereTheNewSocketCloses) {
  allocate();
  server().alive = false;
  ASSERT_TRUE(allocation.move(now, away));
  settle();
  happen(SocketClosed{away, {}});
  EXPECT_EQ(told<MoveFailed>().at(0).why.error, errc::closed);
  EXPECT_EQ(allocation.socket(), shared);
}

// ---- over TCP, with sockets of its own

struct AMobileAllocationOverTcp : AMobileAllocation {
  AMobileAllocationOverTcp() : AMobileAllocation{mobile(TurnPair::config(Transport::tcp))} {}
  void move_by_itself(const Address& local = {}) {
    ASSERT_TRUE(allocation.move(rig.now, local));
    settle();
  }
};

TEST_F(AMobileAllocationOverTcp, MovesToANewConnectionAndClosesTheOldOne) {
  begin();
  const SocketId first = *allocation.socket();
  move_by_itself(endpoint("203.0.113.200:1").address);
  ASSERT_EQ(told<Moved>().size(), 1u);
  EXPECT_EQ(opened.back().local.address, endpoint("203.0.113.200:1").address);
  EXPECT_NE(allocation.socket(), first);
  EXPECT_THAT(closed, IsEmpty());
  EXPECT_EQ(hear(), first);
  EXPECT_TRUE(send());
  EXPECT_EQ(hear(), allocation.socket());
  EXPECT_THAT(closed, ElementsAre(first));
  run_for(1h);
  EXPECT_TRUE(send());
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(AMobileAllocationOverTcp, StaysWhereNoSocketIsToBeHad) {
  begin();
  refuses_sockets = true;
  move_by_itself();
  EXPECT_EQ(refusal(), std::errc::network_unreachable);
  EXPECT_TRUE(send());
}

TEST_F(AMobileAllocationOverTcp, WantsAnAddressOfTheServersFamily) {
  begin();
  EXPECT_EQ(allocation.move(rig.now, endpoint("[2001:db8::5]:1").address).error(), errc::invalid_argument);
  EXPECT_EQ(allocation.move(rig.now, away).error(), errc::invalid_argument) << "it has sockets of its own";
}

TEST_F(AMobileAllocationOverTcp, LeavesNoSocketBehind) {
  begin();
  move_by_itself();
  allocation.release(rig.now);
  settle();
  EXPECT_THAT(closed, testing::UnorderedElementsAre(SocketId{500}, SocketId{501}));
}

}  // namespace
}  // namespace ice::turn
