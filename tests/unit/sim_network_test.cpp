#include "ice/sim/network.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/sim_peer.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::Peer;

constexpr TimePoint at(Duration since_start) { return TimePoint{since_start}; }

TEST(SimNetwork, TimeStartsAtZeroAndMovesOnlyWithWhatHappens) {
  Network network{1};
  EXPECT_EQ(network.now(), at(0s));
  network.schedule(at(3s), [] {});
  EXPECT_EQ(network.now(), at(0s));
  EXPECT_TRUE(network.step());
  EXPECT_EQ(network.now(), at(3s));
  EXPECT_FALSE(network.step());
  network.run_for(2s);
  EXPECT_EQ(network.now(), at(5s));
}

TEST(SimNetwork, WhatIsDueAtOneTimeHappensInTheOrderItWasCaused) {
  Network network{1};
  std::string order;
  network.schedule(at(2s), [&] { order += 'd'; });
  network.schedule(at(1s), [&] {
    order += 'a';
    network.schedule(at(1s), [&] { order += 'c'; });
  });
  network.schedule(at(1s), [&] { order += 'b'; });
  network.run_until(at(2s));
  EXPECT_EQ(order, "abcd");
}

TEST(SimNetwork, WhatIsScheduledForThePastHappensNow) {
  Network network{1};
  network.run_until(at(5s));
  TimePoint when{};
  network.schedule(at(1s), [&] { when = network.now(); });
  network.run_for(0s);
  EXPECT_EQ(when, at(5s));
}

TEST(SimNetwork, RunUntilIncludesItsEndAndNothingAfterIt) {
  Network network{1};
  int count = 0;
  network.schedule(at(1s), [&] { ++count; });
  network.schedule(at(1s) + 1ns, [&] { ++count; });
  network.run_until(at(1s));
  EXPECT_EQ(count, 1);
}

TEST(SimNetwork, RunUntilAConditionStopsWhereItHoldsOrAtTheLimit) {
  Network network{1};
  int count = 0;
  for (int i = 1; i <= 10; ++i) network.schedule(at(i * 1s), [&] { ++count; });
  EXPECT_TRUE(network.run_until([&] { return count == 4; }, at(60s)));
  EXPECT_EQ(network.now(), at(4s));
  EXPECT_FALSE(network.run_until([&] { return count == 11; }, at(60s)));
  EXPECT_EQ(network.now(), at(60s));
}

TEST(SimNetwork, RunUntilIdleTellsWhetherAnythingIsLeft) {
  Network network{1};
  network.schedule(at(1s), [] {});
  network.schedule(at(9s), [] {});
  EXPECT_FALSE(network.run_until_idle(at(5s)));
  EXPECT_TRUE(network.run_until_idle(at(10s)));
}

TEST(SimNetwork, RandomSourcesFollowFromTheSeed) {
  Network a{7};
  Network b{7};
  Network c{8};
  SeededRandom first = a.make_random();
  SeededRandom second = a.make_random();
  SeededRandom same = b.make_random();
  SeededRandom other = c.make_random();
  const std::uint64_t value = first.next();
  EXPECT_EQ(value, same.next());
  EXPECT_NE(value, second.next());
  EXPECT_NE(value, other.next());
}

struct OneHost {
  Network network{1};
  Host& host = network.internet().add_host("h", {ip("192.0.2.1")});
};

TEST(SimTimer, FiresOnceAtItsTime) {
  OneHost world;
  std::vector<TimePoint> fired;
  Timer timer{world.host, [&] { fired.push_back(world.network.now()); }};
  timer.set(at(2s));
  world.network.run_until(at(10s));
  EXPECT_EQ(fired, std::vector{at(2s)});
}

TEST(SimTimer, CanBeMovedBothWaysAndStopped) {
  OneHost world;
  std::vector<TimePoint> fired;
  Timer timer{world.host, [&] { fired.push_back(world.network.now()); }};
  timer.set(at(5s));
  timer.set(at(2s));
  world.network.run_until(at(3s));
  EXPECT_EQ(fired, std::vector{at(2s)});
  timer.set(at(4s));
  timer.set(at(8s));
  world.network.run_until(at(7s));
  EXPECT_EQ(fired.size(), 1U);
  world.network.run_until(at(8s));
  EXPECT_EQ(fired.size(), 2U);
  timer.set(at(9s));
  timer.set({});
  world.network.run_until(at(20s));
  EXPECT_EQ(fired.size(), 2U);
}

TEST(SimTimer, APastTimeIsAsSoonAsPossible) {
  OneHost world;
  world.network.run_until(at(5s));
  int fired = 0;
  Timer timer{world.host, [&] { ++fired; }};
  timer.set(at(1s));
  EXPECT_EQ(fired, 0) << "never from within the call";
  world.network.run_for(0s);
  EXPECT_EQ(fired, 1);
}

TEST(SimTimer, ADestroyedOneIsSilentAlsoWhenItsPlaceIsTakenAgain) {
  OneHost world;
  int first = 0;
  int second = 0;
  auto timer = std::make_unique<Timer>(world.host, [&] { ++first; });
  timer->set(at(1s));
  timer.reset();
  Timer next{world.host, [&] { ++second; }};
  next.set(at(3s));
  world.network.run_until(at(2s));
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 0);
  world.network.run_until(at(3s));
  EXPECT_EQ(second, 1);
}

TEST(SimTimer, MayEndItselfFromItsCallback) {
  OneHost world;
  std::unique_ptr<Timer> timer;
  int fired = 0;
  timer = std::make_unique<Timer>(world.host, [&] {
    ++fired;
    timer.reset();
  });
  timer->set(at(1s));
  world.network.run_until(at(5s));
  EXPECT_EQ(fired, 1);
}

TEST(SimTimer, StandsStillOnADeadHost) {
  OneHost world;
  int fired = 0;
  Timer timer{world.host, [&] { ++fired; }};
  timer.set(at(2s));
  world.host.kill();
  world.network.run_until(at(10s));
  EXPECT_EQ(fired, 0);
}

}  // namespace
}  // namespace ice::sim
