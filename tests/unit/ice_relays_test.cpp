// The allocations of an agent by themselves: what they are called by.

#include "ice/relays.hpp"

#include <gtest/gtest.h>

#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"
#include "support/stun_messages.hpp"

namespace ice {
namespace {

using test::endpoint;

// A server that takes back what it gives, all the time, must not come by the names of the driver's sockets.
TEST(Relays, CallTheirWaysByIdsOfTheirOwnAlsoAfterSeventyThousandLosses) {
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse("turn:203.0.113.20:3478"), *stun::Login::make("user", "pass"));
  SeededRandom random{1};
  Pacer pacer;
  Relays relays{config, {.random = random, .pacer = pacer}};
  Base base;
  base.local = endpoint("192.0.2.1:5000");
  ASSERT_TRUE(relays.want(base, 0, endpoint("203.0.113.20:3478")));
  ASSERT_TRUE(relays.want(base, 0, endpoint("203.0.113.21:3478")));
  turn::Allocated allocated;
  allocated.relayed = endpoint("192.0.2.15:50000");
  relays.open_ways(0, allocated);
  const SocketId kept = relays[0].ways.at(0).socket;
  for (int i = 0; i < 70'000; ++i) {
    relays.open_ways(1, allocated);
    const SocketId way = relays[1].ways.at(0).socket;
    ASSERT_TRUE(Relays::is_relay(way)) << i;
    ASSERT_NE(way, kept) << i;
    EXPECT_EQ(relays.close_ways(1).size(), 1U);
  }
}

}  // namespace
}  // namespace ice
