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

}  // namespace
}  // namespace ice::turn
