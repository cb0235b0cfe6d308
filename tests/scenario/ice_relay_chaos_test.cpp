// Random networks with a relay that everybody can reach: servers die and come back, credentials expire, either side
// restarts, and an application that does what it is told to is never stranded.

#include <gtest/gtest.h>

#include <iostream>

#include "scenario/support/draw.hpp"
#include "scenario/support/seeds.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;
using test::Draw;

stun::Login expiring_login(std::chrono::seconds until) {
  return *turn::make_shared_secret_login(Call::relay_secret, "id", test::TurnServerProcess::unix_time_at_start + until);
}

struct Outage {
  Duration after;
  Duration lasts;
};

struct Plan {
  Call::Config call;
  std::vector<Draw::Restart> restarts;
  std::vector<Outage> outages;
  bool expires = false;
};

Plan plan_of(std::uint64_t seed, Draw& draw) {
  Plan plan;
  plan.call = draw.call(seed);
  plan.restarts = draw.restarts();
  plan.call.relays = draw.chance(50) ? std::vector{Transport::udp, Transport::tcp} : std::vector{Transport::tcp};
  for (test::SideConfig* side : {&plan.call.caller, &plan.call.callee})
    if (draw.chance(20)) side->agent.policy = CandidatePolicy::relay_only;
  while (plan.outages.size() < 2 && draw.chance(40)) plan.outages.push_back({draw.upto(90s), draw.upto(40s)});
  plan.expires = draw.chance(30);
  if (plan.expires) {
    const auto until = std::chrono::duration_cast<std::chrono::seconds>(draw.upto(100s));
    for (test::SideConfig* side : {&plan.call.caller, &plan.call.callee}) side->relay_login = expiring_login(until);
  }
  return plan;
}

/// An application: it gets new credentials and restarts when it is told that only that helps.
class Application {
 public:
  Application(Call& call, bool expires) : call_{call}, expires_{expires} {}

  void run_for(Duration time) {
    for (const TimePoint end = call_.network.now() + time; call_.network.now() < end;) {
      call_.network.run_for(std::min<Duration>(500ms, end - call_.network.now()));
      for (const int side : {0, 1}) {
        static_cast<void>(call_.send(side, "text"));
        const AgentState state = call_.agent(side).state();
        if (state == AgentState::failed || state == AgentState::disconnected) restart(side);
      }
    }
  }
  void restart(int side) {
    if (side == 1 && !call_.picked_up()) return;
    if (call_.network.now() < next_[static_cast<std::size_t>(side)]) return;
    // Long enough for an answer, shorter at one side, so that they do not always meet.
    next_[static_cast<std::size_t>(side)] = call_.network.now() + (side == 0 ? 7s : 11s);
    if (expires_)
      for (const int one : {0, 1}) call_.replace_credentials(one, expiring_login(call_.turn->since_start() + 120s));
    call_.restart(side);
  }

 private:
  Call& call_;
  bool expires_;
  std::array<TimePoint, 2> next_{};
};

// ICE_CHAOS_SEEDS and ICE_CHAOS_FIRST as in the other chaos test.
TEST(RelayChaos, WhoeverCanReachARelayIsNeverStranded) {
  const std::uint64_t first = test::environment_or("ICE_CHAOS_FIRST", 1);
  const std::uint64_t seeds = test::environment_or("ICE_CHAOS_SEEDS", 2000);
  unsigned connected = 0;
  unsigned relayed = 0;
  unsigned restarted = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Draw draw{seed};
    const Plan plan = plan_of(seed, draw);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", loss " + std::to_string(draw.loss()));
    Call call{plan.call};
    Application application{call, plan.expires};
    call.start();
    application.run_for(5s);
    for (const Draw::Restart& restart : plan.restarts) {
      application.run_for(restart.after);
      application.restart(restart.side);
    }
    for (const Outage& outage : plan.outages) {
      application.run_for(outage.after);
      call.turn->die();
      application.run_for(outage.lasts);
      call.turn->start();
    }
    application.run_for(plan.call.ringing + 150s);
    const bool a = call.agent(0).state() == AgentState::connected;
    const bool b = call.agent(1).state() == AgentState::connected;
    if (draw.loss() <= 0.05) {
      EXPECT_TRUE(a && b && call.same_pair()) << describe(call);
    }
    connected += a && b;
    restarted += call.agent(0).report().restarts > 0;
    if (const auto pair = call.selected(0); a && b && pair)
      relayed += pair->local_type == CandidateType::relayed || pair->remote_type == CandidateType::relayed;
    if (HasNonfatalFailure()) break;  // one is enough to look at
  }
  std::cout << seeds << " seeds, " << connected << " connected, " << relayed << " by relay, " << restarted
            << " after a restart\n";
  if (seeds >= 400) {
    EXPECT_GE(relayed, seeds / 5);
    EXPECT_GE(restarted, seeds / 5);
  }
}

}  // namespace
}  // namespace ice
