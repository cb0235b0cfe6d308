// An allocation whose credentials are replaced, or whose server is, while it is asked for, lost or given up.

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
using testing::IsEmpty;
namespace attr = stun::attr;

struct AnAllocationWithNewCredentials : testing::Test, TurnClientRig {
  using TurnClientRig::TurnClientRig;

  void replace() { allocation.replace_credentials(now, *stun::Login::make("later:user", "other")); }
  void server_takes_only_the_new_ones() {
    server().auth.username = "later:user";
    server().auth.password = "other";
  }
  stun::attr::Username::value_type user_of(Method method) const {
    return *last(method).packet.message().get<attr::Username>();
  }
};

TEST_F(AnAllocationWithNewCredentials, TakesThemWhereTheOldOnesAreRefusedWhileItIsAskedFor) {
  server().alive = false;
  allocate();
  replace();
  server_takes_only_the_new_ones();
  server().alive = true;
  run_for(1s);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
  EXPECT_THAT(told<AllocationFailed>(), IsEmpty()) << "it has not come to nothing yet";
}

TEST_F(AnAllocationWithNewCredentials, IsRefusedOnceWhereTheNewOnesAreWrongToo) {
  server().alive = false;
  allocate();
  replace();
  server().auth.password = "neither";
  server().alive = true;
  run_for(10min);
  ASSERT_EQ(told<AllocationFailed>().size(), 1u);
  EXPECT_EQ(told<AllocationFailed>()[0].why.error, errc::unauthorized);
}

// --- the network was away, and the server still has what was made by the old user (RFC 8656 §5)

struct AnAllocationThatItsServerStillHas : AnAllocationWithNewCredentials {
  AnAllocationThatItsServerStillHas() {
    server().more_users = {{"later:user", "other"}};
    server().wants_owner = true;
  }
  void be_away(Duration how_long) {
    server().alive = false;
    check();
    run_for(how_long);
    ASSERT_EQ(told<AllocationLost>().size(), 1u);
    server().alive = true;
  }
  void expect_it_back_as_the_new_user() {
    run_for(1min);
    EXPECT_EQ(allocation.state(), AllocationState::allocated);
    EXPECT_EQ(user_of(Method::allocate), "later:user");
    EXPECT_EQ(server().owner, "later:user");
  }
};

TEST_F(AnAllocationThatItsServerStillHas, IsGivenBackByTheUserWhoMadeItAndReplacedByTheNextOne) {
  allocate();
  replace();
  be_away(40s);
  expect_it_back_as_the_new_user();
}

TEST_F(AnAllocationThatItsServerStillHas, IsGivenBackAlsoWhereTheNextOneCameWhileItWaited) {
  allocate();
  be_away(79500ms);
  ASSERT_EQ(allocation.state(), AllocationState::waiting);
  replace();
  expect_it_back_as_the_new_user();
}

TEST_F(AnAllocationThatItsServerStillHas, IsGivenBackByTheNextUserWhereTheFirstIsNotTakenAnyMore) {
  allocate();
  replace();
  server_takes_only_the_new_ones();
  server().wants_owner = false;  // both are one user to it
  be_away(40s);
  expect_it_back_as_the_new_user();
}

TEST_F(AnAllocationThatItsServerStillHas, IsGivenBackWhereReleaseComesInTheMeantime) {
  allocate();
  be_away(40s);
  server().unheard = {Method::refresh};
  run_for(1s);
  ASSERT_EQ(last(Method::refresh).packet.message().get<attr::Lifetime>()->count(), 0);
  allocation.release(now);
  server().unheard.clear();
  run_for(10s);
  EXPECT_EQ(allocation.state(), AllocationState::released);
  EXPECT_FALSE(server().has_allocation);
}

// --- a reserved port is to be had once (RFC 8656 §7.2)

TEST(AnAllocationOfAReservedPort, AsksForAnyOtherOfItsFamilyWhenItIsLost) {
  for (const char* relayed : {"192.0.2.15:50001", "[2001:db8::15]:50001"}) {
    AllocationConfig config = TurnClientRig::config();
    config.reservation_token = ReservationToken{1};
    TurnClientRig rig{config};
    rig.server().relayed = {endpoint(relayed)};
    rig.allocate();
    ASSERT_TRUE(rig.last(Method::allocate).packet.message().has<attr::ReservationToken>());
    rig.server().has_allocation = false;
    rig.check();
    EXPECT_EQ(rig.allocation.state(), AllocationState::allocated);
    const auto again = rig.last(Method::allocate).packet;
    EXPECT_FALSE(again.message().has<attr::ReservationToken>());
    const auto family = again.message().get<attr::RequestedAddressFamily>();
    EXPECT_EQ(family ? *family : Family::ipv4, endpoint(relayed).address.family());
  }
}

// --- the server was replaced by one that speaks RFC 5389 (RFC 8489 §9.2.5)

struct AnAllocationWhoseServerWasRolledBack : AnAllocationWithNewCredentials {
  void lose() {
    allocate();
    server().has_allocation = false;
    server().auth.modern = false;
    server().auth.nonce = "of RFC 5389";
    check();
    run_for(10min);
    ASSERT_EQ(told<AllocationFailed>().size(), 1u) << "not by itself";
    ASSERT_EQ(told<AllocationFailed>()[0].why.error, errc::bid_down);
  }
};

TEST_F(AnAllocationWhoseServerWasRolledBack, BeginsAnewWhereTheOwnerAsksForItAgain) {
  lose();
  allocate();
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(AnAllocationWhoseServerWasRolledBack, BeginsAnewWithOtherCredentials) {
  lose();
  server_takes_only_the_new_ones();
  replace();
  settle();
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

}  // namespace
}  // namespace ice::turn
