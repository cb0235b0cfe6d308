// Random networks: whatever happens to the packets, both agents come to an end, and to the same one; where there is a
// way they find it, and where there is none they do not say that there is.

#include <gtest/gtest.h>

#include <array>
#include <iomanip>
#include <iostream>
#include <vector>

#include "scenario/support/call.hpp"
#include "scenario/support/draw.hpp"
#include "scenario/support/oracle.hpp"
#include "scenario/support/seeds.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;
using test::describe;
using test::Draw;
using test::environment_or;
using test::Oracle;

// ICE_CHAOS_SEEDS runs more of them, ICE_CHAOS_FIRST begins elsewhere: one failing seed alone is FIRST=N SEEDS=1.
TEST(Chaos, EverySeedEndsTheSameAtBothSidesAndConnectsWhereThereIsAWay) {
  const std::uint64_t first = environment_or("ICE_CHAOS_FIRST", 1);
  const std::uint64_t seeds = environment_or("ICE_CHAOS_SEEDS", 2000);
  std::array<std::array<unsigned, 3>, 3> cells{};
  unsigned connected = 0;
  unsigned with_path = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Draw draw{seed};
    const Call::Config config = draw.call(seed);
    const auto restarts = draw.restarts();
    SCOPED_TRACE("seed " + std::to_string(seed) + ", loss " + std::to_string(draw.loss()));
    for (const test::SideConfig* side : {&config.caller, &config.callee})
      if (side->nat)
        ++cells[static_cast<std::size_t>(side->nat->mapping)][static_cast<std::size_t>(side->nat->filtering)];

    Call call{config};
    call.start();
    for (const Draw::Restart& restart : restarts) {
      call.network.run_for(restart.after);
      if (restart.side == 0 || call.picked_up()) call.restart(restart.side);
    }
    // Ringing, gathering, patience, and a check that begins at its end.
    ASSERT_TRUE(call.run_until_final(60s + 3 * 40s + 60s)) << describe(call);
    // Where one side has ended, the other's consent expires: 30 s, and at most 6 s between requests (RFC 7675 §5.1).
    call.run_until_quiet(36s);
    const bool a = call.agent(0).state() == AgentState::connected;
    const bool b = call.agent(1).state() == AgentState::connected;
    EXPECT_EQ(a, b) << describe(call);
    if (a && b) {
      EXPECT_TRUE(call.same_pair()) << describe(call);
      EXPECT_TRUE(call.send(0, "are you there?"));
    }
    const bool path = Oracle::has_path(config, seed);
    with_path += path;
    connected += a && b;
    if (path && draw.loss() <= 0.05) {
      EXPECT_TRUE(a && b) << "there is a way" << describe(call);
    } else if (!path) {
      EXPECT_FALSE(a || b) << "there is no way" << describe(call);
    }
    if (HasNonfatalFailure()) break;  // one is enough to look at
  }
  std::cout << seeds << " seeds, " << with_path << " with a path, " << connected
            << " connected; mapping x filtering:\n";
  for (const auto& row : cells) {
    for (const unsigned cell : row) {
      std::cout << std::setw(6) << cell;
      if (seeds >= 1000) {
        EXPECT_GE(cell, 20U);
      }
    }
    std::cout << '\n';
  }
}

}  // namespace
}  // namespace ice
