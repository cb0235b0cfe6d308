// What an allocation costs: no heap for a datagram, little for itself.

#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::TurnClientRig;
namespace attr = stun::attr;

struct Discard {
  void transmit(const Transmit&) {}
  void event(const AllocationEvent&) {}
  void request(const SocketRequest&) {}
};

TEST(TurnAllocationMemory, NoDatagramOfAPeerAllocates) {
  TurnClientRig rig;
  rig.allocate();
  rig.permit("198.51.100.1");
  rig.bind("198.51.100.2:9");
  const std::array<std::uint8_t, 1200> payload{};
  const auto indication = test::stun_message(
      stun::Class::indication, {{9}},
      [&](stun::Builder& b) { b.add<attr::XorPeerAddress>(endpoint("198.51.100.1:9")).add<attr::Data>(payload); },
      stun::Method::data);
  const std::array<std::uint8_t, 8> channel_data{0x40, 0, 0, 4, 1, 2, 3, 4};
  Discard outlet;

  const test::Allocations allocations;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(rig.receive_quietly(indication.bytes(), rig.configured.server).verdict, Verdict::application_data);
    ASSERT_EQ(rig.receive_quietly(channel_data, rig.configured.server).verdict, Verdict::application_data);
    ASSERT_TRUE(rig.allocation.wrap(rig.now, endpoint("198.51.100.1:9"), payload, rig.scratch));
    ASSERT_TRUE(rig.allocation.wrap(rig.now, endpoint("198.51.100.2:9"), payload, rig.scratch));
    ASSERT_FALSE(rig.allocation.wrap(rig.now, endpoint("198.51.100.3:9"), payload, rig.scratch));
    rig.receive_quietly(Bytes{channel_data}.first(7), rig.configured.server);
    rig.receive_quietly(Bytes{indication.bytes()}.first(100), rig.configured.server);
    drain(rig.allocation, rig.now, rig.scratch, outlet);
  }
  EXPECT_EQ(allocations.count(), 0u);
}

TEST(TurnAllocationMemory, KeepalivesAndRefreshesOfAnOldAllocationDoNotGrowIt) {
  TurnClientRig rig;
  rig.allocate();
  rig.permit("198.51.100.1");
  rig.bind("198.51.100.2:9");
  rig.run_for(1h);
  rig.servers.clear();  // what the test itself keeps is no part of this
  Discard outlet;
  const test::Allocations allocations;
  for (int i = 0; i < 4; ++i) {
    rig.now += 10s;
    rig.allocation.handle_timeout(rig.now);
    drain(rig.allocation, rig.now, rig.scratch, outlet);
  }
  EXPECT_EQ(allocations.count(), 0u);
}

TEST(TurnAllocationMemory, IsOfTheSizeOfAPointerAndIdleInLessThan2300Bytes) {
  EXPECT_EQ(sizeof(Allocation), sizeof(void*));
  AllocationConfig config = TurnClientRig::config();
  SeededRandom random{1};
  Pacer pacer;
  const test::Allocations allocations;
  const Allocation allocation{std::move(config), {.random = random, .pacer = pacer}};
  EXPECT_LE(allocations.count(), 5u);
  EXPECT_LT(allocations.bytes(), 2300u);
}

}  // namespace
}  // namespace ice::turn
