// What an allocation bears from a server that means harm, or errs without end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using stun::Method;
using test::TurnClientRig;
using testing::IsEmpty;
namespace attr = stun::attr;

struct AnAllocationOnAHostileServer : testing::Test, TurnClientRig {
  using TurnClientRig::TurnClientRig;

  /// A new nonce for each request that is asked meanwhile, so that all others have to be signed anew.
  void challenge_with_every_check_for(Duration duration, Duration every) {
    const TimePoint end = now + duration;
    for (int i = 0; now < end; ++i) {
      run_for(every);
      server().auth.nonce = "nonce " + std::to_string(i);
      check();
    }
  }
};

TEST_F(AnAllocationOnAHostileServer, KeepsTheChannelThatALateRequestIsWrittenFrom) {
  AllocationConfig config = TurnClientRig::config();
  config.rto = 20s;  // as one that slow answers have taught
  TurnClientRig rig{config};
  rig.server().lifetime = stun::Seconds{7200};
  rig.allocate();
  rig.server().unheard = {Method::channel_bind};
  rig.bind("198.51.100.1:9");
  rig.run_for(10s);
  rig.allocation.forget(*Address::parse("198.51.100.1"));
  rig.run_for(Allocation::channel_lifetime + Allocation::channel_quarantine);  // nothing reserves it any more
  rig.bind("198.51.100.2:9");
  const std::size_t before = rig.count(Method::channel_bind);
  rig.run_for(10min);
  EXPECT_GT(rig.count(Method::channel_bind), before) << "the first one's retransmissions";
}

TEST_F(AnAllocationOnAHostileServer, GivesARequestUpThatChallengesToOthersKeepAlive) {
  server().lifetime = stun::Seconds{7200};
  allocate();
  server().unheard = {Method::channel_bind};
  bind("198.51.100.1:9");
  challenge_with_every_check_for(10min, 10s);
  const auto losses = told<AllocationLost>();
  ASSERT_THAT(losses, testing::Not(IsEmpty())) << "as where nobody answers";
  EXPECT_EQ(losses[0].why.error, errc::timed_out);
  EXPECT_LT(losses[0].why.at - TimePoint{}, 10 * 39500ms);
}

TEST_F(AnAllocationOnAHostileServer, GivesARequestUpThatIsChallengedBetweenSuccesses) {
  server().lifetime = stun::Seconds{7200};
  allocate();
  server().unheard = {Method::create_permission};
  permit("198.51.100.1");
  for (int i = 0; i < 20 && told<AllocationLost>().empty(); ++i) {
    const auto& asked = last(Method::create_permission).packet.message();
    server().auth.nonce = "nonce " + std::to_string(i);
    receive(server().auth.challenge(asked, ErrorCode::stale_nonce));
    check();  // its success ends the row that the session counts
  }
  ASSERT_EQ(told<AllocationLost>().size(), 1u);
  EXPECT_EQ(told<AllocationLost>()[0].why.error, errc::unauthorized);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
}

// --- what it makes is lost again

TEST_F(AnAllocationOnAHostileServer, AsksEverMoreSlowlyWhereEachOneIsTakenBack) {
  allocate();
  for (int i = 0; i < 5000; ++i) server().refusals[Method::create_permission].push_back(437);
  forget_sent();
  permit("198.51.100.1");
  run_for(10min);
  EXPECT_LT(sent.size(), 200u);
  EXPECT_EQ(told<AllocationFailed>().back().why.code, ErrorCode::allocation_mismatch);
  server().refusals.clear();
  run_for(Allocation::longest_backoff);
  EXPECT_EQ(told<PermissionGranted>().size(), 1u) << "and never gives up";
}

TEST_F(AnAllocationOnAHostileServer, ConnectsEverMoreSlowlyWhereEachConnectionIsClosed) {
  AllocationConfig config = TurnClientRig::config();
  config.transport = Transport::tcp;
  TurnClientRig rig{config};
  rig.allocate();
  const TimePoint end = rig.now + 10min;
  int connections = 0;
  for (; rig.now < end && connections < 1000; ++connections) {
    rig.server().has_allocation = false;
    const SocketId socket = rig.open();
    ASSERT_EQ(rig.allocation.state(), AllocationState::allocated);
    rig.happen(SocketClosed{socket, {}});
    if (const auto retry_at = rig.allocation.report(rig.now).retry_at) rig.run_until(*retry_at);
  }
  EXPECT_LT(connections, 30);
}

TEST_F(AnAllocationOnAHostileServer, IsReplacedAtOnceWhereItHasLasted) {
  allocate();
  for (int i = 0; i < 3; ++i) {  // each after the same time, and none waits longer for it
    run_for(Allocation::longest_backoff);
    server().has_allocation = false;
    check();
    EXPECT_EQ(allocation.state(), AllocationState::allocated);
  }
  EXPECT_THAT(told<AllocationFailed>(), IsEmpty());
}

}  // namespace
}  // namespace ice::turn
